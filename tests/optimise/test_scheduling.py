"""Who runs when there is not room for all: the important first, within the budget, nobody for ever last."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from sage_studio.engine import MemoryRunStore, RunOptions, RunResult, compile_flow, run_flow
from sage_studio.engine.optimise import Durations
from sage_studio.engine.resources import TOO_MUCH, Amount, ResourcePool
from sage_studio.flow import parse_plain
from sage_studio.flow.spec import Needs
from sage_studio.kernel import SageError
from sage_studio.plugins.registry import NodeRegistry, builtin_registry
from sage_studio.sdk import Context, Node, NodeOutput
from tests.engine.nodes import HOST, NODES, flow, node, spec


@dataclass
class Watch:
    began: list[str] = field(default_factory=list)
    at_work: int = 0
    most: int = 0


WATCH: ContextVar[Watch] = ContextVar("watch")


class Work(Node):
    """Takes a few turns of the loop."""

    spec: ClassVar = spec("work")

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        watch = WATCH.get()
        watch.began.append(ctx.node_id)
        watch.at_work += 1
        watch.most = max(watch.most, watch.at_work)
        for _ in range(3):
            await asyncio.sleep(0)
        watch.at_work -= 1
        return {"value": 1}


class OnGpu(Work):
    spec: ClassVar = spec("on_gpu", needs=Needs(gpu=1, memory_mb=100))


class OnTwoGpus(Work):
    spec: ClassVar = spec("on_two_gpus", needs=Needs(gpu=2))


TYPES = NodeRegistry((*NODES.values(), Work, OnGpu, OnTwoGpus))


def ran(
    body: dict[str, Any], *, pool: ResourcePool | None = None, durations: Durations | None = None
) -> tuple[RunResult, Watch]:
    plan = compile_flow(parse_plain(body), TYPES, durations=durations)

    async def whole() -> RunResult:
        with ThreadPoolExecutor(1) as threads:
            return await run_flow(
                plan, run_id="r", flow_id="f", inputs={}, store=MemoryRunStore(), host=HOST,
                threads=threads, options=RunOptions(resources=pool),
            )  # fmt: skip

    watch = Watch()
    token = WATCH.set(watch)
    try:
        return asyncio.run(whole()), watch
    finally:
        WATCH.reset(token)


def test_the_critical_path_goes_first_where_only_so_many_may_be_at_work() -> None:
    body = flow(
        [node("short", "work"), node("shorter", "work"), node("long", "work"), node("end", "work")],
        ["long>end"],
        settings={"concurrency": 1},
    )
    durations = Durations({"short": (20.0, 3), "shorter": (10.0, 3), "long": (30.0, 3), "end": (4_000.0, 3)})

    _, watch = ran(body, durations=durations)

    # The first to become ready starts at once; among those that wait, the most important is next.
    assert watch.began.index("long") <= 1
    assert watch.began.index("end") == watch.began.index("long") + 1
    assert watch.most == 1


def test_nodes_that_name_their_needs_never_hold_more_than_there_is() -> None:
    pool = ResourcePool(Amount(4_000, 250, 8))
    body = flow([node(f"n{i}", "on_gpu") for i in range(12)])

    result, watch = ran(body, pool=pool)

    assert result.state == "completed"
    assert watch.most == 2, "memory is there for two"
    assert pool.held == Amount()


def test_needs_inside_loops_are_kept_too() -> None:
    class Both:
        def get(self, type_id: str, version: str | None = None) -> type[Node] | None:
            return TYPES.get(type_id) or builtin_registry().get(type_id)

    body: dict[str, Any] = {
        "nodes": [
            {"id": "each", "type": "map_each", "config": {"items": list(range(8)), "parallelism": 8}},
            {"id": "heavy", "type": "on_gpu", "parent": "each"},
        ],
        "edges": [],
    }
    pool = ResourcePool(Amount(1_000, 1_000, 3))
    plan = compile_flow(parse_plain(body), Both())

    async def whole() -> RunResult:
        with ThreadPoolExecutor(1) as threads:
            return await run_flow(
                plan, run_id="r", flow_id="f", inputs={}, store=MemoryRunStore(), host=HOST,
                threads=threads, options=RunOptions(resources=pool),
            )  # fmt: skip

    watch = Watch()
    token = WATCH.set(watch)
    try:
        result = asyncio.run(whole())
    finally:
        WATCH.reset(token)

    assert result.state == "completed"
    assert len(watch.began) == 8
    assert watch.most == 3


def test_a_flow_that_asks_for_more_than_there_is_does_not_begin() -> None:
    body = flow([node("first", "work"), node("huge", "on_two_gpus", name="Train")])

    with pytest.raises(SageError) as caught:
        ran(body, pool=ResourcePool(Amount(4_000, 4_000, 1)))

    assert caught.value.code is TOO_MUCH
    assert caught.value.message() == "“Train” needs 2 GPUs; this worker has 1."


def test_without_a_pool_needs_are_not_counted() -> None:
    result, watch = ran(flow([node(f"n{i}", "on_two_gpus") for i in range(5)]))

    assert result.state == "completed"
    assert watch.most > 2
