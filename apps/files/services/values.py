"""Values that flows keep: for a run, for the flow between its runs, or for the whole workspace."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from apps.common.db import write_transaction
from apps.files.models import FlowValue
from sage_studio.kernel import Json


def kept_value_get(workspace_id: uuid.UUID, owner_id: uuid.UUID, key: str, default: Json = None) -> Json:
    """``owner_id`` is the run, flow or workspace that keeps the value."""
    found = FlowValue.objects.filter(workspace_id=workspace_id, flow_id=owner_id, key=key)
    row = found.values_list("value", flat=True).first()
    return default if row is None else row


def kept_value_set(workspace_id: uuid.UUID, owner_id: uuid.UUID, key: str, value: Json) -> None:
    """None forgets what was kept: read again it is the default."""
    with write_transaction():
        if value is None:
            FlowValue.objects.filter(workspace_id=workspace_id, flow_id=owner_id, key=key).delete()
            return
        FlowValue.objects.update_or_create(
            workspace_id=workspace_id, flow_id=owner_id, key=key, defaults={"value": value}
        )


def kept_values_delete(workspace_id: uuid.UUID, owner_ids: Collection[uuid.UUID]) -> None:
    """Forget all that runs or flows have kept, within the caller's transaction."""
    FlowValue.objects.filter(workspace_id=workspace_id, flow_id__in=owner_ids).delete()
