"""Signals: telling a run that something it waits for has happened.

The row is what counts. A run that is parked is woken by it before the next claim of any worker, a run
under way hears of it within a poll; hints only make that sooner.
"""

from __future__ import annotations

import json
import uuid

from apps.accounts.models import Person
from apps.common import failpoints
from apps.common.db import write_transaction
from apps.executions import errors, events
from apps.executions.models import Run, Signal, due_now
from apps.executions.selectors import run_get, wait_list
from apps.executions.services.accept import MAX_INPUT_BYTES
from apps.executions.types import ACTIVE_STATES
from apps.workspaces.policies import require
from apps.workspaces.types import Action
from sage_studio.kernel import Json, SageError


def signal_send(
    *, person: Person, workspace_id: uuid.UUID, run_id: uuid.UUID, key: str, payload: Json
) -> Signal:
    """A person answers what a run waits for: an approval, a form, a webhook's stand-in. The first
    answer counts.

    Raises NotFound, Forbidden, or SageError when nothing waits under ``key``, when it was answered
    already, or when the payload is too big.
    """
    require(person, workspace_id, Action.RUN_CONTROL)
    run = run_get(workspace_id, run_id)
    wait = next((wait for wait in wait_list(run) if wait.key == key and wait.can_signal), None)
    if wait is None:
        raise SageError(errors.NOT_WAITING, {"key": key[:200]})
    signal = signal_deliver(run_id=run.pk, key=key, payload=payload, person=person)
    if signal is None:
        raise SageError(errors.ANSWERED_ALREADY, {"key": key[:200]})
    return signal


def signal_deliver(
    *, run_id: uuid.UUID, key: str, payload: Json, person: Person | None = None
) -> Signal | None:
    """Tell a run that ``key`` has happened; None when it was told before or has ended. For callers who
    have checked the right to do so: a route behind a policy, a signed link, a webhook.

    Raises SageError when the payload is too big.
    """
    if len(json.dumps(payload)) > MAX_INPUT_BYTES:
        raise SageError(errors.INPUTS_TOO_LARGE, {"limit_bytes": MAX_INPUT_BYTES}, path="payload")
    with write_transaction():
        run = Run.objects.filter(pk=run_id, state__in=ACTIVE_STATES).only("flow_id").first()
        if run is None:
            return None
        signal, is_new = Signal.objects.get_or_create(
            run_id=run_id, key=key, defaults={"payload": payload, "created_by": person}
        )
        if is_new:
            wake(run_id)
            events.hint_work(run.flow_id)
        failpoints.hit("signal.deliver")
    failpoints.hit("signal.delivered")
    return signal if is_new else None


def tell_parent(child: Run) -> None:
    """Deliver the end of a child run no worker held; inside the caller's transaction."""
    if child.parent_run_id is not None:
        Signal.objects.get_or_create(
            run_id=child.parent_run_id, key=child.parent_path, defaults={"child": child}
        )
        wake(child.parent_run_id)


def wake(run_id: uuid.UUID) -> None:
    """Make a parked run due. One that is being parked at this moment is found by its signal."""
    Run.objects.filter(pk=run_id, state="running", owner="").update(lease_until=due_now())
