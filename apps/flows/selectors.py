"""Reading flows, always inside one workspace."""

from __future__ import annotations

import json
import uuid

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from apps.common.db import as_id, fetch_one
from apps.common.errors import NotFound
from apps.flows.models import Flow


def flow_list(*, workspace_id: uuid.UUID, naming: str = "") -> QuerySet[Flow]:
    """Flows people see in lists, with who edited them; those that name something (a file's ``ref``, say) in
    their current definition where ``naming`` is given."""
    flows = Flow.objects.filter(workspace_id=workspace_id, archived_at=None, is_scratch=False)
    flows = flows.select_related("edited_by")
    if not naming:
        return flows
    text = Cast("definition__body", TextField())
    return flows.annotate(_text=text).filter(_text__contains=json.dumps(naming))


def flow_get(*, workspace_id: uuid.UUID, flow_id: uuid.UUID) -> Flow:
    """One flow with its definition. Raises NotFound for archived ones and those of others."""
    flow = flow_list(workspace_id=workspace_id).select_related("definition").filter(pk=flow_id).first()
    if flow is None:
        raise NotFound
    return flow


def flow_to_run(workspace_id: uuid.UUID, flow_id: uuid.UUID) -> Flow:
    """A flow with what starting a run needs of it; the rest is read when somebody asks for it.
    Raises NotFound for archived ones and those of others."""
    row = fetch_one(
        "SELECT name FROM flows_flow WHERE id = %s AND workspace_id = %s AND archived_at IS NULL",
        [as_id(flow_id), as_id(workspace_id)],
    )
    if row is None:
        raise NotFound
    flow: Flow = Flow.from_db("default", ["id", "workspace_id", "name"], [flow_id, workspace_id, row[0]])
    return flow
