"""Reading triggers: what is live is derived from published versions, each time anew."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from apps.catalogue.selectors import registry
from apps.collaboration.selectors import definition_current
from apps.executions.models import Run
from apps.executions.services.accept import runnable
from apps.flows.models import Definition, Flow
from apps.triggers import errors, schedules
from apps.triggers.models import Trigger
from apps.triggers.types import KINDS, Kind
from apps.versions.models import Publication
from sage_studio.flow import parse_plain
from sage_studio.flow.document import FlowDocument, FlowNode
from sage_studio.kernel import SageError


@dataclass(frozen=True, slots=True)
class Live:
    """A trigger with the definition its run is made of, and its settings there."""

    trigger: Trigger
    definition: Definition
    version: int | None
    document: FlowDocument
    config: dict[str, Any]


def trigger_nodes(document: FlowDocument) -> list[FlowNode]:
    """The nodes that something outside fires."""
    return [node for node in document.nodes if node.type in KINDS and not node.disabled]


def trigger_find(trigger_id: uuid.UUID, kind: Kind) -> Trigger:
    """Raises SageError ``trigger.unknown``."""
    found = Trigger.objects.select_related("flow").filter(
        pk=trigger_id, kind=kind.value, flow__archived_at=None
    )
    trigger = found.first()
    if trigger is None:
        raise SageError(errors.UNKNOWN)
    return trigger


def live_published(trigger: Trigger) -> Live:
    """As the published version has it. Raises SageError ``trigger.not_published`` or ``trigger.paused``,
    and what says that the version cannot run."""
    publication = (
        Publication.objects.select_related("version__definition").filter(flow=trigger.flow_id).first()
    )
    if publication is None:
        raise SageError(errors.NOT_PUBLISHED)
    version = publication.version
    live = _live(trigger, version.definition, version.number, errors.NOT_PUBLISHED)
    if trigger.is_paused:
        raise SageError(errors.PAUSED)
    return live


def live_draft(trigger: Trigger) -> Live:
    """As the flow is drawn now. Raises SageError where it has no such trigger any more, or cannot run."""
    return _live(trigger, definition_current(trigger.flow), None, errors.NOT_OF_FLOW)


def _live(trigger: Trigger, definition: Definition, version: int | None, absent: Any) -> Live:
    types = registry(trigger.workspace_id)
    node = node_in(parse_plain(definition.body), trigger)
    if node is None:
        raise SageError(absent)
    document = runnable(definition.pk, types)
    return Live(trigger, definition, version, document, _config(trigger, node))


def node_in(document: FlowDocument, trigger: Trigger) -> FlowNode | None:
    for node in trigger_nodes(document):
        if node.id == trigger.node_id and node.type == trigger.kind:
            return node
    return None


def _config(trigger: Trigger, node: FlowNode) -> dict[str, Any]:
    spec = registry(trigger.workspace_id).spec(node.type, node.version)
    return {**(spec.constants if spec else {}), **node.config}


@dataclass(frozen=True, slots=True)
class Shown:
    """A trigger as people see it. ``state`` is ``live``, ``paused``, ``draft`` (drawn, not published) or
    ``gone`` (neither)."""

    trigger: Trigger
    name: str
    state: str
    version: int | None
    next_times: list[datetime]
    schedule_error: SageError | None
    newest_run: Run | None

    @property
    def next_at(self) -> datetime | None:
        return self.trigger.next_at if self.state == "live" else None


def triggers_shown(rows: Iterable[Trigger], *, with_draft: bool) -> list[Shown]:
    """What people see of triggers; those that are in no version any more are left out."""
    listed = list(rows)
    flows = {row.flow_id for row in listed}
    published = {
        item.flow_id: item.version
        for item in Publication.objects.select_related("version__definition").filter(flow__in=flows)
    }
    documents: dict[uuid.UUID, FlowDocument] = {}
    shown = []
    for row in listed:
        version = published.get(row.flow_id)
        document = None if version is None else _document(version.definition, documents)
        node = None if document is None else node_in(document, row)
        state = "draft" if node is None else "paused" if row.is_paused else "live"
        if node is None and with_draft:
            document = _document(definition_current(row.flow), documents)
            node = node_in(document, row)
        if node is None or document is None:
            continue
        shown.append(_shown(row, node, document, state, None if version is None else version.number))
    return shown


def _document(definition: Definition, kept: dict[uuid.UUID, FlowDocument]) -> FlowDocument:
    if definition.pk not in kept:
        kept[definition.pk] = parse_plain(definition.body)
    return kept[definition.pk]


def _shown(row: Trigger, node: FlowNode, document: FlowDocument, state: str, version: int | None) -> Shown:
    times: list[datetime] = []
    error = None
    if row.kind == Kind.SCHEDULE:
        try:
            schedule = schedules.schedule_of(_config(row, node), document.settings.timezone)
            times = schedules.next_times(schedule, timezone.now())
        except SageError as refused:
            error = refused
    return Shown(row, node.called, state, version, times, error, newest_run(row))


def newest_run(trigger: Trigger) -> Run | None:
    """The newest run this trigger has started."""
    runs = Run.objects.filter(flow=trigger.flow_id, trigger=Kind(trigger.kind).word)
    for run in runs.order_by("-created_at", "-id").only("id", "number", "state", "created_at", "inputs")[:20]:
        if (run.inputs.get("$trigger") or {}).get("node") == trigger.node_id:
            return run
    return None


def triggers_of_workspace(workspace_id: uuid.UUID) -> list[Shown]:
    """All that are live or paused, by flow."""
    rows = Trigger.objects.filter(workspace_id=workspace_id, flow__archived_at=None).select_related("flow")
    return triggers_shown(rows.order_by("flow__name", "created_at")[:500], with_draft=False)


def triggers_of_flow(flow: Flow) -> list[Shown]:
    """Those of the draft and of the published version."""
    rows = Trigger.objects.filter(flow=flow).select_related("flow").order_by("created_at")
    return triggers_shown(rows, with_draft=True)
