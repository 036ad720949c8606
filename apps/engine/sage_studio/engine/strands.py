"""The tasks of one run: how many there are, what each waits for, and their end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from sage_studio.engine.plan import PlanNode

_LAST_WORDS_S = 0.5


class Strands:
    """Owns the tasks that take a run's ready nodes, at most ``limit`` at once.

    Not a task group: a group would wait for ever for a node that refuses to be cancelled, and a
    run must end all the same. ``at`` says which node a task is waiting for (None: between nodes).
    """

    def __init__(self, work: Callable[[], Coroutine[None, None, None]], limit: int) -> None:
        self._work = work
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self._idle = asyncio.Event()
        self._idle.set()
        self.at: dict[asyncio.Task[None], PlanNode | None] = {}
        self.fault: BaseException | None = None

    def spawn(self) -> None:
        """Start one more, unless the limit is reached."""
        if len(self.at) < self._limit:
            self._idle.clear()
            task = self._loop.create_task(self._work())
            self.at[task] = None
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.at.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Node failures are outcomes; what climbs up to here is a fault of the engine itself.
            self.fault = self.fault or error
            self._idle.set()
        if not self.at:
            self._idle.set()

    async def until_idle(self) -> None:
        """Wait until no task is left. Raises the engine's own fault when there was one."""
        await self._idle.wait()
        if self.fault is not None:
            raise self.fault

    def cancel(self, *, unless: Callable[[PlanNode], bool]) -> None:
        """Cancel every other task but those waiting for a node that ``unless`` spares."""
        for task, node in self.at.items():
            if task is not asyncio.current_task() and (node is None or not unless(node)):
                task.cancel()

    def abandon(self) -> None:
        """Cancel everything, and stop waiting for what does not listen."""
        for task in self.at:
            task.cancel()
        self._loop.call_later(_LAST_WORDS_S, self._idle.set)

    async def end(self) -> None:
        """Cancel what is left and give it a moment."""
        left = list(self.at)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=_LAST_WORDS_S)
