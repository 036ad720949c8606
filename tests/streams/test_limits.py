"""Pipelines beside everything else of a run: places, resources, executors, and what the optimiser does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from sage_studio.engine import compile_flow
from sage_studio.engine.optimise import optimise, report_of
from sage_studio.engine.resources import NOTHING, Amount, ResourcePool
from sage_studio.kernel import SageError
from sage_studio.plugins.builtin import BUILTIN_NODES
from sage_studio.plugins.local_host import LocalHost
from sage_studio.plugins.registry import NodeRegistry
from sage_studio.sdk import Chunk, Context, Needs, NodeOutput, Port, StreamNode
from tests.streams.test_flows import Give, Sum, W, flow, node, run_nodes, spec


class Heavy(StreamNode):
    """Takes a GPU and memory, and counts how many do so at once."""

    spec: ClassVar = spec(
        "heavy",
        outputs=(Port(name="items", type="stream<integer>", label=W),),
        needs=Needs(cpu=1, memory_mb=300, gpu=1),
    )
    at_work: ClassVar[int] = 0
    most: ClassVar[int] = 0

    async def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[NodeOutput]:
        cls = type(self)
        cls.at_work += 1
        cls.most = max(cls.most, cls.at_work)
        for _ in range(20):
            await asyncio.sleep(0)
        yield {"items": Chunk([1, 2, 3])}
        cls.at_work -= 1


class HeavySum(Sum):
    spec: ClassVar = Sum.spec.model_copy(update={"id": "heavy_sum", "needs": Needs(cpu=1, memory_mb=200)})


NODES = NodeRegistry((*BUILTIN_NODES, Give, Sum, Heavy, HeavySum))


@pytest.fixture(autouse=True)
def _fresh() -> None:
    Heavy.at_work = Heavy.most = 0


@pytest.fixture
def host(tmp_path: Path) -> Iterator[LocalHost]:
    with LocalHost(folder=tmp_path / "out", environ={}) as made:
        yield made


def several(count: int = 3, **settings: Any) -> Any:
    """Pipelines of two that nothing joins with each other."""
    numbers = range(count)
    return flow(
        [node(f"a{n}", "heavy") for n in numbers] + [node(f"b{n}", "heavy_sum") for n in numbers],
        [f"a{n}.items>b{n}.items" for n in numbers],
        settings=settings,
    )


async def test_what_members_need_is_held_together_and_given_back(host: LocalHost) -> None:
    pool = ResourcePool(Amount(1000, 1000, 1))  # fewer processors than members: they share a loop anyway
    result = await run_nodes(several(), NODES, host, resources=pool)
    assert result.state == "completed", result.error
    assert Heavy.most == 1
    assert pool.held == NOTHING


async def test_members_count_as_so_many_nodes_at_work(host: LocalHost) -> None:
    for concurrency, most in ((1, 1), (3, 1), (4, 2)):
        Heavy.most = 0
        result = await run_nodes(several(concurrency=concurrency), NODES, host)
        assert result.state == "completed", result.error
        assert Heavy.most == most, concurrency


async def test_a_pipeline_that_needs_more_than_there_is_is_refused_before_it_runs(host: LocalHost) -> None:
    with pytest.raises(SageError) as raised:
        await run_nodes(several(1), NODES, host, resources=ResourcePool(Amount(2000, 400, 1)))
    assert raised.value.code.code == "run.needs_too_much"
    assert raised.value.facts["name"] == "a0 + b0"
    assert Heavy.most == 0


async def test_a_member_that_names_another_executor_is_refused_before_it_runs(host: LocalHost) -> None:
    document = flow([node("heavy"), node("sum", executor="local")], ["heavy.items>sum.items"])
    assert (await run_nodes(document, NODES, host)).state == "completed"
    document = flow([node("heavy"), node("sum", executor="process")], ["heavy.items>sum.items"])
    with pytest.raises(SageError) as raised:
        await run_nodes(document, NODES, host)
    assert raised.value.code.code == "executor.not_movable"


EQUAL = {"by": [], "aggregates": {"n": "count()"}}


async def test_the_optimiser_leaves_pipelines_as_they_are_and_says_so(host: LocalHost) -> None:
    """Neither the equal members nor the cheap one that leads are taken for nodes of their own."""
    document = flow(
        [
            node("give"),
            node("keep", "data_filter", config={"condition": "{{ item > 1 }}"}),
            node("one", "data_group", config=EQUAL),
            node("two", "data_group", config=EQUAL),
        ],
        ["give.items>keep.items", "keep.items>one.items", "keep.items>two.items"],
        outputs=[{"name": "n", "value": "{{ [one.items[0].n, two.count] }}"}],
    )
    changes = optimise(compile_flow(document, NODES))
    report = report_of(changes)
    (streamed,) = [change for change in report["changes"] if change["kind"] == "streamed"]
    assert streamed["nodes"] == ["keep", "one", "two"]
    assert {change["kind"] for change in report["changes"]} == {"streamed"}
    result = await run_nodes(document, NODES, host, plan=changes.plan)
    assert result.state == "completed", result.error
    assert result.outputs["n"] == [3, 1]
