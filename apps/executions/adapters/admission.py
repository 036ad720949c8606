"""How many more runs a worker may take: never more than its number, few while its processor is busy,
none while memory is short. What it leaves, another worker takes, or it itself a little later.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from sage_studio.engine.memory_pressure import memory_pressure

# With this many at work a busy processor only gets slower by more; below, it must not run dry.
ENOUGH_RUNS = 64
# Share of one processor that this process used since it last looked.
BUSY_SHARE = 0.9
# A look at the memory is a few file reads; one that is this old still tells.
_LOOK_EVERY_S = 0.5


class Admission:
    """Asked before every claim; ``memory_ceiling`` is the share of the machine's (or container's) memory
    above which a worker that has runs takes no more."""

    def __init__(
        self,
        *,
        max_runs: int,
        memory_ceiling: float,
        pressure: Callable[[], float | None] = memory_pressure,
        clock: Callable[[], float] = time.monotonic,
        processor: Callable[[], float] = time.process_time,
    ) -> None:
        self.max_runs = max_runs
        self._memory_ceiling = memory_ceiling
        self._pressure = pressure
        self._clock = clock
        self._processor = processor
        self._looked_at = clock()
        self._used_s = processor()
        self._is_busy = False
        self._is_full = False

    def room(self, active: int) -> int:
        """How many runs may be taken by a worker that has ``active``. One that has none always takes one:
        if nobody did, nothing would ever free the memory."""
        self._look()
        free = self.max_runs - active
        if self._is_full:
            return 1 if active == 0 else 0
        if self._is_busy:
            return max(0, min(free, ENOUGH_RUNS - active))
        return max(0, free)

    def _look(self) -> None:
        now = self._clock()
        passed_s = now - self._looked_at
        if passed_s < _LOOK_EVERY_S:
            return
        used_s = self._processor()
        self._is_busy = (used_s - self._used_s) / passed_s > BUSY_SHARE
        self._is_full = (self._pressure() or 0.0) > self._memory_ceiling
        self._looked_at, self._used_s = now, used_s
