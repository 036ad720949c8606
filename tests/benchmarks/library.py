"""Nodes that work through lists, in rows a second beside a loop written by hand, and expressions a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sage_studio.engine import MemoryRunStore, compile_flow, run_flow
from sage_studio.expressions import compile_template
from sage_studio.flow import parse_plain
from sage_studio.kernel import JsonObject
from sage_studio.plugins.builtin import BUILTIN_NODES
from sage_studio.plugins.local_host import LocalHost
from sage_studio.plugins.registry import NodeRegistry, builtin_registry
from tests.benchmarks.harness import Measurement, calibrate
from tests.nodes.running import Given

ROWS = 100_000
_REPEAT = 3
_NODES: Mapping[str, Mapping[str, Any]] = {
    "data_filter": {"condition": "{{ item.quantity > 3 && item.status === 'paid' }}"},
    "data_map": {"fields": {"total": "{{ item.quantity * item.price }}"}},
    "data_sort": {"by": ["status", "-price"]},
    "data_dedupe": {"by": ["customer"]},
    "data_flatten": {"field": "tags"},
    "data_reduce": {"expression": "{{ total + item.quantity }}"},
    "validator": {
        "schema": {"type": "object", "required": ["customer"], "properties": {"price": {"minimum": 0}}}
    },
    "table_sql": {"query": "select status, sum(quantity * price) as total from t1 group by status"},
}
_EXPRESSIONS = {
    "a path": "{{ read.items[7].customer }}",
    "a condition": "{{ read.items.length > 10 && read.count !== 3 ? 'many' : 'few' }}",
    "text with two values": "Order {{ read.items[0].customer }} of {{ read.items[0].status.toUpperCase() }}",
    "filter and map over 50": "{{ read.items.filter(x => x.quantity > 3).map(x => x.customer).join(', ') }}",
}


def rows(count: int) -> list[dict[str, Any]]:
    states = ("paid", "open", "refused")
    return [
        {
            "customer": f"customer {number % 1_000}",
            "quantity": number % 7,
            "price": number % 97 + 0.5,
            "status": states[number % 3],
            "tags": ["a", "b"],
        }
        for number in range(count)
    ]


def measure(*, short: bool) -> list[Measurement]:
    step_us = calibrate()
    items = rows(ROWS // 10 if short else ROWS)
    by_hand = _cpu_s(lambda: [{**item, "total": item["quantity"] * item["price"]} for item in items])
    found = [_node(name, config, items, by_hand, step_us) for name, config in _NODES.items()]
    return found + [_expression(name, source, step_us, short) for name, source in _EXPRESSIONS.items()]


def _node(
    name: str, config: Mapping[str, Any], items: list[Any], by_hand: float, step_us: float
) -> Measurement:
    port = next(port.name for port in _spec(name).inputs)
    body: JsonObject = {
        "schema": "sage-studio/flow@1",
        "nodes": [
            {"id": "given", "type": "given", "config": {"values": {"p0": items}}},
            {"id": "tried", "type": name, "config": dict(config)},
        ],
        "edges": [{"source": "given", "source_port": "p0", "target": "tried", "target_port": port}],
    }
    plan = compile_flow(parse_plain(body), NodeRegistry((*BUILTIN_NODES, Given)))

    async def through() -> None:
        with LocalHost() as host, ThreadPoolExecutor(1) as threads:
            result = await run_flow(
                plan, run_id="bench", inputs={}, store=MemoryRunStore(), host=host, threads=threads
            )
        assert result.outputs["tried"], result.error

    spent = _cpu_s(lambda: asyncio.run(through()))
    return Measurement(
        f"{name}, {len(items):,} rows",
        len(items) / spent,
        "rows/s",
        better="higher",
        compare=f"a map written by hand: {len(items) / by_hand:,.0f}",
        step_us=step_us,
    )


def _spec(name: str) -> Any:
    spec = builtin_registry().spec(name)
    assert spec is not None, name
    return spec


def _expression(name: str, source: str, step_us: float, short: bool) -> Measurement:
    scope = {"read": {"items": rows(50), "count": 50}}
    template = compile_template(source)
    times = 500 if short else 5_000

    def many() -> None:
        for _ in range(times):
            template.evaluate(scope)

    spent = _cpu_s(many)
    return Measurement(
        f"expression: {name}",
        spent / times * 1e6,
        "µs",
        compare="quickjs-ng in process, JSON in and out: 94 (path), 107 (filter and map)",
        step_us=step_us,
    )


def _cpu_s(work: Callable[[], object]) -> float:
    """Processor seconds, the best of a few."""
    best = float("inf")
    for _ in range(_REPEAT):
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
    return best
