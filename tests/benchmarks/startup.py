"""Cold start of a prepared instance to its first answer, and what it holds in memory when idle."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tests.benchmarks.harness import Measurement, calibrate, median
from tests.benchmarks.product import running_product

SETTLE_S = 5.0


def measure(*, short: bool) -> list[Measurement]:
    step_us = calibrate()
    with tempfile.TemporaryDirectory(prefix="sage-bench-data-") as folder:
        data_dir = Path(folder)
        with running_product(data_dir) as product:
            first = product.first_answer_s
        times = []
        memory = 0.0
        for _ in range(1 if short else 5):
            with running_product(data_dir) as product:
                times.append(product.first_answer_s)
                time.sleep(SETTLE_S if not short else 2)
                memory = product.memory_mb()
    return results(median(times), memory, first, step_us)


def results(seconds: float, memory_mb: float, first: float, step_us: float) -> list[Measurement]:
    return [
        Measurement(
            "start after set-up, to the first answer",
            seconds,
            "s",
            4.0,
            compare="n8n 6–12, Langflow 23–26, Node-RED 1.1–1.9",
            more={"first ever, with migrations": first},
            step_us=step_us,
        ),
        Measurement(
            "memory, idle, all processes",
            memory_mb,
            "MB",
            400,
            compare="n8n 861, Node-RED 333",
            step_us=step_us,
        ),
    ]
