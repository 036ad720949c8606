"""Taking runs, keeping them, and reading what a taken run needs. Synchronous; each caller uses a
thread and connection of its own."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Q

from apps.common import failpoints
from apps.common.db import (
    as_id,
    fetch_all,
    fetch_one,
    plain_transaction,
    read_id,
    read_json,
    read_moment,
    write_transaction,
)
from apps.credentials.services import variables_for_run
from apps.credentials.types import DRAFT, Variables
from apps.executions.adapters import sql
from apps.executions.adapters.codec import GetBlob
from apps.executions.adapters.debugging import debug_session, take_debug_commands
from apps.executions.adapters.progress import payload_of
from apps.executions.adapters.writer import Claim
from apps.executions.models import Run, Signal, due_now
from apps.flows.models import Definition
from sage_studio.engine import RunProgress
from sage_studio.engine.debugging import DebugCommand, DebugSession
from sage_studio.kernel import Json, JsonObject, SageError


@dataclass(frozen=True, slots=True)
class ClaimedRun:
    """A run this worker holds, with what it needs to begin."""

    claim: Claim
    definition_id: uuid.UUID
    inputs: JsonObject
    losses: int
    is_cancelled: bool
    is_pause_wanted: bool
    part: JsonObject | None = None
    plugins: list[str] | None = None
    debug: DebugSession | None = None
    cost_micros: int = 0
    cost_currency: str = ""
    # What the run reads as ``vars``, and which texts among them are secret; None: still to be read, because
    # they could not be.
    variables: Variables | None = None
    # Of a run nobody has held before: all there is to know of its progress.
    fresh: RunProgress | None = None


# What a claim gives of the run's row, in the model's order.
_CLAIMED = (
    "created_at", "id", "workspace_id", "flow_id", "definition_id", "inputs", "debug", "part",
    "plugins",
    "cost_micros", "cost_currency", "started_at", "cancel_requested_at", "pause_requested_at",
    "parent_run_id", "parent_path", "fence", "losses", "last_seq",
)  # fmt: skip
_READ = {
    "created_at": read_moment, "started_at": read_moment,
    "id": read_id, "workspace_id": read_id, "flow_id": read_id, "definition_id": read_id,
    "parent_run_id": read_id,
    "inputs": read_json, "debug": read_json, "part": read_json,
    "plugins": read_json,
}  # fmt: skip


def claim_runs(owner: str, *, limit: int, lease_s: float) -> list[ClaimedRun]:
    """Take up to ``limit`` runs that are due: ready, parked until now or signalled, or left by a worker
    that is gone; those first that have been due longest."""
    words = sql.dialect()
    due = fetch_one(sql.claimable(words), [])
    if due is None or not any(due):
        return []
    with plain_transaction() as cursor:
        is_signalled = due[1]
        if is_signalled:
            cursor.execute(sql.wake_signalled(words), [])
            cursor.execute(sql.DROP_LATE_SIGNALS, [])
        cursor.execute(sql.claim(words, ", ".join(_CLAIMED)), [limit, owner, lease_s])
        runs = [_run(row) for row in cursor.fetchall()]
        taken_before = [run.pk for run in runs if run.fence > 1 or run.last_seq > 1]
        if taken_before:
            # Whoever begins a run reads all its signals; only those to come have to be brought to it.
            places = ", ".join(["%s"] * len(taken_before))
            cursor.execute(sql.take_signals(places), [as_id(run_id) for run_id in taken_before])
        failpoints.hit("run.claim")
    if not runs:
        return []
    failpoints.hit("run.claimed")
    begun = _with_records(runs)
    variables = {
        workspace_id: _variables(workspace_id) for workspace_id in {run.workspace_id for run in runs}
    }
    return [
        _claimed(run, owner, variables[run.workspace_id], is_fresh=run.pk not in begun)
        for run in sorted(runs, key=lambda run: run.created_at)
    ]


def _with_records(runs: Sequence[Run]) -> set[uuid.UUID]:
    """Those that were begun before, or begin with the records of another run."""
    new = [run.pk for run in runs if run.fence == 1 and run.last_seq == 1 and run.started_at is None]
    begun = {run.pk for run in runs}.difference(new)
    if new:
        places = ", ".join(["%s"] * len(new))
        statement = f"SELECT DISTINCT run_id FROM executions_noderun WHERE run_id IN ({places})"  # noqa: S608 - places only
        begun |= {read_id(row[0]) for row in fetch_all(statement, [as_id(run_id) for run_id in new])}
    return begun


def _variables(workspace_id: uuid.UUID) -> Variables | None:
    """Read in the turn that takes the runs, which spares each of them a turn of its own. A secret that
    cannot be opened is its runs' fault to find, not the claim's."""
    try:
        return variables_for_run(workspace_id, DRAFT)
    except SageError:
        return None


def _run(row: Sequence[Any]) -> Run:
    values = [
        _READ[name](value) if value is not None and name in _READ else value
        for name, value in zip(_CLAIMED, row, strict=True)
    ]
    run: Run = Run.from_db("default", _CLAIMED, values)
    return run


def _claimed(run: Run, owner: str, variables: Variables | None, *, is_fresh: bool) -> ClaimedRun:
    return ClaimedRun(
        claim=Claim(
            str(run.pk),
            str(run.flow_id),
            str(run.workspace_id),
            owner,
            run.fence,
            None if run.parent_run_id is None else str(run.parent_run_id),
            run.parent_path,
        ),
        definition_id=run.definition_id,
        inputs=run.inputs,
        losses=run.losses,
        is_cancelled=run.cancel_requested_at is not None,
        is_pause_wanted=run.pause_requested_at is not None,
        part=run.part,
        plugins=run.plugins,
        debug=debug_session(run),
        cost_micros=run.cost_micros,
        cost_currency=run.cost_currency,
        variables=variables,
        fresh=RunProgress(last_seq=run.last_seq) if is_fresh else None,
    )


def definition_body(definition_id: uuid.UUID) -> JsonObject:
    """The flow a run was accepted with."""
    body: JsonObject = Definition.objects.values_list("body", flat=True).get(pk=definition_id)
    return body


def run_pins(run_id: uuid.UUID) -> list[str] | None:
    """The packages of plug-ins a run was accepted with."""
    pins: list[str] | None = Run.objects.values_list("plugins", flat=True).get(pk=run_id)
    return pins


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


NO_NEWS = News([], [], [], [])


def read_news(owner: str, get_blob: Callable[[uuid.UUID], GetBlob]) -> News:
    """Wishes for the owner's runs, their signals as (run id, key, payload) and debug commands, each
    once."""
    row = fetch_one(sql.NEWS, [owner, owner, owner])
    if row is None or not row[0]:
        return NO_NEWS
    # Signals first: a wish that ended children comes with their signals, and they must not be read
    # without it: a parent would fail by its children before it heard of its own end.
    signals = _take_signals(owner, get_blob)
    mine = Run.objects.filter(owner=owner, owner__gt="", state="running")
    wished = mine.filter(Q(cancel_requested_at__isnull=False) | Q(pause_requested_at__isnull=False))
    cancelled: list[str] = []
    paused: list[str] = []
    for run_id, cancel_at in wished.values_list("pk", "cancel_requested_at"):
        (paused if cancel_at is None else cancelled).append(str(run_id))
    return News(cancelled, paused, signals, take_debug_commands(owner))


def _take_signals(owner: str, get_blob: Callable[[uuid.UUID], GetBlob]) -> list[tuple[str, str, Json]]:
    untaken = Signal.objects.filter(is_taken=False, run__owner=owner).select_related("child", "run")
    found = list(untaken.only(*_SIGNAL_FIELDS, "run__workspace_id").order_by("pk"))
    if not found:
        return []
    with write_transaction():
        # The owner is asked again, and its rows are held: a signal of a run that was parked or taken over
        # meanwhile is another worker's, and one that is being parked must see what is taken here.
        runs = Run.objects.select_for_update().filter(pk__in={signal.run_id for signal in found})
        list(runs.order_by("pk").values_list("pk"))
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
