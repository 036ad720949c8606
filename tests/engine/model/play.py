"""One flow on the real engine, with a worker that is killed, drained, paused or told to cancel on the way.

A killed worker is a run whose store is gone from that moment and whose task is cancelled: nothing more of it
is recorded. Then the next worker claims the run from what is on disk.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal, cast

from sage_studio.engine import (
    Batch,
    Controls,
    Event,
    FlowState,
    MemoryRunStore,
    NodeRecord,
    Plan,
    RunOutcome,
    RunProgress,
    RunStore,
    compile_flow,
    run_flow,
)
from sage_studio.flow import parse_plain
from sage_studio.kernel import Json
from tests.engine.chunk_place import ChunksHere, spread_over
from tests.engine.model.flows import EPOCH, SUB_FLOWS
from tests.engine.model.leaves import LIBRARY, payload_of
from tests.engine.model.nodes import LEDGER, Ledger
from tests.engine.nodes import FakeHost

RUN_ID = "run-1"
FINISHED = {"completed", "skipped"}
MOST_CLAIMS = 200
# Of the loop's time, which costs nothing: more than all pauses, waits and time limits of a flow together.
MOST_SECONDS = 1e7

Kind = Literal["kill_before_batch", "kill_after_batch", "kill_at_node", "dismiss", "drain", "pause", "cancel"]


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
    chunks: int = 0
    hits: int = 0
    befallen: set[Kind] = field(default_factory=set)


class Clock:
    """The time of the loop (``jumping``), counted from ``EPOCH``."""

    def now(self) -> datetime:
        return datetime.fromtimestamp(EPOCH + self.monotonic(), UTC)

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def sleep_until(self, at: float) -> None:
        await asyncio.sleep(at - EPOCH - self.monotonic())


class Cache:
    """Keeps values as a database does; ``hits`` counts those that were found."""

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}
        self.hits = 0

    async def get(self, key: str) -> Mapping[str, Any] | None:
        await asyncio.sleep(0)
        text = self._kept.get(key)
        self.hits += text is not None
        return None if text is None else cast("dict[str, Any]", json.loads(text))

    async def put(self, key: str, outputs: Mapping[str, Any]) -> None:
        await asyncio.sleep(0)
        self._kept[key] = json.dumps(outputs, default=dict)


class Host(FakeHost):
    """Runs sub-flows to their end, each once, whatever happens to the parent, and answers signals."""

    def __init__(self, disk: MemoryRunStore, threads: ThreadPoolExecutor) -> None:
        super().__init__()
        self.cache = Cache()
        self._disk = disk
        self._threads = threads
        self.children: dict[str, asyncio.Task[None]] = {}
        self.deliver: Callable[[str, Json], None] = lambda key, payload: None
        # A worker that is no more starts nothing, though its tasks may have a last moment in this process.
        self.is_gone: Callable[[], bool] = lambda: False

    async def start_flow(
        self,
        ref: str,
        inputs: Mapping[str, Any],
        *,
        version: str,
        key: str,
        deliver: Callable[[Json], None],
    ) -> str:
        if self.is_gone():
            await asyncio.Event().wait()
        if key not in self.children:
            run = self._run_child(ref, dict(inputs), key)
            self.children[key] = asyncio.get_running_loop().create_task(run)
        return f"child-{key}"

    async def _run_child(self, ref: str, inputs: dict[str, Any], key: str) -> None:
        LEDGER.set(Ledger())
        result = await run_flow(
            plan_of(SUB_FLOWS[ref]),
            run_id=f"child-{key}",
            inputs=inputs,
            store=MemoryRunStore(),
            host=Host(MemoryRunStore(), self._threads),
            threads=self._threads,
        )
        answer = {"state": result.state, "outputs": dict(result.outputs), "error": result.error}
        self._disk.signal(RUN_ID, key, cast(Json, answer))
        self.deliver(key, cast(Json, answer))

    async def cancel_flow(self, child_id: str, *, is_let_go: bool) -> None:
        """Children here are short."""


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
        self.is_dismissed = False
        self.has_befallen = False

    async def load(self, run_id: str) -> RunProgress:
        """What is on disk, as a database gives it back: values went through JSON, and what happened inside
        of finished iterations is left out."""
        progress = await self.claim.load(run_id)
        over = {path for _, path in progress.nodes if _is_over(path, progress)}
        nodes = {
            key: record._replace(outputs=json.loads(json.dumps(record.outputs, default=dict)))
            for key, record in progress.nodes.items()
            if not any(_is_within(key, path) for path in over)
        }
        return replace(progress, nodes=nodes)

    async def record(self, run_id: str, batch: Batch) -> None:
        if self._is_due("kill_before_batch", self.batches):
            self.die()
        for _ in range(self.batches % 3):
            await asyncio.sleep(0)
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
        if self._is_due("dismiss", at) and self.task is not None:
            # The process ends, but its store would still take what it says.
            self.is_dismissed = True
            self.task.cancel()
        for wish in ("drain", "pause", "cancel"):
            if self._is_due(wish, at):
                getattr(self.controls, wish)()

    def _is_due(self, kind: Kind, at: int) -> bool:
        due = self.trouble is not None and self.trouble.kind == kind and self.trouble.at == at
        self.has_befallen = self.has_befallen or due
        return due

    def die(self) -> None:
        self.is_dead = True
        if self.task is not None:
            self.task.cancel()


def plan_of(flow: Mapping[str, Any]) -> Plan:
    return compile_flow(parse_plain(dict(flow)), LIBRARY)


async def play(
    flow: Mapping[str, Any],
    inputs: Mapping[str, Any],
    troubles: Sequence[Trouble],
    *,
    plan: Plan | None = None,
) -> Played:
    """Run the flow to its end through all troubles. Raises Violation when a finished node runs again."""
    with ThreadPoolExecutor(1) as threads:
        return await _Story(flow, plan or plan_of(flow), inputs, troubles, threads).play()


class _Story:
    """One run over all its workers."""

    def __init__(
        self,
        flow: Mapping[str, Any],
        plan: Plan,
        inputs: Mapping[str, Any],
        troubles: Sequence[Trouble],
        threads: ThreadPoolExecutor,
    ) -> None:
        self.plan = plan
        self.inputs = inputs
        self.unrepeatable = {node["id"] for node in flow["nodes"] if node["type"] == "once"}
        self.left = list(troubles)
        self.threads = threads
        self.disk, self.clock = MemoryRunStore(), Clock()
        self.host = Host(self.disk, threads)
        self.chunks = ChunksHere(plan, self.host, threads, clock=self.clock)
        self.played = Played(RunOutcome(FlowState.READY), {}, [], Ledger())
        self.violation: Violation | None = None
        LEDGER.set(self.played.ledger)

    async def play(self) -> Played:
        played, disk = self.played, self.disk
        while not played.outcome.state.is_final:
            if played.claims >= MOST_CLAIMS:
                raise Violation("the run does not come to an end")
            worker = Worker(disk, self.left.pop(0) if self.left else None)
            played.claims += 1
            await self._work(worker)
            if self.violation is not None:
                raise self.violation
            if worker.has_befallen and worker.trouble is not None:
                played.befallen.add(worker.trouble.kind)
            if worker.is_dead or worker.is_dismissed:
                played.crashes += 1
                if RUN_ID in disk.outcomes and disk.outcomes[RUN_ID].state.is_final:
                    played.outcome = disk.outcomes[RUN_ID]
            else:
                assert worker.task is not None
                await self._after(worker.task.result().state)
        played.chunks = sum(not answer.is_declined for answer in self.chunks.answers)
        played.hits = self.host.cache.hits
        played.events = disk.events[RUN_ID]
        played.nodes = newest(disk)
        return played

    def _refuse_repetition(self, node_id: str, path: str) -> None:
        _refuse_repetition(self.disk, node_id, path)
        if node_id in self.unrepeatable:
            last = self.played.ledger.executions[-1]
            if self.played.ledger.executions.count(last) > 1:
                raise Violation(f"{last} ran twice, and nobody may repeat it")
            _refuse_unasked(self.disk, last)

    async def _work(self, worker: Worker) -> None:
        def begun(node_id: str, path: str) -> None:
            try:
                self._refuse_repetition(node_id, path)
            except Violation as violation:
                # The node only fails by it, and a flow may deal with that.
                self.violation = violation
                raise
            worker.on_execution()

        self.played.ledger.on_execution = begun
        self.host.deliver = worker.controls.signal
        self.host.is_gone = lambda: worker.is_dead
        run = run_flow(
            self.plan,
            run_id=RUN_ID,
            flow_id="flow-1",
            inputs=self.inputs,
            store=worker,
            host=self.host,
            threads=self.threads,
            controls=worker.controls,
            clock=self.clock,
            options=replace(spread_over(self.chunks), park_after_s=0.5),
        )
        worker.task = asyncio.get_running_loop().create_task(run)
        _, late = await asyncio.wait([worker.task], timeout=MOST_SECONDS)
        if late:
            worker.die()
            raise Violation("the run hangs")
        error = None if worker.task.cancelled() else worker.task.exception()
        if error is not None and not (worker.is_dead and isinstance(error, Killed)):
            raise error

    async def _after(self, state: FlowState) -> None:
        """What a worker left; a person answers where one is asked for, and time passes."""
        outcome = self.played.outcome = self.disk.outcomes[RUN_ID]
        if outcome.state is not state:
            raise Violation(f"said {state}, recorded {outcome.state}")
        if outcome.reason in {"outcome_unknown", "dead_letter"}:
            progress = await self.disk.load(RUN_ID)
            over = [path for _, path in progress.nodes if _is_over(path, progress)]
            for record in list(self.disk.nodes[RUN_ID].values()):
                is_past = any(_is_within((record.node_id, record.iteration_path), path) for path in over)
                if record.state == "paused" and not is_past:
                    self.disk.nodes[RUN_ID][record.key] = record._replace(state="pending", error=None)
        if state is FlowState.RUNNING:
            # Nobody is so late that the flow's time limit ends first what waits for them.
            if outcome.wake_at is not None and outcome.wake_at != self._deadline_at():
                await self.clock.sleep_until(outcome.wake_at)
            await self._answer_waits()

    def _deadline_at(self) -> float | None:
        limit_s = self.plan.document.settings.timeout_s
        return None if limit_s is None else self.disk.events[RUN_ID][0].at + limit_s

    async def _answer_waits(self) -> None:
        """Somebody answers what waits for a person; children come to their end."""
        await asyncio.gather(*self.host.children.values())
        for record in list(self.disk.nodes[RUN_ID].values()):
            for wait in (record.waits or {}).values():
                key = wait.get("signal")
                if record.state == "waiting" and key and not key.rpartition("|")[2].startswith("flow"):
                    payload = payload_of(record.node_id, record.iteration_path)
                    self.disk.signal(RUN_ID, key, cast(Json, payload))


def _is_over(path: str, progress: RunProgress) -> bool:
    """Whether a path is that of an iteration that has ended."""
    record = progress.nodes.get((_container(path), path)) if path else None
    return record is not None and record.state in {"completed", "failed"}


def _is_within(key: tuple[str, str], path: str) -> bool:
    node_id, node_path = key
    is_its_own = node_path == path and node_id == _container(path)
    return not is_its_own and (node_path == path or node_path.startswith(f"{path}/"))


def _container(path: str) -> str:
    return path.rpartition("/")[2].partition(".")[0]


def _refuse_repetition(disk: MemoryRunStore, node_id: str, path: str) -> None:
    for record in disk.nodes.get(RUN_ID, {}).values():
        if (record.node_id, record.iteration_path) == (node_id, path) and record.state in FINISHED:
            raise Violation(f"{node_id} {path} was finished and runs again")


def _refuse_unasked(disk: MemoryRunStore, execution: tuple[str, str, int]) -> None:
    node_id, path, attempt = execution
    for (known_id, known_path, earlier), record in disk.nodes.get(RUN_ID, {}).items():
        is_open = (known_id, known_path) == (node_id, path) and record.state in {"running", "paused"}
        if is_open and earlier < attempt:
            raise Violation(f"{execution} runs, and nobody was asked about attempt {earlier}")


def newest(disk: MemoryRunStore) -> dict[tuple[str, str], NodeRecord]:
    """The last attempt of every node run."""
    found: dict[tuple[str, str], NodeRecord] = {}
    for record in sorted(disk.nodes[RUN_ID].values(), key=lambda record: record.attempt):
        found[record.node_id, record.iteration_path] = record
    return found
