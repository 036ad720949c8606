"""Starting a run because something happened."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from django.db import IntegrityError
from django.utils import timezone

from apps.accounts.models import Person
from apps.catalogue.selectors import registry
from apps.common import failpoints
from apps.common.db import write_transaction
from apps.common.ids import ordered_id
from apps.executions.models import Run
from apps.executions.services.accept import add_run, checked_inputs
from apps.triggers.models import Delivery, Trigger
from apps.triggers.selectors import Live
from apps.triggers.types import Kind
from apps.workspaces.policies import require
from apps.workspaces.types import Action
from sage_studio.flow.firing import EVENT
from sage_studio.kernel import JsonObject


@dataclass(frozen=True, slots=True)
class Fired:
    """``is_new`` is false for what had started a run before."""

    run_id: uuid.UUID
    is_new: bool


def trigger_fire(
    live: Live,
    data: Mapping[str, Any],
    *,
    key: str = "",
    run_id: uuid.UUID | None = None,
    chain: int = 0,
    root: str = "",
    person: Person | None = None,
) -> Fired:
    """Promise the run that an event starts: its row, and the ``key`` it came under, in one transaction.

    Raises SageError when the flow cannot run or what came is too much for it.
    """
    run = run_made(live, data, run_id=run_id, chain=chain, root=root, person=person)
    if (before := fired_before(live.trigger, key)) is not None:
        return before
    try:
        with write_transaction():
            if person is not None:
                require(person, live.trigger.workspace_id, Action.RUN_START)
            if key:
                Delivery.objects.create(trigger=live.trigger, key=key, run_id=run.pk)
            add_run(run)
            failpoints.hit("trigger.fire")
    except IntegrityError:
        before = fired_before(live.trigger, key)
        if before is None:
            raise
        return before
    failpoints.hit("trigger.fired")
    return Fired(run.pk, is_new=True)


def run_made(
    live: Live,
    data: Mapping[str, Any],
    *,
    run_id: uuid.UUID | None = None,
    chain: int = 0,
    root: str = "",
    person: Person | None = None,
) -> Run:
    """The run an event starts, not written yet. Flow inputs are taken from what came by their names."""
    trigger = live.trigger
    event: dict[str, Any] = {
        "node": trigger.node_id,
        "kind": Kind(trigger.kind).word,
        "chain": chain,
        "root": root,
    }
    event["data"] = dict(data)
    came = data.get("body", data.get("values"))
    named = came if isinstance(came, Mapping) else {}
    inputs = {item.name: named[item.name] for item in live.document.inputs if item.name in named}
    given = cast(JsonObject, {**inputs, EVENT: event})
    return Run(
        id=run_id or ordered_id(),
        workspace_id=trigger.workspace_id,
        flow=trigger.flow,
        definition=live.definition,
        trigger=Kind(trigger.kind).word,
        version=live.version,
        inputs=checked_inputs(live.definition, given, registry(trigger.workspace_id)),
        created_by=person,
    )


def fired_before(trigger: Trigger, key: str) -> Fired | None:
    """What a call or an event has started that came under this name before."""
    if not key:
        return None
    found = Delivery.objects.filter(trigger=trigger, key=key).values_list("run_id", flat=True).first()
    return None if found is None else Fired(found, is_new=False)


def listening_end(trigger: Trigger) -> Person | None:
    """Take the one call the editor listens for; who listens, or None when nobody does (any more)."""
    now = timezone.now()
    with write_transaction():
        waiting = Trigger.objects.filter(pk=trigger.pk, listening_until__gt=now)
        person = waiting.values_list("listener_id", flat=True).first()
        taken = person is not None and waiting.update(listening_until=None)
    if person is None or not taken:
        return None
    return Person.objects.filter(pk=person, is_active=True).first()
