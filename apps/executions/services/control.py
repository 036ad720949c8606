"""What a person may ask of a run: pause, resume, run again (cancel is in ``cancelling``).

A run no worker holds changes at once; a run under way gets a wish its worker heeds within seconds and
across restarts. What is asked of a run reaches the runs it started.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db.models import F, Q
from django.utils import timezone

from apps.accounts.models import Person
from apps.common import failpoints
from apps.common.db import write_transaction
from apps.executions import errors, events
from apps.executions.budgets import budget_holder
from apps.executions.models import NodeRun, Run, due_now
from apps.executions.selectors import run_get
from apps.executions.services.accept import append_event, note_state, run_accept
from apps.executions.services.family import descendants, family_lock
from apps.executions.services.partial import run_begin
from apps.executions.services.signals import wake
from apps.executions.types import FINAL_STATES, Trigger
from apps.workspaces.policies import require
from apps.workspaces.types import Action
from sage_studio.engine.partial import Part
from sage_studio.engine.spending import PAUSED_FOR_BUDGET
from sage_studio.kernel import SageError

_PARKED = Q(state="running", owner="")


def run_pause(*, person: Person, workspace_id: uuid.UUID, run_id: uuid.UUID) -> Run:
    """Let a run and those it started rest: nothing new starts, what is at work finishes.

    Raises NotFound, Forbidden, or SageError when it is not under way.
    """
    with write_transaction():
        require(person, workspace_id, Action.RUN_CONTROL)
        run = run_get(workspace_id, run_id)
        family_lock(run.pk)
        now = timezone.now()
        if not _pause(run, now):
            run.refresh_from_db()
            raise SageError(errors.NOT_PAUSABLE, {"state": run.state})
        run.refresh_from_db()
        # Asked twice before its worker heard of it, a run keeps the first moment: for new children too.
        for child in descendants(run.pk):
            _pause(child, run.pause_requested_at or now)
        failpoints.hit("run.pause")
    failpoints.hit("run.pause_noted")
    return run


def _pause(run: Run, now: datetime) -> bool:
    """Whether the run was under way. The moment is how a parent's resumption knows which children it
    had paused."""
    events.hint_wish(run.flow_id)
    unasked = Run.objects.filter(pk=run.pk, pause_requested_at=None)
    unheld = unasked.filter(Q(state="ready") | _PARKED)
    if unheld.update(
        state=Run.State.PAUSED,
        reason="requested",
        pause_requested_at=now,
        last_seq=F("last_seq") + 1,
        updated_at=now,
        lease_until=None,
    ):
        run.refresh_from_db()
        append_event(run, "run_paused", {"reason": "requested"})
        note_state(run)
        return True
    unasked.filter(state="running").update(pause_requested_at=now, updated_at=now)
    wake(run.pk)  # it may have been parked between the two statements
    return Run.objects.filter(pk=run.pk, state="running").exists()


def run_resume(
    *, person: Person, workspace_id: uuid.UUID, run_id: uuid.UUID, budget: int | None = None
) -> Run:
    """Go on with a paused run, whatever it paused for: a person's wish, an unknown outcome (that node
    is repeated), a dead letter (that node gets new attempts), a budget. Children its pause had reached go
    on too. With ``budget`` (in the smallest unit of its currency) the budget the run is under becomes so
    much first, and all that had paused for it goes on.

    Raises NotFound, Forbidden, or SageError when it is not paused and nobody has asked for it, and when
    the budget is no higher than before or there is none.
    """
    with write_transaction():
        require(person, workspace_id, Action.RUN_CONTROL)
        run = run_get(workspace_id, run_id)
        others_go_on = budget is not None and _raise_budget(run, budget)
        family_lock(run.pk)
        run.refresh_from_db()  # a pause may have come in before the lock
        asked_at = run.pause_requested_at
        if not _resume(run) and not others_go_on:
            run.refresh_from_db()
            raise SageError(errors.NOT_RESUMABLE, {"state": run.state})
        if asked_at is not None:
            for child in descendants(run.pk):
                if child.pause_requested_at == asked_at:
                    _resume(child)
        run.refresh_from_db()
        failpoints.hit("run.resume")
    failpoints.hit("run.resumed")
    return run


def _raise_budget(run: Run, amount: int) -> bool:
    """Raise the tightest budget at or above a run; whether others that had paused for it go on."""
    holder = budget_holder(run)
    if holder is None:
        raise SageError(errors.BUDGET_NONE)
    family_lock(holder.pk)
    holder = Run.objects.get(pk=holder.pk)  # somebody else may have raised it meanwhile
    if holder.budget is None or amount <= holder.budget["amount"]:
        raise SageError(errors.BUDGET_NOT_RAISED, path="budget")
    Run.objects.filter(pk=holder.pk).update(budget={**holder.budget, "amount": amount})
    others_go_on = False
    for other in (holder, *descendants(holder.pk)):
        if other.pk != run.pk and other.state == Run.State.PAUSED and other.reason == PAUSED_FOR_BUDGET:
            others_go_on |= _resume(other)
    return others_go_on


def _resume(run: Run) -> bool:
    events.hint_work(run.flow_id)
    if Run.objects.filter(pk=run.pk, state="paused").update(
        state=Run.State.READY,
        last_seq=F("last_seq") + 1,
        error=None,
        reason="",
        cancel_requested_at=None,
        pause_requested_at=None,
        lease_until=due_now(),
        losses=0,
    ):
        run.refresh_from_db()
        NodeRun.objects.filter(run=run, state="paused").update(state="pending")
        NodeRun.objects.filter(run=run, is_lost=True).update(is_lost=False)
        append_event(run, "run_queued", {"trigger": "resume"})
        note_state(run)
        return True
    return bool(
        Run.objects.filter(pk=run.pk, state="running", pause_requested_at__isnull=False).update(
            pause_requested_at=None
        )
    )


def run_retry(*, person: Person, workspace_id: uuid.UUID, run_id: uuid.UUID) -> Run:
    """Do it again: a run that has ended becomes a new run of the same definition and inputs, one of a
    part of its flow a run of that part; a paused one goes on.

    Raises NotFound, Forbidden, or SageError while it is under way.
    """
    run = run_get(workspace_id, run_id)
    if run.state in FINAL_STATES and run.part is not None:
        return run_begin(
            person=person,
            flow=run.flow,
            definition=run.definition,
            inputs=run.inputs,
            trigger=Trigger.RETRY,
            version=run.version,
            part=Part.from_json(run.part),
            data_of_run=run.pk,
            retry_of=run.pk,
        )
    if run.state in FINAL_STATES:
        return run_accept(
            person=person,
            flow=run.flow,
            definition=run.definition,
            inputs=run.inputs,
            trigger=Trigger.RETRY,
            version=run.version,
            retry_of=run.pk,
        )
    if run.state != Run.State.PAUSED:
        raise SageError(errors.NOT_RETRYABLE, {"state": run.state})
    return run_resume(person=person, workspace_id=workspace_id, run_id=run_id)
