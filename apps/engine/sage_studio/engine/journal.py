"""The run's pen: events and results are gathered and written in order, one batch at a time.

What is appended while a batch is on its way to disk forms the next batch, so a busy run shares
commits. Nodes without effects do not wait for the pen, and the pen waits a moment for more of them;
nodes with effects call ``flush``, which writes at once, and go on only when their result is durable.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from sage_studio.engine.records import UNDER_WAY_STATES, Batch, Event, NodeRecord, RunOutcome, RunProgress
from sage_studio.engine.spans import EVENTS_PER_ROW, Span
from sage_studio.engine.store import RunStore
from sage_studio.kernel import JsonObject

# What nobody waits for goes to disk this much later, so that a short run is one commit.
GATHER_S = 0.002


def outermost(path: str) -> str:
    """The outermost container of an iteration path; empty for the top level."""
    return path.partition(".")[0]


class OpenSpan(Protocol):
    """Something being written that has to be closed before the next entry (``fused.Fusion``)."""

    def interrupt(self) -> None: ...


class Journal:
    """Numbers the events of one run and hands batches to its store.

    ``writers`` owns the tasks that write: one at a time, made when there is something to be written beside
    the run. What a short run says is written by ``end``, without any.
    """

    def __init__(
        self, store: RunStore, run_id: str, progress: RunProgress, writers: asyncio.TaskGroup
    ) -> None:
        self._store = store
        self._run_id = run_id
        self._seq = progress.last_seq
        # By the outermost container, so that one that ends looks through its own alone.
        self._under_way: dict[str, dict[tuple[str, str, int], NodeRecord]] = {}
        for record in progress.nodes.values():
            if record.state in UNDER_WAY_STATES:
                self._under_way.setdefault(outermost(record.iteration_path), {})[record.key] = record
        self._batch = Batch()
        # A span of cheap nodes that is being written: closed before anything else is appended.
        self.open_span: OpenSpan | None = None
        self._waiters: list[asyncio.Future[None]] = []
        self._loop = asyncio.get_running_loop()
        self._writers = writers
        self._writer: asyncio.Task[None] | None = None
        self._is_due = False
        # Runs from the first entry of a batch until somebody writes it.
        self._timer: asyncio.TimerHandle | None = None
        self.is_closed = False
        self._has_ended = False

    def event(  # noqa: PLR0917 - called several times per node, where keywords cost
        self,
        type_: str,
        at: float,
        node_id: str | None = None,
        attempt: int = 0,
        data: JsonObject | None = None,
        path: str = "",
    ) -> None:
        """Append one event; it gets the next number."""
        if self._has_ended:
            return
        if self.open_span is not None:
            self.open_span.interrupt()
        self._seq = seq = self._seq + 1
        self._batch.add(Event(type_, seq, at, node_id, path, attempt, {} if data is None else data))
        if self._timer is None:
            self._timer = self._loop.call_later(GATHER_S, self._begin_to_write)

    def node(self, record: NodeRecord) -> None:
        """Append or replace the record of an attempt."""
        if self._has_ended:
            return
        if self.open_span is not None:
            self.open_span.interrupt()
        path = record.iteration_path
        place = path and outermost(path)
        if record.state in UNDER_WAY_STATES:
            self._under_way.setdefault(place, {})[record.key] = record
        elif (near := self._under_way.get(place)) is not None:
            near.pop(record.key, None)
            if not near:
                del self._under_way[place]
        self._batch.put(record)

    def span(self, span: Span) -> None:
        """Append the events and records of a span."""
        span.first_seq = self._seq + 1
        self._seq += EVENTS_PER_ROW * len(span)
        self._batch.add_span(span)
        if self._timer is None:
            self._timer = self._loop.call_later(GATHER_S, self._begin_to_write)

    def under_way(self, within: str = "") -> list[NodeRecord]:
        """Attempts that are on record as under way, also those of levels nobody has come back to; with
        ``within`` those whose iteration path begins so (it names a container or an iteration)."""
        if within:
            near = self._under_way.get(outermost(within), {})
            return [record for record in near.values() if f"{record.iteration_path}/".startswith(within)]
        return [record for near in self._under_way.values() for record in near.values()]

    def spent(self, micros: int, currency: str) -> None:
        """Say what the run has spent in all; goes out with the batch being gathered."""
        self._batch.spent = (micros, currency)

    def outcome(self, outcome: RunOutcome) -> None:
        """Say how the run ended; goes out with the batch being gathered. Nothing is said after it: a node
        that was abandoned may go on for a while."""
        self._batch.outcome = outcome
        self._has_ended = True

    async def flush(self) -> None:
        """Return when everything appended so far is durable. Raises CancelledError when nothing is written
        any more."""
        waiter = self._loop.create_future()
        if self.is_closed:
            waiter.cancel()
        self._waiters.append(waiter)
        self._begin_to_write()
        await waiter

    def _begin_to_write(self) -> None:
        """Write what has gathered, at once or behind what is on its way to disk."""
        self._is_due = True
        if self._writer is None and not self.is_closed:
            self._writer = self._writers.create_task(self._write())

    async def _write(self) -> None:
        """Write until nothing is due. Raises what the store raises (FenceLost above all): nothing is written
        after that, and whoever still waits must not wait for ever."""
        waiters: list[asyncio.Future[None]] = []
        try:
            while self._is_due:
                self._is_due = False
                self._forget_timer()
                batch, self._batch = self._batch, Batch()
                waiters, self._waiters = self._waiters, []
                if batch:
                    await self._store.record(self._run_id, batch)
                for waiter in waiters:
                    if not waiter.done():
                        waiter.set_result(None)
            self._writer = None
        except BaseException:
            self.close()
            for waiter in (*waiters, *self._waiters):
                waiter.cancel()
            raise

    async def end(self) -> None:
        """Write what is left, and nothing more from then on."""
        if self._writer is not None:
            await self.flush()
        # From here on nobody else begins to write.
        self.is_closed = True
        self._is_due = True
        await self._write()
        self.close()

    def close(self) -> None:
        """Write nothing more."""
        self.is_closed = True
        self._forget_timer()

    def _forget_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
