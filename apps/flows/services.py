"""Operations on flows that do not touch the live document: birth, archive, definitions, notes.

Changes of a flow's content, its name included, go through ``apps.collaboration.services``.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from django.utils import timezone

from apps.accounts.models import Person
from apps.audit.services import record
from apps.common.db import as_id, as_moment, write_plain, write_transaction
from apps.common.errors import NotFound
from apps.common.events import emit
from apps.flows import errors, events, starters
from apps.flows.models import Definition, Flow
from apps.workspaces.models import Workspace
from apps.workspaces.policies import require
from apps.workspaces.types import Action
from sage_studio.flow import canonical, hashes, parse_plain
from sage_studio.flow.document import FlowDocument
from sage_studio.kernel import JsonObject, SageError

FLOWS_PER_WORKSPACE = 5_000


def definition_ensure(*, workspace_id: uuid.UUID, document: FlowDocument) -> Definition:
    """The immutable row of this state, written if it is new. Inside or outside a transaction."""
    semantic, layout = hashes(document)
    key = {"workspace_id": workspace_id, "semantic_hash": semantic, "layout_hash": layout}
    if (found := Definition.objects.filter(**key).first()) is not None:
        return found
    definition, _ = Definition.objects.get_or_create(**key, defaults={"body": canonical(document)})
    return definition


def flow_create(
    *,
    person: Person,
    workspace: Workspace,
    name: str,
    description: str | None = None,
    definition: JsonObject | None = None,
) -> Flow:
    """A new flow, empty or with the content of ``definition`` (checked; faults name their place).

    Raises Forbidden, NotFound, or SageError for a definition that is none.
    """
    document = _document(name, description, definition)
    with write_transaction():
        require(person, workspace.pk, Action.FLOW_EDIT)
        if Flow.objects.filter(workspace=workspace, archived_at=None).count() >= FLOWS_PER_WORKSPACE:
            raise SageError(errors.TOO_MANY, {"limit": FLOWS_PER_WORKSPACE})
        return _do_create(person, workspace, document)


def _document(name: str, description: str | None, definition: JsonObject | None) -> FlowDocument:
    if not name.strip():
        raise SageError(errors.NAME_EMPTY, path="name")
    document = parse_plain(definition) if definition is not None else FlowDocument()
    changes = {"name": name.strip()} | ({} if description is None else {"description": description})
    return document.model_copy(update=changes)


def _do_create(person: Person, workspace: Workspace, document: FlowDocument) -> Flow:
    flow = Flow.objects.create(
        workspace=workspace,
        name=document.name,
        description=document.description,
        definition=definition_ensure(workspace_id=workspace.pk, document=document),
        node_count=len(document.nodes),
        created_by=person,
        edited_by=person,
    )
    record(person, events.FLOW_CREATED, workspace.pk, ("flow", flow.pk), after={"name": flow.name})
    events.created(flow)
    emit(events.FLOW_CREATED, {"flow_id": str(flow.pk), "workspace_id": str(workspace.pk)})
    return flow


def starters_create(workspace: Workspace, person: Person) -> None:
    """Put the ready flows into a new workspace, in its owner's language. Inside the creating
    transaction (``workspaces.events.on_created``); the newest comes last, so order is reversed."""
    for body in reversed(starters.starter_flows(person.language)):
        _do_create(person, workspace, parse_plain(body))


def flow_archive(*, person: Person, flow: Flow) -> None:
    """Delete a flow as people see it. Its rows stay, because runs and versions point at them.

    Raises Forbidden or NotFound (also when it is archived already).
    """
    with write_transaction():
        require(person, flow.workspace_id, Action.FLOW_EDIT)
        changed = Flow.objects.filter(pk=flow.pk, archived_at=None).update(archived_at=timezone.now())
        if not changed:
            raise NotFound
        record(person, events.FLOW_ARCHIVED, flow.workspace_id, ("flow", flow.pk), before={"name": flow.name})
        emit(events.FLOW_ARCHIVED, {"flow_id": str(flow.pk), "workspace_id": str(flow.workspace_id)})


def flow_projected(
    *, flow_id: uuid.UUID, definition: Definition, edited_by_id: uuid.UUID | None, edited_at: datetime
) -> None:
    """Show a newer state of the live document in lists. For the app that owns documents."""
    body = definition.body
    Flow.objects.filter(pk=flow_id).update(
        definition=definition,
        name=body.get("name") or "",
        description=body.get("description") or "",
        node_count=len(body.get("nodes") or ()),
        edited_by_id=edited_by_id,
        edited_at=edited_at,
        updated_at=timezone.now(),
    )


def flow_run_noted(
    *,
    flow_id: uuid.UUID,
    run_id: uuid.UUID,
    state: str,
    finished_at: datetime | None = None,
    is_new: bool = False,
) -> None:
    """Remember the newest run for lists: ``is_new`` when it was accepted, later calls tell its
    state. An older run that ends after a newer one began changes nothing."""
    statement = (
        "UPDATE flows_flow SET last_run_state = %s, last_run_finished_at = %s, last_run_id = %s WHERE id = %s"
    )
    values = [state, as_moment(finished_at), as_id(run_id), as_id(flow_id)]
    if not is_new:
        statement += " AND last_run_id = %s"
        values.append(as_id(run_id))
    write_plain(statement, values)
