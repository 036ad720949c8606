"""The tasks of one level: how many there are, and their end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine

_LAST_WORDS_S = 0.5


class Strands:
    """Owns the tasks that take a level's ready nodes, at most ``limit`` at once.

    Not a task group: a group would wait for ever for a node that refuses to be cancelled, and a
    run must end all the same. ``resting`` are tasks between two attempts of a node; ``exempt`` is how
    many are at a container or a wait, which do not count against the limit.
    """

    def __init__(self, work: Callable[[], Coroutine[None, None, None]], limit: int) -> None:
        self._work = work
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self._idle: asyncio.Future[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.resting: set[asyncio.Task[None]] = set()
        self.exempt = 0
        self.fault: BaseException | None = None

    @property
    def count(self) -> int:
        return len(self._tasks)

    def spawn(self) -> None:
        """Start one more, unless the limit is reached."""
        if len(self._tasks) - self.exempt < self._limit:
            task = self._loop.create_task(self._work())
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Node failures are outcomes; what climbs up to here is a fault of the engine itself.
            self.fault = self.fault or error
            self._rouse()
        if not self._tasks:
            self._rouse()

    def _rouse(self) -> None:
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    async def until_idle(self) -> None:
        """Wait until no task is left. Raises the engine's own fault when there was one."""
        if self._tasks and self.fault is None:
            self._idle = self._loop.create_future()
            await self._idle
        if self.fault is not None:
            raise self.fault

    def cancel_between(self, at_work: Collection[asyncio.Task[None]], *, only_resting: bool) -> None:
        """Cancel every other task that is not at a node, or only those that rest between attempts."""
        current = asyncio.current_task(self._loop)
        for task in self.resting if only_resting else self._tasks:
            if task is not current and task not in at_work:
                task.cancel()

    def abandon(self) -> None:
        """Cancel everything, and stop waiting for what does not listen."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            self._loop.call_later(_LAST_WORDS_S, self._rouse)

    async def end(self) -> None:
        """Cancel what is left and give it a moment."""
        left = list(self._tasks)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=_LAST_WORDS_S)
