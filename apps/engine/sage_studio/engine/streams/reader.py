"""What a node reads from: an ``ItemStream`` over a lane, which keeps barriers to itself."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from sage_studio.engine.streams.channel import Barrier, End, Lane, wait_for_any
from sage_studio.engine.streams.errors import TOO_LONG
from sage_studio.kernel import SageError
from sage_studio.sdk import Chunk, ItemStream

R = TypeVar("R")
Look: TypeAlias = Callable[[str, Sequence[Any]], Awaitable[Sequence[Any]]]
"""Somebody who is shown what comes on a port, before the node gets it, and answers what it gets."""
_TICK: Chunk = Chunk()
_LAST_WORDS_S = 0.5


class Aligner(Protocol):
    """Who takes the checkpoint when a barrier has been reached (the node's stage)."""

    async def pass_barrier(self, reader: Reader, barrier: Barrier) -> None:
        """Return when everything before the barrier is accounted for and it has gone on; never
        return from the last one."""
        ...

    def busy(self, change: int) -> None:
        """Work goes on beside reading (+1), or has ended (-1)."""
        ...


class Reader(ItemStream):
    """Reads a lane on behalf of one node."""

    def __init__(self, lane: Lane, aligner: Aligner, look: Look | None = None) -> None:
        self.lane = lane
        self.items = 0
        self.look = look
        self._aligner = aligner

    async def take(self) -> Sequence[Any] | None:
        """The next chunk, or None at the end; passes barriers on the way."""
        lane = self.lane
        while True:
            entry = lane.peek() or await lane.next()
            if isinstance(entry, Barrier):
                await self._aligner.pass_barrier(self, entry)
                continue
            if isinstance(entry, End):
                return None
            if self.look is not None:
                entry = await self.look(lane.port, entry)
            lane.drop()
            self.items += len(entry)
            return entry

    async def chunks(self, *, every_s: float | None = None) -> AsyncIterator[Sequence[Any]]:
        while True:
            if every_s is not None and not await self._comes_within(every_s):
                yield _TICK
                continue
            chunk = await self.take()
            if chunk is None:
                return
            yield chunk

    async def _comes_within(self, limit_s: float) -> bool:
        if self.lane.peek() is not None:
            return True
        limit = asyncio.timeout(limit_s)
        self._aligner.busy(1)  # the clock goes on beside the waiting
        try:
            async with limit:
                await self.lane.next()
        except TimeoutError:
            if not limit.expired():
                raise
            return False
        finally:
            self._aligner.busy(-1)
        return True

    async def __aiter__(self) -> AsyncIterator[Any]:
        while (chunk := await self.take()) is not None:
            for item in chunk:
                yield item

    async def collect(self, *, limit: int = 100_000) -> list[Any]:
        found: list[Any] = []
        while (chunk := await self.take()) is not None:
            found.extend(chunk)
            if len(found) > limit:
                raise SageError(TOO_LONG, {"limit": limit})
        return found

    async def aclose(self) -> None:
        self.lane.close()

    async def parallel_map(
        self, work: Callable[[Any], Awaitable[R]], *, limit: int = 8, ordered: bool = True
    ) -> AsyncIterator[R]:
        lane, waiting = self.lane, deque[Any]()
        under_way: _UnderWay[R] = _UnderWay(lane, ordered)
        try:
            while True:
                if under_way.has_result():
                    yield under_way.result()
                elif waiting and len(under_way) < limit:
                    self._begin(under_way, work(waiting.popleft()))
                elif waiting or (under_way and isinstance(lane.peek(), (Barrier, End))):
                    # The bound is reached; or a checkpoint or the end, which hold no half-done work.
                    await under_way.wait()
                elif (entry := lane.peek()) is None:
                    await wait_for_any((lane,))
                elif isinstance(entry, Barrier):
                    await self._aligner.pass_barrier(self, entry)
                elif isinstance(entry, End):
                    return
                else:
                    if self.look is not None:
                        entry = await self.look(lane.port, entry)
                    lane.drop()
                    self.items += len(entry)
                    waiting.extend(entry)
        finally:
            await under_way.cancel()

    async def merge(self, *others: ItemStream) -> AsyncIterator[tuple[int, Sequence[Any]]]:
        readers = [reader for reader in (self, *others) if isinstance(reader, Reader)]
        left = dict(enumerate(readers))
        while left:
            ready = [number for number, reader in left.items() if reader.lane.peek() is not None]
            if not ready:
                await wait_for_any([reader.lane for reader in left.values()])
            for number in ready:
                reader = left[number]
                if reader.lane.is_ended:
                    del left[number]
                elif reader.lane.peek() is not None and (chunk := await reader.take()) is not None:
                    yield number, chunk

    def _begin(self, under_way: _UnderWay[R], work: Awaitable[R]) -> None:
        self._aligner.busy(1)
        under_way.start(work, lambda: self._aligner.busy(-1))


class _UnderWay(Generic[R]):
    """Tasks of one ``parallel_map``. Not a task group: it lives across the yields of a generator,
    where a group would cancel whoever happens to be running."""

    def __init__(self, lane: Lane, ordered: bool) -> None:
        self._lane = lane
        self._ordered = ordered
        self._tasks: deque[asyncio.Task[R]] = deque()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, work: Awaitable[R], ended: Callable[[], None]) -> None:
        task = asyncio.get_running_loop().create_task(_awaited(work))

        def done(_task: asyncio.Task[R]) -> None:
            ended()
            self._lane.nudge()

        task.add_done_callback(done)
        self._tasks.append(task)

    def has_result(self) -> bool:
        """Whether one may be given now; in order that is only the oldest."""
        if self._ordered:
            return bool(self._tasks) and self._tasks[0].done()
        for task in self._tasks:
            if task.done():
                self._tasks.remove(task)
                self._tasks.appendleft(task)
                return True
        return False

    def result(self) -> R:
        return self._tasks.popleft().result()

    async def wait(self) -> None:
        """Until one more has ended."""
        pending = [task for task in self._tasks if not task.done()]
        await asyncio.wait(pending[:1] if self._ordered else pending, return_when=asyncio.FIRST_COMPLETED)

    async def cancel(self) -> None:
        left = [task for task in self._tasks if not task.done()]
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=_LAST_WORDS_S)


async def _awaited(work: Awaitable[R]) -> R:
    return await work
