"""Calls of a person's code in the sandbox: cold, warm and per item, and what a warm pool holds in memory."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any

import psutil

from sage_studio.sandbox.runner import SandboxRunner, close_code_runner
from tests.benchmarks.harness import Measurement, calibrate, spread

ITEMS = 1_000
_LANGUAGES: dict[str, dict[str, Any]] = {
    "python": {
        "call": "return n + 1",
        "item": "return {'total': item['price'] * 2, 'name': item['name'].upper()}",
        "target_us": 300.0,
        "compare": "Node-RED function 19 µs, not isolated; bare monty 132–224",
    },
    "javascript": {
        "call": "return n + 1",
        "item": "return {total: item.price * 2, name: item.name.toUpperCase()}",
        "target_us": 600.0,
        "compare": "Node-RED function 19 µs, not isolated; bare quickjs-ng 489",
    },
}


def measure(*, short: bool) -> list[Measurement]:
    return asyncio.run(_measure(100 if short else 1_000))


async def _measure(calls: int) -> list[Measurement]:
    found: list[Measurement] = []
    for language, what in _LANGUAGES.items():
        step_us = calibrate()
        runner = SandboxRunner(workers=2, idle_s=0)
        before_mb = _children_mb()

        def call(language: Any = language, runner: SandboxRunner = runner, source: str = what["call"]) -> Any:
            return runner.run(language, source, inputs={"n": 1})

        cold_ms = await _ms(call)
        took_us = [await _ms(call) * 1e3 for _ in range(calls)]
        found += [
            Measurement(f"sandbox {language}, first call", cold_ms, "ms", step_us=step_us),
            Measurement(
                f"sandbox {language}, warm call in a fresh context",
                min(took_us),
                "µs",
                what["target_us"],
                compare=what["compare"],
                more=spread(took_us),
                step_us=step_us,
            ),
        ]
        items = [{"name": f"n{n}", "price": n * 1.5, "tags": ["a", "b"]} for n in range(ITEMS)]

        def each(
            language: Any = language,
            runner: SandboxRunner = runner,
            source: str = what["item"],
            items: list[Any] = items,
        ) -> Any:
            return runner.map(language, source, items, inputs={})

        batches_us = [await _ms(each) * 1e3 / ITEMS for _ in range(max(5, calls // 50))]
        found += [
            Measurement(
                f"sandbox {language}, per item mapped",
                min(batches_us),
                "µs",
                15.0,
                more=spread(batches_us),
                step_us=step_us,
            ),
            Measurement(f"sandbox {language}, warm processes", _children_mb() - before_mb, "MB"),
        ]
        runner.close()
    close_code_runner()
    return found


async def _ms(act: Callable[[], Awaitable[Any]]) -> float:
    began = time.perf_counter()
    await act()
    return (time.perf_counter() - began) * 1e3


def _children_mb() -> float:
    """Memory of its own of every process below this one."""
    total = 0
    for process in psutil.Process(os.getpid()).children(recursive=True):
        try:
            total += process.memory_full_info().uss
        except psutil.Error:
            continue
    return total / 2**20
