"""Trying a node by itself, from the node library: an ordinary run of a flow that holds nothing else.

Such runs belong to a flow of the workspace that lists do not show; guards, limits, records and prices are
those of every run.
"""

from __future__ import annotations

import uuid

from apps.accounts.models import Person
from apps.catalogue.selectors import registry
from apps.common.db import write_transaction
from apps.common.errors import NotFound
from apps.executions.models import Run
from apps.executions.services.partial import run_begin
from apps.executions.types import Trigger
from apps.flows.models import Flow
from apps.flows.services import definition_ensure
from apps.workspaces.policies import require
from apps.workspaces.types import Action
from sage_studio.engine.partial import Part
from sage_studio.flow import SCHEMA, parse_plain
from sage_studio.flow.document import FlowDocument
from sage_studio.kernel import JsonObject

NODE_ID = "tried"
SCRATCH_NAME = "Node library"


def node_try(
    *,
    person: Person,
    workspace_id: uuid.UUID,
    type_id: str,
    version: str,
    config: JsonObject,
    inputs: JsonObject,
) -> Run:
    """Promise a run of one node with these settings and inputs. Raises NotFound for a node type that is
    not here, Forbidden, and SageError as ``run_begin`` does."""
    require(person, workspace_id, Action.RUN_START)
    spec = registry(workspace_id).spec(type_id, version or None)
    if spec is None:
        raise NotFound
    node: JsonObject = {"id": NODE_ID, "type": spec.id, "version": spec.version, "config": config}
    node["name"] = spec.name["en"]
    document = parse_plain({"schema": SCHEMA, "name": SCRATCH_NAME, "nodes": [node]})
    flow = _scratch_flow(person, workspace_id, document)
    return run_begin(
        person=person,
        flow=flow,
        definition=definition_ensure(workspace_id=workspace_id, document=document),
        inputs={},
        trigger=Trigger.MANUAL,
        part=Part(only_node=NODE_ID, inputs=inputs),
    )


def _scratch_flow(person: Person, workspace_id: uuid.UUID, document: FlowDocument) -> Flow:
    found = Flow.objects.filter(workspace_id=workspace_id, is_scratch=True).first()
    if found is not None:
        return found
    definition = definition_ensure(workspace_id=workspace_id, document=document)
    with write_transaction():
        flow, _ = Flow.objects.get_or_create(
            workspace_id=workspace_id,
            is_scratch=True,
            defaults={"name": SCRATCH_NAME, "definition": definition, "created_by": person},
        )
    return flow
