"""Rows of triggers: made once per node, brought in step with what is published."""

from __future__ import annotations

import uuid

from django.utils import timezone

from apps.accounts.models import Person
from apps.audit.services import record
from apps.collaboration.selectors import definition_current
from apps.common.db import write_transaction
from apps.flows.models import Flow
from apps.triggers import schedules, selectors
from apps.triggers.models import Trigger
from apps.triggers.services.refusing import refusal_note
from apps.triggers.types import Kind
from apps.versions.models import Publication
from apps.workspaces.policies import require
from apps.workspaces.types import Action
from sage_studio.flow import parse_plain
from sage_studio.flow.document import FlowDocument
from sage_studio.kernel import JsonObject, SageError


def triggers_register(flow: Flow) -> None:
    """Give every trigger of the draft its address; nothing more is decided by it."""
    _ensure(flow, parse_plain(definition_current(flow).body))


def flow_published(payload: JsonObject) -> None:
    """Handler of ``version.published``: addresses for the version's triggers, times for its schedules."""
    flow = Flow.objects.filter(pk=str(payload["flow_id"]), archived_at=None).first()
    publication = Publication.objects.select_related("version__definition").filter(flow=flow).first()
    if flow is None or publication is None:
        return
    _ensure(flow, parse_plain(publication.version.definition.body))
    for trigger in Trigger.objects.filter(flow=flow, kind=Kind.SCHEDULE.value):
        schedule_plan(trigger.pk)


def _ensure(flow: Flow, document: FlowDocument) -> None:
    known = set(Trigger.objects.filter(flow=flow).values_list("node_id", flat=True))
    new = [node for node in selectors.trigger_nodes(document) if node.id not in known]
    if new:
        rows = [
            Trigger(workspace_id=flow.workspace_id, flow=flow, node_id=node.id, kind=node.type)
            for node in new
        ]
        with write_transaction():
            Trigger.objects.bulk_create(rows, ignore_conflicts=True)


def schedule_plan(trigger_id: uuid.UUID, *, anew: bool = False) -> None:
    """Set the next time of a schedule when its settings have changed (or ``anew``); none when it is paused
    or not published. Settings nobody can read are on record as a refusal."""
    trigger = Trigger.objects.select_related("flow").get(pk=trigger_id)
    try:
        live = selectors.live_published(trigger)
        schedule = schedules.schedule_of(live.config, live.document.settings.timezone)
    except SageError as error:
        with write_transaction():
            Trigger.objects.filter(pk=trigger_id).update(next_at=None, due_for=None, schedule="")
        if not trigger.is_paused:
            refusal_note(trigger, error)
        return
    if schedule.digest == trigger.schedule and trigger.next_at is not None and not anew:
        return
    due = schedule.first_after(timezone.now())
    fires = None if due is None else schedule.spread(due, str(trigger_id))
    with write_transaction():
        Trigger.objects.filter(pk=trigger_id).update(next_at=fires, due_for=due, schedule=schedule.digest)


def trigger_pause(person: Person, trigger: Trigger, *, is_paused: bool) -> None:
    """Stop a trigger, or let it fire again; what a schedule missed meanwhile stays missed.

    Raises Forbidden and NotFound.
    """
    with write_transaction():
        require(person, trigger.workspace_id, Action.VERSION_PUBLISH)
        Trigger.objects.filter(pk=trigger.pk).update(is_paused=is_paused)
        record(
            person,
            "trigger.paused" if is_paused else "trigger.resumed",
            trigger.workspace_id,
            target=("flow", trigger.flow_id),
            after={"node": trigger.node_id, "kind": trigger.kind},
        )
    if trigger.kind == Kind.SCHEDULE:
        schedule_plan(trigger.pk, anew=True)
