"""Finding the moment when all stages of a pipeline wait for each other, and ending it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from sage_studio.engine.streams.channel import Lane, Watch
from sage_studio.engine.streams.errors import DEADLOCK
from sage_studio.kernel import SageError

MAX_HELD = 131_072
"""Items a queue may grow to before the flow is declared stuck."""


class Stalls(Watch):
    """Counts waits. A stage that waits for something else (the network, a clock, its own tasks) is
    at work, so an idle queue consumer is no stall."""

    def __init__(self, fail: Callable[[Exception, str], None]) -> None:
        self._fail = fail
        self._live: set[str] = set()
        self._waits: Counter[str] = Counter()
        self._writing: dict[Lane, str] = {}
        self._busy = 0
        self._is_checking = False

    def began(self, stage_id: str) -> None:
        self._live.add(stage_id)

    def ended(self, stage_id: str) -> None:
        self._live.discard(stage_id)
        self._check_soon()

    def busy(self, change: int) -> None:
        self._busy += change
        if self._writing and self._is_stalled:
            self._check_soon()

    def blocked(self, lane: Lane, *, writing: bool) -> None:
        stage_id = lane.channel.writer_id if writing else lane.reader_id
        self._waits[stage_id] += 1
        if writing:
            self._writing[lane] = stage_id
        if self._writing and self._is_stalled:
            self._check_soon()

    def freed(self, lane: Lane, *, writing: bool) -> None:
        stage_id = lane.channel.writer_id if writing else lane.reader_id
        self._waits[stage_id] -= 1
        if writing:
            self._writing.pop(lane, None)

    @property
    def _is_stalled(self) -> bool:
        return not self._busy and all(self._waits[stage_id] > 0 for stage_id in self._live)

    def _check_soon(self) -> None:
        """Look once those that were just woken have gone on."""
        if not self._is_checking:
            self._is_checking = True
            asyncio.get_running_loop().call_soon(self._check)

    def _check(self) -> None:
        self._is_checking = False
        full = [lane for lane in self._writing if lane.is_full]
        if len(full) < len(self._writing) or not full or not self._is_stalled:
            return
        smallest = min(full, key=lambda lane: lane.capacity)
        if smallest.capacity >= MAX_HELD:
            self._fail(SageError(DEADLOCK, {"limit": MAX_HELD}), self._writing[smallest])
            return
        smallest.capacity *= 2
        smallest.channel.has_room()
