"""How slow the machine is while it is measured: a loop of known work in a process of its own.

1 is the calm two-core machine on which the targets were set. Where others compute beside the rig, a start
that takes 3 seconds takes 15, and a time says nothing without this number. The loop is long enough to get no
more than its share: a process that sleeps most of the time is let in first for some milliseconds.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field

# What one iteration takes when nobody else computes; the benchmarks time themselves by the same loop.
CALM_S_PER_ITERATION = 0.11e-6
ITERATIONS = 2_000_000
EVERY_S = 3.0
_LOOP = f"""
import time
while True:
    began, total = time.perf_counter(), 0
    for i in range({ITERATIONS}):
        total += i & 7
    print(time.perf_counter() - began, flush=True)
    time.sleep({EVERY_S})
"""


@dataclass
class Machine:
    """Samples from ``begin`` to ``end``."""

    _samples: list[tuple[float, float]] = field(default_factory=list)
    _process: subprocess.Popen[str] | None = None
    _reader: threading.Thread | None = None

    def begin(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-c", _LOOP], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        self._reader = threading.Thread(target=self._read, args=[self._process], name="machine", daemon=True)
        self._reader.start()

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._reader is not None:
            self._reader.join()

    def slowness(self, since: float = float("-inf"), until: float = float("inf")) -> float:
        """Mean of the samples around the time between two moments (monotonic); never under 1."""
        found = [value for at, value in self._samples if since - EVERY_S <= at <= until + EVERY_S]
        return round(max(1.0, sum(found) / len(found)), 1) if found else 1.0

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                self._samples.append((time.monotonic(), float(line) / ITERATIONS / CALM_S_PER_ITERATION))
