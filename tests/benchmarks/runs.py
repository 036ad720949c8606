"""A flow of five nodes started over HTTP and followed to its end, durable, in the embedded mode."""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from tests.benchmarks.harness import Measurement, calibrate, median, spread
from tests.benchmarks.product import Owner, Product, make_flow, running_product, sign_up

ENDINGS = {"run_completed", "run_failed", "run_cancelled"}


def five_nodes() -> dict[str, Any]:
    """Start, reshape, decide, and two ways that meet again: nodes every flow is made of."""
    nodes = [
        {"id": "start_0000", "type": "manual_trigger", "config": {"data": {"n": 7}}},
        {"id": "if_0000", "type": "if_else", "config": {"condition": "{{ inputs.value.n > 3 }}"}},
        {"id": "map_0000", "type": "data_map", "config": {}},
        {"id": "map_1111", "type": "data_map", "config": {}},
        {"id": "merge_0000", "type": "merge", "config": {}},
    ]
    wires = [
        ("start_0000", "data", "if_0000", "value"),
        ("if_0000", "true", "map_0000", "items"),
        ("if_0000", "false", "map_1111", "items"),
        ("map_0000", "items", "merge_0000", "values"),
        ("map_1111", "items", "merge_0000", "values"),
    ]
    edges = [
        {"source": source, "source_port": source_port, "target": target, "target_port": target_port}
        for source, source_port, target, target_port in wires
    ]
    return {"schema": "sage-studio/flow@1", "nodes": nodes, "edges": edges}


def measure(*, short: bool) -> list[Measurement]:
    with running_product() as product:
        return measure_on(product, sign_up(product), short=short)


def measure_on(product: Product, owner: Owner, *, short: bool) -> list[Measurement]:
    flow_id = make_flow(product, owner, "Five nodes", five_nodes())
    if not short:
        product.wait_settled()
    return asyncio.run(_measure(product, owner, flow_id, short=short))


async def _measure(product: Product, owner: Owner, flow_id: str, *, short: bool) -> list[Measurement]:
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
    client = httpx.AsyncClient(
        base_url=product.address, headers=owner.headers, cookies=owner.cookies, limits=limits, timeout=60
    )
    socket = connect(
        f"{product.address.replace('http', 'ws', 1)}/ws/flow/{flow_id}",
        additional_headers={"Cookie": owner.cookie_header},
        origin=Origin(product.address),
    )
    async with client as browser, socket as events, asyncio.TaskGroup() as group:
        await events.send(json.dumps({"type": "subscribe", "runs": {}, "follow": True, "bundle": True}))
        endings = Endings()
        listening = group.create_task(endings.listen(events))
        start = partial(_one, browser, owner, flow_id, endings)
        await _many(start, connections=1, count=5)
        step_us = calibrate()
        alone, _ = await _many(start, connections=1, count=10 if short else 100)
        cpu_before = product.cpu_s()
        together, wall_s = await _many(start, connections=10, count=20 if short else 300)
        cpu_ms = (product.cpu_s() - cpu_before) * 1000 / len(together)
        listening.cancel()
    return [
        Measurement(
            "run of 5 nodes over HTTP, one connection, start to end known",
            median(alone),
            "ms",
            12,
            compare="n8n 49, Langflow 88",
            more=spread(alone),
            step_us=step_us,
        ),
        Measurement(
            "the same, 10 connections",
            len(together) / wall_s,
            "runs/s",
            150,
            better="higher",
            compare="n8n 26, Langflow 9.8",
            more=spread(together),
            step_us=step_us,
        ),
        Measurement(
            "the same, processor time of each run in all processes",
            cpu_ms,
            "ms",
            8,
            compare="n8n 58–68 (12–16 with its old engine)",
            step_us=step_us,
        ),
    ]


async def _many(
    start: Callable[[], Awaitable[None]], *, connections: int, count: int
) -> tuple[list[float], float]:
    """Runs ``count`` flows, ``connections`` at a time; milliseconds of each, and seconds of all."""
    left = iter(range(count))
    times: list[float] = []

    async def one_connection() -> None:
        for _ in left:
            started = time.perf_counter()
            await start()
            times.append((time.perf_counter() - started) * 1000)

    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(one_connection())
    return times, time.perf_counter() - started


async def _one(browser: httpx.AsyncClient, owner: Owner, flow_id: str, endings: Endings) -> None:
    """Starts a run over HTTP and hears over the flow's socket that it has ended."""
    answer = await browser.post(owner.url("/runs"), json={"flow_id": flow_id})
    assert answer.status_code == 202, answer.text
    state = await endings.of(answer.json()["id"])
    assert state == "run_completed", state


class Endings:
    """How each run ended, by its id; an ending may come before its run is asked for."""

    def __init__(self) -> None:
        self._known: defaultdict[str, asyncio.Future[str]] = defaultdict(
            asyncio.get_running_loop().create_future
        )

    async def of(self, run_id: str) -> str:
        async with asyncio.timeout(60):
            return await self._known[run_id]

    async def listen(self, socket: ClientConnection) -> None:
        async for message in socket:
            news = json.loads(message)
            for event in news.get("events", ()):
                if event["type"] in ENDINGS:
                    self._known[event["run_id"]].set_result(event["type"])
