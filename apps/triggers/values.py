"""What runs gave, with the big values fetched that lie in the store under their hash."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from apps.files.selectors import blob_get
from sage_studio.kernel import SageError


def values_read(workspace_id: uuid.UUID, values: Mapping[str, Any] | None) -> dict[str, Any]:
    """Port → value; None where a value is gone or is no JSON."""
    return {name: _read(workspace_id, value) for name, value in (values or {}).items() if name[:1] != "$"}


def _read(workspace_id: uuid.UUID, value: Any) -> Any:
    if isinstance(value, list):
        return [_read(workspace_id, item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$blob" in value:
        try:
            return _read(workspace_id, json.loads(blob_get(workspace_id, value["$blob"])))
        except (SageError, ValueError):
            return None
    if "$stream" in value:
        return _read(workspace_id, value.get("samples"))
    # A person's own key that begins with a dollar has one more.
    return {name.removeprefix("$"): _read(workspace_id, item) for name, item in value.items()}
