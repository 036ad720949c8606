"""Where a run's records go: the port, its in-memory twin, and the state store over both."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from sage_studio.engine.errors import WORKER_LOST, FenceLost
from sage_studio.engine.records import Batch, Event, NodeKey, NodeRecord, RunOutcome, RunProgress
from sage_studio.kernel import Json


class RunStore(Protocol):
    """Durable memory of one or many runs.

    A store is bound to the worker that claimed the run: when another worker has claimed it
    since, ``record`` writes nothing and raises FenceLost.
    """

    async def load(self, run_id: str) -> RunProgress:
        """What is recorded so far; an empty progress for a run that has not begun."""
        ...

    async def record(self, run_id: str, batch: Batch) -> None:
        """Write the batch in one transaction and return when it is durable.

        Raises FenceLost when the run belongs to another worker.
        """
        ...


class MemoryRunStore:
    """The twin that forgets: for the command line and for tests. Not for several threads."""

    def __init__(self) -> None:
        self._events: dict[str, list[Event]] = {}
        self._nodes: dict[str, dict[tuple[str, str, int], NodeRecord]] = {}
        # Batches nobody has asked for yet: what they hold is spelled out when somebody does.
        self._unread: list[tuple[str, Batch]] = []
        self.outcomes: dict[str, RunOutcome] = {}
        self.fences: dict[str, int] = {}
        self.signals: dict[str, dict[str, Json]] = {}

    @property
    def events(self) -> dict[str, list[Event]]:
        """Every run's log, by run id."""
        self._read()
        return self._events

    @property
    def nodes(self) -> dict[str, dict[tuple[str, str, int], NodeRecord]]:
        """Every run's records by node id, iteration path and attempt, by run id."""
        self._read()
        return self._nodes

    def _read(self) -> None:
        unread, self._unread = self._unread, []
        for run_id, batch in unread:
            self._events.setdefault(run_id, []).extend(batch.events)
            self._nodes.setdefault(run_id, {}).update(batch.nodes)

    def claim(self, run_id: str) -> MemoryClaim:
        """Take the run over: whoever held it before is refused from now on."""
        fence = self.fences.get(run_id, 0) + 1
        self.fences[run_id] = fence
        return MemoryClaim(self, run_id, fence)

    async def load(self, run_id: str) -> RunProgress:
        events = self.events.get(run_id, [])
        records = self.nodes.get(run_id, {}).values()
        started = next((event.at for event in events if event.type == "run_started"), None)
        return RunProgress(
            events[-1].seq if events else 0,
            started,
            newest_attempts(records),
            dict(self.signals.get(run_id, {})),
            lost_attempts(records),
        )

    def signal(self, run_id: str, key: str, payload: Json) -> None:
        """Deliver a signal to a run that is not at work."""
        self.signals.setdefault(run_id, {}).setdefault(key, payload)

    async def record(self, run_id: str, batch: Batch) -> None:
        self._unread.append((run_id, batch))
        if batch.outcome is not None:
            self.outcomes[run_id] = batch.outcome


class MemoryClaim:
    """One holder's view of a ``MemoryRunStore``; refused once somebody else claims the run."""

    def __init__(self, store: MemoryRunStore, run_id: str, fence: int) -> None:
        self._store = store
        self._run_id = run_id
        self._fence = fence

    async def load(self, run_id: str) -> RunProgress:
        return await self._store.load(run_id)

    async def record(self, run_id: str, batch: Batch) -> None:
        if run_id != self._run_id or self._store.fences[run_id] != self._fence:
            raise FenceLost(run_id)
        await self._store.record(run_id, batch)


def newest_attempts(records: Iterable[NodeRecord]) -> dict[NodeKey, NodeRecord]:
    """The record of the latest attempt for every node, by (node id, iteration path)."""
    newest: dict[NodeKey, NodeRecord] = {}
    for record in records:
        key = (record.node_id, record.iteration_path)
        held = newest.get(key)
        if held is None or held.attempt < record.attempt:
            newest[key] = record
    return newest


def lost_attempts(records: Iterable[NodeRecord]) -> dict[NodeKey, int]:
    """How many attempts ended with their worker, by (node id, iteration path)."""
    lost: dict[NodeKey, int] = {}
    for record in records:
        if record.error is not None and record.error["code"] == WORKER_LOST.code:
            key = (record.node_id, record.iteration_path)
            lost[key] = lost.get(key, 0) + 1
    return lost


ExecutionState = RunProgress


class StateStore:
    """Save and restore where an execution stands, over any ``RunStore``.

    The first argument names the run; an execution belongs to a run, not to the flow it runs.
    """

    def __init__(self, store: RunStore | None = None) -> None:
        self._store: RunStore = store or MemoryRunStore()

    async def save_execution_state(self, run_id: str, state: ExecutionState) -> None:
        """Record every node of ``state``. Raises FenceLost when the run belongs to another worker."""
        await self._store.record(run_id, Batch(nodes={record.key: record for record in state.nodes.values()}))

    async def restore_execution_state(self, run_id: str) -> ExecutionState:
        """What is recorded of the run: the fold of its results."""
        return await self._store.load(run_id)
