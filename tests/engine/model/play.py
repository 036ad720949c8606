"""One flow on the real engine, with a worker that is killed, drained, paused or told to cancel on the way.

A killed worker is a run whose store is gone from that moment and whose task is cancelled: nothing more of it
is recorded. Then the next worker claims the run from what is on disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from sage_studio.engine import (
    Batch,
    Controls,
    Event,
    FlowState,
    MemoryRunStore,
    NodeRecord,
    RunOutcome,
    RunProgress,
    RunStore,
    compile_flow,
    run_flow,
)
from sage_studio.flow import parse_plain
from tests.engine.model.leaves import LIBRARY
from tests.engine.model.nodes import LEDGER, Ledger
from tests.engine.nodes import FakeHost

RUN_ID = "run-1"
FINISHED = {"completed", "skipped"}
MOST_CLAIMS = 60

Kind = Literal["kill_before_batch", "kill_after_batch", "kill_at_node", "drain", "pause", "cancel"]


@dataclass(frozen=True)
class Trouble:
    """What befalls one worker: at its batch or execution number ``at`` (from 0)."""

    kind: Kind
    at: int


class Violation(AssertionError):
    """The engine broke a promise."""


class Killed(Exception):
    """Raised by the store of a worker that is no more."""


@dataclass
class Played:
    """What came of it, over all workers."""

    outcome: RunOutcome
    nodes: dict[tuple[str, str], NodeRecord]
    events: list[Event]
    ledger: Ledger
    crashes: int = 0
    claims: int = 0
    befallen: set[Kind] = field(default_factory=set)


class Clock:
    """Time that passes only by waiting."""

    def __init__(self) -> None:
        self._now = 1_800_000_000.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._now, UTC)

    def monotonic(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self._now += seconds

    def advance_to(self, at: float) -> None:
        self._now = max(self._now, at)


class Worker:
    """Holds the run until it ends, is given back, or trouble comes. It is the run's store, too."""

    def __init__(self, disk: MemoryRunStore, trouble: Trouble | None) -> None:
        self.claim: RunStore = disk.claim(RUN_ID)
        self.trouble = trouble
        self.controls = Controls(grace_s=0.2)
        self.task: asyncio.Task[Any] | None = None
        self.batches = 0
        self.executions = 0
        self.is_dead = False
        self.has_befallen = False

    async def load(self, run_id: str) -> RunProgress:
        return await self.claim.load(run_id)

    async def record(self, run_id: str, batch: Batch) -> None:
        if self._is_due("kill_before_batch", self.batches):
            self.die()
        if self.is_dead:
            raise Killed
        await self.claim.record(run_id, batch)
        if self._is_due("kill_after_batch", self.batches):
            self.die()
            raise Killed
        self.batches += 1

    def on_execution(self) -> None:
        """A node has begun its work."""
        at = self.executions
        self.executions += 1
        if self._is_due("kill_at_node", at):
            self.die()
            raise Killed
        for wish in ("drain", "pause", "cancel"):
            if hasattr(self.controls, wish) and self._is_due(wish, at):
                getattr(self.controls, wish)()

    def _is_due(self, kind: Kind, at: int) -> bool:
        due = self.trouble is not None and self.trouble.kind == kind and self.trouble.at == at
        self.has_befallen = self.has_befallen or due
        return due

    def die(self) -> None:
        self.is_dead = True
        if self.task is not None:
            self.task.cancel()


async def play(flow: Mapping[str, Any], inputs: Mapping[str, Any], troubles: Sequence[Trouble]) -> Played:
    """Run the flow to its end through all troubles. Raises Violation when a finished node runs again."""
    plan = compile_flow(parse_plain(dict(flow)), LIBRARY)
    disk, clock, ledger = MemoryRunStore(), Clock(), Ledger()
    LEDGER.set(ledger)
    left = list(troubles)
    played = Played(RunOutcome(FlowState.READY), {}, [], ledger)
    with ThreadPoolExecutor(1) as threads:
        while not played.outcome.state.is_final:
            if played.claims >= MOST_CLAIMS:
                raise Violation("the run does not come to an end")
            worker = Worker(disk, left.pop(0) if left else None)
            played.claims += 1

            def begun(node_id: str, path: str, worker: Worker = worker) -> None:
                _refuse_repetition(disk, node_id, path)
                worker.on_execution()

            ledger.on_execution = begun
            worker.task = asyncio.get_running_loop().create_task(
                run_flow(
                    plan,
                    run_id=RUN_ID,
                    flow_id="flow-1",
                    inputs=inputs,
                    store=worker,
                    host=FakeHost(),
                    threads=threads,
                    controls=worker.controls,
                    clock=clock,
                )
            )
            await asyncio.wait([worker.task])
            if worker.has_befallen and worker.trouble is not None:
                played.befallen.add(worker.trouble.kind)
            if worker.is_dead:
                played.crashes += 1
                # What is left of the dead worker's tasks comes to its end.
                for _ in range(3):
                    await asyncio.sleep(0)
                if RUN_ID in disk.outcomes and disk.outcomes[RUN_ID].state.is_final:
                    played.outcome = disk.outcomes[RUN_ID]
                continue
            played.outcome = _after(worker.task.result().state, disk)
    played.events = disk.events[RUN_ID]
    played.nodes = newest(disk)
    return played


def _after(state: FlowState, disk: MemoryRunStore) -> RunOutcome:
    """What a worker left; a person answers where one is asked for."""
    outcome = disk.outcomes[RUN_ID]
    if outcome.state is not state:
        raise Violation(f"said {state}, recorded {outcome.state}")
    if state is FlowState.PAUSED and outcome.reason in {"outcome_unknown", "dead_letter"}:
        for record in list(disk.nodes[RUN_ID].values()):
            if record.state == "paused":
                disk.nodes[RUN_ID][record.key] = record._replace(state="pending", error=None)
    return outcome


def _refuse_repetition(disk: MemoryRunStore, node_id: str, path: str) -> None:
    for record in disk.nodes.get(RUN_ID, {}).values():
        if (record.node_id, record.iteration_path) == (node_id, path) and record.state in FINISHED:
            raise Violation(f"{node_id} {path} was finished and runs again")


def newest(disk: MemoryRunStore) -> dict[tuple[str, str], NodeRecord]:
    """The last attempt of every node run."""
    found: dict[tuple[str, str], NodeRecord] = {}
    for record in sorted(disk.nodes[RUN_ID].values(), key=lambda record: record.attempt):
        found[record.node_id, record.iteration_path] = record
    return found
