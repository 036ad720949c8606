"""Ending runs because somebody asked for it, within seconds whoever holds them.

What no worker holds ends at once. A worker that holds a run gets a wish, which it heeds within seconds; one
that died or froze does not, and its run is ended over its head: the fence shuts out what it may still write.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from apps.accounts.models import Person
from apps.catalogue.selectors import registry_pinned
from apps.common import failpoints
from apps.common.db import write_transaction
from apps.common.events import emit
from apps.executions import errors, events
from apps.executions.models import NodeRun, Run
from apps.executions.selectors import run_get
from apps.executions.services.accept import append_event, note_state, runnable
from apps.executions.services.family import descendants, family_lock
from apps.executions.services.signals import tell_parent, wake
from apps.workspaces.policies import require
from apps.workspaces.types import Action
from sage_studio.engine import compile_flow
from sage_studio.engine.errors import OUTCOME_UNKNOWN
from sage_studio.kernel import SageError

logger = structlog.get_logger(__name__)
# A worker that lives has heard of a wish and renewed its leases within this; see ``adapters.worker``.
HEARD_WITHIN_S = 2.0
SILENT_FOR_S = 3.5
_UNHELD = Q(state__in=("ready", "paused")) | Q(state="running", owner="")
_UNDER_WAY = ("running", "waiting", "paused", "queued", "pending")


def run_cancel(*, person: Person, workspace_id: uuid.UUID, run_id: uuid.UUID) -> Run:
    """End a run and those it started: at once what no worker holds, else as a wish.

    Raises NotFound, Forbidden, or SageError when it has ended already.
    """
    with write_transaction():
        require(person, workspace_id, Action.RUN_CONTROL)
        run = run_get(workspace_id, run_id)
        family_lock(run.pk)
        now = timezone.now()
        if not _cancel(run, now):
            run.refresh_from_db()
            raise SageError(errors.NOT_CANCELLABLE, {"state": run.state})
        for child in descendants(run.pk):
            _cancel(child, now)
        run.refresh_from_db()
        failpoints.hit("run.cancel")
    failpoints.hit("run.cancel_noted")
    return run


def children_cancel(child_id: uuid.UUID, parent_id: uuid.UUID, fence: int) -> None:
    """End a child run and those below it, because its parent waits for it no more. A worker whose parent
    run was taken over (another ``fence``) has no say in that."""
    with write_transaction():
        child = Run.objects.filter(pk=child_id, parent_run__pk=parent_id, parent_run__fence=fence).first()
        if child is not None:
            family_lock(child.pk)
            now = timezone.now()
            for run in (child, *descendants(child.pk)):
                _cancel(run, now)
        failpoints.hit("run.cancel")
    failpoints.hit("run.cancel_noted")


def _cancel(run: Run, now: datetime) -> bool:
    """Whether the run had not ended; ``run`` shows what became of it."""
    events.hint_wish(run.flow_id)
    if _end(run, _UNHELD, now):
        return True
    is_asked = Run.objects.filter(pk=run.pk, state="running").update(cancel_requested_at=now, updated_at=now)
    wake(run.pk)  # it may have been parked between the two statements
    return bool(is_asked)


def _end(run: Run, which: Q, now: datetime) -> bool:
    """End a run if it is still as ``which`` says; whoever holds it is shut out by its fence."""
    if not Run.objects.filter(which, pk=run.pk).update(
        state=Run.State.CANCELLED,
        finished_at=now,
        last_seq=F("last_seq") + 1,
        updated_at=now,
        lease_until=None,
        reason="requested",
        owner="",
        fence=F("fence") + 1,
    ):
        return False
    run.refresh_from_db()
    _end_nodes(run, now)
    append_event(run, "run_cancelled", {"reason": "requested"})
    note_state(run, finished_at=now)
    emit(events.RUN_FINISHED, {"run_id": str(run.pk), "state": run.state})
    tell_parent(run)
    return True


def _end_nodes(run: Run, now: datetime) -> None:
    """Nothing is under way any more. What only a worker could know of a node that may not be repeated is
    unknown, and stays so."""
    rows = NodeRun.objects.filter(run=run, state__in=_UNDER_WAY)
    at_work = list(rows.filter(state="running").values_list("pk", "node_id", "iteration_path"))
    once = _at_most_once(run) if at_work else frozenset()
    unknown = {pk: (node_id, path) for pk, node_id, path in at_work if node_id in once}
    rows.exclude(pk__in=unknown).update(state="cancelled", finished_at=now)
    for pk, (node_id, path) in unknown.items():
        problem = SageError(OUTCOME_UNKNOWN).problem(node_id=node_id, iteration_path=path)
        NodeRun.objects.filter(pk=pk).update(state="paused", error=problem)


def _at_most_once(run: Run) -> frozenset[str]:
    types = registry_pinned(run.workspace_id, run.plugins)
    plan = compile_flow(runnable(run.definition_id, types), types, optimised=False)
    return frozenset(node.id for node in plan.whole() if node.is_at_most_once)


def cancels_overdue_end(lease_s: float) -> int:
    """End the runs whose cancellation their worker has not heard of because it is gone; how many. Leases
    last ``lease_s`` from when they were renewed."""
    ended = 0
    for run in Run.objects.filter(_overdue(lease_s)).order_by("pk"):
        with write_transaction():
            _lock_with_parent(run)
            if _end(run, _overdue(lease_s) & Q(fence=run.fence), timezone.now()):
                events.hint_wish(run.flow_id)
                ended += 1
                logger.warning("run_ended_over_its_worker", run_id=str(run.pk), fence=run.fence)
            failpoints.hit("run.overrule")
        failpoints.hit("run.overruled")
    return ended


def _overdue(lease_s: float) -> Q:
    heard = timezone.now() - timedelta(seconds=HEARD_WITHIN_S)
    silent: Mapping[str, Any] = {"lease_until__lte": Now() + timedelta(seconds=lease_s - SILENT_FOR_S)}
    return Q(owner__gt="", state="running", cancel_requested_at__lte=heard, **silent)


def _lock_with_parent(run: Run) -> None:
    """In the order in which all lock several runs."""
    pair = Run.objects.select_for_update(no_key=True).filter(pk__in=[run.pk, run.parent_run_id or run.pk])
    list(pair.order_by("pk").values_list("pk", flat=True))
