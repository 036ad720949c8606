"""How slow the machine is while it is measured: a loop of known work, timed every other second.

1 is the calm two-core machine on which the targets were set. Where others compute beside the rig, a start
that takes 3 seconds takes 15, and a time says nothing without this number.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

# The same loop as ``tests/benchmarks`` time themselves by, on that machine.
CALM_S_PER_ITERATION = 0.11e-6
ITERATIONS = 100_000
EVERY_S = 2.0


@dataclass
class Machine:
    """Samples in a thread of its own from ``begin`` to ``end``."""

    _samples: list[tuple[float, float]] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def begin(self) -> None:
        threading.Thread(target=self._sample, name="machine", daemon=True).start()

    def end(self) -> None:
        self._over.set()

    def slowness(self, since: float = float("-inf"), until: float = float("inf")) -> float:
        """Mean of the samples around the time between two moments (monotonic); never under 1."""
        found = [value for at, value in self._samples if since - EVERY_S <= at <= until + EVERY_S]
        return round(max(1.0, sum(found) / len(found)), 1) if found else 1.0

    def _sample(self) -> None:
        while not self._over.wait(EVERY_S):
            began = time.perf_counter()
            total = 0
            for i in range(ITERATIONS):
                total += i & 7
            taken = time.perf_counter() - began
            self._samples.append((time.monotonic(), taken / ITERATIONS / CALM_S_PER_ITERATION))
