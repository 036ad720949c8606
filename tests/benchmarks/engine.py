"""What the engine adds to each node, in memory, and how long big flows take to be made ready."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

from sage_studio.engine import MemoryRunStore, Plan, compile_flow, run_flow
from sage_studio.engine.optimise import optimise
from sage_studio.flow import parse_plain
from sage_studio.plugins.local_host import LocalHost
from sage_studio.plugins.registry import NodeRegistry
from tests.benchmarks.harness import Measurement, calibrate, collector_as_served, median
from tests.benchmarks.nodes import NODES, chain, fan_out

LIBRARY = NodeRegistry(NODES.values())


def measure(*, short: bool) -> list[Measurement]:
    with collector_as_served():
        return _measure(short=short)


def _measure(*, short: bool) -> list[Measurement]:
    rounds = 5 if short else 60
    return [
        _per_node(
            "chain of 100, in memory, fused, per node",
            chain(100),
            rounds,
            target=2,
            compare="Node-RED 3.7 µs, Hamilton 8.8, LangGraph 289–326, a bare DAG runner 11.9",
        ),
        _per_node(
            "the same, every record and event read afterwards", chain(100), rounds, target=None, reads=True
        ),
        _per_node(
            "chain of 100, in memory, drawn order, per node", chain(100), rounds, target=15, optimised=False
        ),
        _per_node(
            "fan-out 100 and join, per node",
            fan_out(100),
            rounds,
            target=10,
            compare="LangGraph 234–300 µs, Node-RED 5.2, a bare runner 5.7",
        ),
        _per_node("fan-out 100, drawn order, per node", fan_out(100), rounds, target=None, optimised=False),
        *_made_ready(1_000 if short else 10_000),
        _growth(100, 1_000 if short else 10_000),
    ]


def _per_node(
    name: str,
    body: dict[str, Any],
    rounds: int,
    *,
    target: float | None,
    compare: str = "",
    optimised: bool = True,
    reads: bool = False,
) -> Measurement:
    plan = compile_flow(parse_plain(body), LIBRARY, optimised=optimised)
    nodes = len(body["nodes"])
    step_us = calibrate()
    times = [seconds / nodes * 1e6 for seconds in asyncio.run(_run(plan, rounds, reads=reads))]
    more = {"best": round(min(times), 2)}
    return Measurement(name, median(times), "µs", target, compare=compare, step_us=step_us, more=more)


async def _run(plan: Plan, rounds: int, *, reads: bool = False) -> list[float]:
    """Processor seconds of each round, all of it in this thread; the first two warm up and do not count."""
    times = []
    with LocalHost() as host, ThreadPoolExecutor(2) as threads:
        for number in range(rounds + 2):
            store, run_id = MemoryRunStore(), f"run-{number}"
            started = time.thread_time()
            result = await run_flow(plan, inputs={}, store=store, host=host, threads=threads, run_id=run_id)
            if reads:
                assert len(result.nodes) == len(plan.nodes)
                assert len(store.events[run_id]) > 2 * len(plan.nodes)
            times.append(time.thread_time() - started)
            assert result.state == "completed", result
    return times[2:]


def _made_ready(nodes: int) -> list[Measurement]:
    body = chain(nodes)
    step_us = calibrate()
    parts = _stages(body)
    target = 600 * nodes / 10_000
    ready = parts["parse"] + parts["plan"]
    size = f"flow of {nodes:,} nodes"
    return [
        Measurement(f"{size}: parse and plan", ready, "ms", target, step_us=step_us, more=parts),
        Measurement(f"{size}: optimise", parts["optimise"], "ms", None, step_us=step_us),
        Measurement(f"{size}: run", parts["run"], "ms", None, step_us=step_us),
    ]


def _stages(body: dict[str, Any]) -> dict[str, float]:
    """Milliseconds from the document to the end of its run, stage by stage."""
    marks = [time.thread_time()]

    def mark() -> None:
        marks.append(time.thread_time())

    document = parse_plain(body)
    mark()
    drawn = compile_flow(document, LIBRARY, optimised=False)
    mark()
    plan = optimise(drawn).plan
    mark()
    run = asyncio.run(_run(plan, 1))[0]
    parse, planned, optimised = ((later - earlier) * 1e3 for earlier, later in pairwise(marks))
    return {"parse": parse, "plan": planned, "optimise": optimised, "run": run * 1e3}


def _growth(few: int, many: int) -> Measurement:
    """How many times more a node costs in a large flow than in a small one; 1 is linear."""
    step_us = calibrate()
    small = [sum(_stages(chain(few)).values()) for _ in range(5)]
    large = sum(_stages(chain(many)).values())
    value = (large / many) / (median(small) / few)
    return Measurement(
        f"cost per node at {many:,} nodes against {few}: parse, plan, optimise, run", value, "×", 2.0,
        step_us=step_us,
    )  # fmt: skip
