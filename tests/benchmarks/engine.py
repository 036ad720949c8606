"""What the engine adds to each node, in memory, and how long big flows take to be made ready."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sage_studio.engine import MemoryRunStore, Plan, compile_flow, run_flow
from sage_studio.flow import parse_plain
from sage_studio.plugins.local_host import LocalHost
from tests.benchmarks.harness import Measurement, calibrate, median
from tests.benchmarks.nodes import NODES, chain, fan_out


def measure(*, short: bool) -> list[Measurement]:
    rounds = 5 if short else 30
    return [
        _per_node(
            "chain of 100, in memory, per node",
            chain(100),
            rounds,
            target=15,
            compare="LangGraph 289–326 µs, Node-RED 3.7, a bare DAG runner 11.9",
        ),
        _per_node(
            "fan-out 100 and join, per node",
            fan_out(100),
            rounds,
            target=10,
            compare="LangGraph 234–300 µs, Node-RED 5.2, a bare runner 5.7",
        ),
        _made_ready(1_000 if short else 10_000),
    ]


def _per_node(name: str, body: dict[str, Any], rounds: int, *, target: float, compare: str) -> Measurement:
    plan = compile_flow(parse_plain(body), NODES)
    nodes = len(body["nodes"])
    step_us = calibrate()
    times = [seconds / nodes * 1e6 for seconds in asyncio.run(_run(plan, rounds))]
    return Measurement(name, median(times), "µs", target, compare=compare, step_us=step_us)


async def _run(plan: Plan, rounds: int) -> list[float]:
    """Seconds of each round; the first two warm up and do not count."""
    times = []
    with LocalHost() as host, ThreadPoolExecutor(2) as threads:
        for number in range(rounds + 2):
            store, run_id = MemoryRunStore(), f"run-{number}"
            started = time.perf_counter()
            result = await run_flow(plan, inputs={}, store=store, host=host, threads=threads, run_id=run_id)
            times.append(time.perf_counter() - started)
            assert result.state == "completed", result
    return times[2:]


def _made_ready(nodes: int) -> Measurement:
    body = chain(nodes)
    step_us = calibrate()
    started = time.perf_counter()
    compile_flow(parse_plain(body), NODES)
    value = (time.perf_counter() - started) * 1e3
    target = 600 * nodes / 10_000
    return Measurement(f"flow of {nodes:,} nodes: parse and plan", value, "ms", target, step_us=step_us)
