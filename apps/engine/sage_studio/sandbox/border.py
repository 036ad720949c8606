"""Values as they cross into the sandbox and back: one JSON text each way, bytes as base64 inside it.

What comes back is text nobody has vouched for: it is measured before it is read, and read by a parser
that builds nothing but plain values.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

from sage_studio.kernel import SageError
from sage_studio.sandbox.errors import NOT_JSON, TOO_LARGE

BYTES_KEY = "$bytes"


def _plain(value: object) -> Any:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return {BYTES_KEY: base64.b64encode(value).decode("ascii")}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, (Sequence, set, frozenset)):
        return list(value)
    raise TypeError(type(value).__name__)


def encoded(values: Mapping[str, Any]) -> str:
    """The inputs of a call as JSON. Raises SageError ``sandbox.not_json``."""
    try:
        return json.dumps(values, default=_plain, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise SageError(NOT_JSON, {"what": str(error)[:200]}) from error


def _revived(found: dict[str, Any]) -> Any:
    held = found.get(BYTES_KEY)
    if len(found) == 1 and isinstance(held, str):
        try:
            return base64.b64decode(held, validate=True)
        except (binascii.Error, ValueError):
            return found
    return found


def decoded(text: str, most_bytes: int) -> Any:
    """What a call gave. Raises SageError ``sandbox.too_large`` or ``sandbox.not_json``."""
    if len(text) > most_bytes:
        raise SageError(TOO_LARGE, {"size_mb": len(text) >> 20, "limit_mb": most_bytes >> 20})
    hook = _revived if f'"{BYTES_KEY}"' in text else None
    if "\\ud" in text or "\\uD" in text:  # half of a character, which no UTF-8 can hold
        text = json.dumps(json.loads(text), ensure_ascii=False).encode("utf-8", "replace").decode()
    try:
        return json.loads(text, object_hook=hook, parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        raise SageError(NOT_JSON, {"what": str(error)[:200]}) from error
