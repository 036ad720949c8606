"""Values a flow keeps between its runs."""

from __future__ import annotations

import uuid

from apps.common.db import write_transaction
from apps.files.models import FlowValue
from sage_studio.kernel import Json


def flow_value_get(workspace_id: uuid.UUID, flow_id: uuid.UUID, key: str, default: Json = None) -> Json:
    found = FlowValue.objects.filter(workspace_id=workspace_id, flow_id=flow_id, key=key)
    row = found.values_list("value", flat=True).first()
    return default if row is None else row


def flow_value_set(workspace_id: uuid.UUID, flow_id: uuid.UUID, key: str, value: Json) -> None:
    with write_transaction():
        FlowValue.objects.update_or_create(
            workspace_id=workspace_id, flow_id=flow_id, key=key, defaults={"value": value}
        )
