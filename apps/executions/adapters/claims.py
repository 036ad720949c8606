"""Taking runs, keeping them, and reading what a taken run needs. Synchronous; each caller uses a
thread and connection of its own."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.db import connection
from django.db.models import Q

from apps.common import failpoints
from apps.common.db import write_transaction
from apps.executions.adapters import sql
from apps.executions.adapters.codec import GetBlob
from apps.executions.adapters.debugging import debug_session, take_debug_commands
from apps.executions.adapters.progress import payload_of
from apps.executions.adapters.writer import Claim
from apps.executions.models import Run, Signal, due_now
from sage_studio.engine.debugging import DebugCommand, DebugSession
from sage_studio.kernel import Json, JsonObject


@dataclass(frozen=True, slots=True)
class ClaimedRun:
    """A run this worker holds, with what it needs to begin."""

    claim: Claim
    definition_id: uuid.UUID
    body: JsonObject
    inputs: JsonObject
    losses: int
    is_cancelled: bool
    is_pause_wanted: bool
    part: JsonObject | None = None
    debug: DebugSession | None = None


def claim_runs(owner: str, *, limit: int, lease_s: float) -> list[ClaimedRun]:
    """Take up to ``limit`` runs that are due: ready, parked until now or signalled, or left by a worker
    that is gone; those first that have been due longest."""
    words = sql.dialect()
    with connection.cursor() as cursor:
        cursor.execute(sql.claimable(words), [])
        is_due, is_signalled = cursor.fetchone()
    if not (is_due or is_signalled):
        return []
    with write_transaction(), connection.cursor() as cursor:
        if is_signalled:
            cursor.execute(sql.wake_signalled(words), [])
            cursor.execute(sql.DROP_LATE_SIGNALS, [])
        cursor.execute(sql.claim(words), [owner, lease_s, limit])
        fences = {uuid.UUID(str(run_id)): fence for run_id, fence in cursor.fetchall()}
        if fences:
            # Whoever begins a run reads all its signals; only those to come have to be brought to it.
            Signal.objects.filter(run_id__in=fences, is_taken=False).update(is_taken=True)
        failpoints.hit("run.claim")
    if not fences:
        return []
    failpoints.hit("run.claimed")
    runs = Run.objects.select_related("definition").filter(pk__in=fences).order_by("created_at")
    return [_claimed(run, owner, fences[run.pk]) for run in runs]


def _claimed(run: Run, owner: str, fence: int) -> ClaimedRun:
    return ClaimedRun(
        claim=Claim(
            str(run.pk),
            str(run.flow_id),
            str(run.workspace_id),
            owner,
            fence,
            None if run.parent_run_id is None else str(run.parent_run_id),
            run.parent_path,
        ),
        definition_id=run.definition_id,
        body=run.definition.body,
        inputs=run.inputs,
        losses=run.losses,
        is_cancelled=run.cancel_requested_at is not None,
        is_pause_wanted=run.pause_requested_at is not None,
        part=run.part,
        debug=debug_session(run),
    )


def renew_leases(owner: str, *, lease_s: float) -> dict[str, int]:
    """Prolong every run the owner still holds; returns run id → fence of those."""
    with write_transaction(), connection.cursor() as cursor:
        cursor.execute(sql.renew(sql.dialect()), [lease_s, owner])
        held = {str(uuid.UUID(str(run_id))): fence for run_id, fence in cursor.fetchall()}
        failpoints.hit("run.renew")
    failpoints.hit("run.renewed")
    return held


def release_runs(owner: str) -> None:
    """Give up every run the owner holds; whoever claims one goes on from its records."""
    with write_transaction():
        Run.objects.filter(owner=owner, state="running").update(
            state="ready", owner="", lease_until=due_now()
        )
        failpoints.hit("run.release")
    failpoints.hit("run.released")


def release_strays(owner: str, fences: Mapping[str, int]) -> None:
    """Let others take runs (id → fence) that are the owner's and that it does not work on; their next
    claim counts as a loss."""
    with write_transaction():
        for run_id, fence in fences.items():
            mine = Run.objects.filter(pk=run_id, owner=owner, fence=fence, state="running")
            mine.update(lease_until=due_now())
        failpoints.hit("run.hand_back")
    failpoints.hit("run.handed_back")


@dataclass(frozen=True, slots=True)
class News:
    """What people and child runs have asked of or told the runs a worker holds."""

    cancelled: list[str]
    paused: list[str]
    signals: list[tuple[str, str, Json]]
    debug: list[tuple[str, DebugCommand]]


def read_news(owner: str, get_blob: Callable[[uuid.UUID], GetBlob]) -> News:
    """Wishes for the owner's runs, their signals as (run id, key, payload) and debug commands, each
    once."""
    mine = Run.objects.filter(owner=owner, owner__gt="", state="running")
    wished = mine.filter(Q(cancel_requested_at__isnull=False) | Q(pause_requested_at__isnull=False))
    cancelled: list[str] = []
    paused: list[str] = []
    for run_id, cancel_at in wished.values_list("pk", "cancel_requested_at"):
        (paused if cancel_at is None else cancelled).append(str(run_id))
    return News(cancelled, paused, _take_signals(owner, get_blob), take_debug_commands(owner))


def _take_signals(owner: str, get_blob: Callable[[uuid.UUID], GetBlob]) -> list[tuple[str, str, Json]]:
    untaken = Signal.objects.filter(is_taken=False, run__owner=owner).select_related("child", "run")
    found = list(untaken.only(*_SIGNAL_FIELDS, "run__workspace_id").order_by("pk"))
    if not found:
        return []
    with write_transaction():
        # The owner is asked again: a signal of a run that was taken over meanwhile is another worker's.
        mine = Signal.objects.filter(pk__in=[signal.pk for signal in found], run__owner=owner)
        mine_ids = set(mine.values_list("pk", flat=True))
        Signal.objects.filter(pk__in=mine_ids).update(is_taken=True)
        failpoints.hit("signal.take")
    failpoints.hit("signal.taken")
    return [
        (str(signal.run_id), signal.key, payload_of(signal, get_blob(signal.run.workspace_id)))
        for signal in found
        if signal.pk in mine_ids
    ]


_SIGNAL_FIELDS = (
    "run_id", "key", "payload", "child__state", "child__outputs", "child__error", "child__reason"
)  # fmt: skip
