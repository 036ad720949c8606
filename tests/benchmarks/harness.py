"""Calibration, records and the table."""

from __future__ import annotations

import gc
import json
import math
import os
import platform
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from studio_project.serve import NEW_OBJECTS_PER_LOOK

CALIBRATION_STEPS = 1_000_000
# What one step of the calibration loop took on the machine the targets were set on, when it was calm.
REFERENCE_STEP_US = 0.11


@dataclass(frozen=True, slots=True)
class Measurement:
    """One figure, with what it should be.

    ``value`` is the median (or the rate); ``target`` is what to reach, for a machine whose calibration
    step takes ``REFERENCE_STEP_US``; ``more`` holds the rest of the picture (percentiles, CPU).
    """

    name: str
    value: float
    unit: str
    target: float | None = None
    better: Literal["lower", "higher"] = "lower"
    compare: str = ""
    more: dict[str, float] = field(default_factory=dict)
    step_us: float = 0.0

    @property
    def reached(self) -> bool | None:
        """Whether the target is met as measured; nothing when there is none."""
        if self.target is None:
            return None
        return self.value <= self.target if self.better == "lower" else self.value >= self.target

    @property
    def at_reference_speed(self) -> float:
        """The value carried to the reference machine by the calibration (times shrink, rates grow)."""
        if not self.step_us or self.unit in {"MB", "×"}:
            return self.value
        factor = REFERENCE_STEP_US / self.step_us
        return self.value * factor if self.better == "lower" else self.value / factor


def calibrate(repeat: int = 3) -> float:
    """Processor microseconds per step of a loop of known work; the best of ``repeat``."""
    best = math.inf
    for _ in range(repeat):
        started = time.thread_time()
        total = 0
        for step in range(CALIBRATION_STEPS):
            total = (total * 31 + step) & 0xFFFFFFFF
        best = min(best, time.thread_time() - started)
    return best / CALIBRATION_STEPS * 1e6


@contextmanager
def collector_as_served() -> Iterator[None]:
    """The garbage collector as the product's processes set it (``studio_project.serve``): what is loaded
    stays, and new objects are looked at in big lots. With Python's own settings a big flow is walked through
    a hundred times while it is made."""
    thresholds = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS_PER_LOOK, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` (0 to 1) of the sorted values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]


def spread(values: Sequence[float]) -> dict[str, float]:
    """p50, p95 and p99."""
    return {f"p{int(share * 100)}": round(percentile(values, share), 3) for share in (0.5, 0.95, 0.99)}


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def table(measurements: Sequence[Measurement]) -> str:
    """The results as text, one line each."""
    rows = [("measurement", "measured", "to reach", "", "at reference speed", "cal µs", "beside it", "more")]
    for one in measurements:
        sign = "≤" if one.better == "lower" else "≥"
        rows.append(
            (
                one.name,
                f"{_number(one.value)} {one.unit}",
                f"{sign} {_number(one.target)} {one.unit}" if one.target is not None else "",
                {True: "✓", False: "✗", None: ""}[one.reached],
                f"{_number(one.at_reference_speed)} {one.unit}",
                f"{one.step_us:.3f}",
                one.compare,
                "  ".join(f"{key} {_number(value)}" for key, value in one.more.items()),
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(widths[i]) for i, cell in enumerate(row)).rstrip() for row in rows)


def write_json(measurements: Sequence[Measurement], folder: Path, *, short: bool) -> Path:
    """One file per run, named by time; the newest is also ``latest.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    record = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "short": short,
        "machine": {
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "system": platform.platform(),
            "load": round(os.getloadavg()[0], 2),
        },
        "measurements": [{**asdict(one), "reached": one.reached} for one in measurements],
    }
    text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
    path = folder / f"{record['at'].replace(':', '')}.json"  # type: ignore[attr-defined]
    path.write_text(text, encoding="utf-8")
    (folder / "latest.json").write_text(text, encoding="utf-8")
    return path


def _number(value: float) -> str:
    if value == 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{min(digits, 3)}f}"
