"""Streams inside flows: what joins, what the records say, errors, pause, crash, and lists at the borders."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import pytest

from sage_studio.engine import Controls, MemoryRunStore, Plan, RunResult, compile_flow, run_flow
from sage_studio.engine.options import RunOptions
from sage_studio.flow import parse_plain
from sage_studio.plugins.builtin import BUILTIN_NODES
from sage_studio.plugins.local_host import LocalHost
from sage_studio.plugins.registry import NodeRegistry
from sage_studio.sdk import (
    Context,
    Field,
    Node,
    NodeError,
    NodeOutput,
    NodeSpec,
    Port,
    StreamNode,
    text,
)

W = text("x", "x")


def spec(node_id: str, **more: Any) -> NodeSpec:
    return NodeSpec(id=node_id, name=W, description=W, category="utility", icon="dot", **more)


class Ticks(StreamNode):
    """Numbers as a stream; stops to wait after ``pause_at`` until ``go_on``."""

    spec: ClassVar = spec(
        "ticks",
        outputs=(Port(name="items", type="stream<integer>", label=W),),
        config=(Field(name="count", type="integer", label=W, default=10),),
    )
    go_on: ClassVar[asyncio.Event]
    started: ClassVar[int] = 0
    committed_at: ClassVar[list[int]] = []
    began_at: ClassVar[list[int]] = []

    def __init__(self) -> None:
        self.position = 0
        self._marked = 0

    async def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[NodeOutput]:
        type(self).started += 1
        self.began_at.append(self.position)
        while self.position < ctx.config["count"]:
            self.position += 1
            yield {"items": self.position - 1}
            if self.position % 100 == 0:
                await asyncio.sleep(0)

    def snapshot(self) -> int:
        self._marked = self.position
        return self.position

    def restore(self, state: Any) -> None:
        self.position = state

    async def committed(self) -> None:
        self.committed_at.append(self._marked)


class Sum(StreamNode):
    spec: ClassVar = spec(
        "sum",
        inputs=(Port(name="items", type="stream<any>", label=W, required=True),),
        outputs=(Port(name="sum", type="number", label=W),),
        config=(Field(name="fail_at", type="integer", label=W, default=-1),),
    )
    failures: ClassVar[int] = 0

    def __init__(self) -> None:
        self.sum = 0

    async def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[NodeOutput]:
        async for item in inputs["items"]:
            if item == ctx.config["fail_at"] and not type(self).failures:
                type(self).failures += 1
                raise NodeError.plain("enough", retryable=True)
            self.sum += item
        yield {"sum": self.sum}

    def snapshot(self) -> int:
        return self.sum

    def restore(self, state: Any) -> None:
        self.sum = state


class Take(StreamNode):
    spec: ClassVar = spec(
        "take",
        inputs=(Port(name="items", type="stream<any>", label=W, required=True),),
        outputs=(Port(name="items", type="stream<any>", label=W),),
    )

    async def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[NodeOutput]:
        left = 10
        async for item in inputs["items"]:
            yield {"items": item}
            left -= 1
            if not left:
                return


class Give(Node):
    """Gives a list."""

    spec: ClassVar = spec("give", outputs=(Port(name="items", type="array<integer>", label=W),))

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        return {"items": [1, 2, 3, 4]}


class Length(Node):
    """Takes a whole list."""

    spec: ClassVar = spec(
        "length",
        inputs=(Port(name="items", type="array<any>", label=W),),
        outputs=(Port(name="length", type="integer", label=W),),
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        return {"length": len(inputs["items"])}


NODES = NodeRegistry((*BUILTIN_NODES, Ticks, Sum, Take, Give, Length))


def node(node_id: str, type_: str | None = None, **more: Any) -> dict[str, Any]:
    config = more.pop("config", {})
    return {"id": node_id, "type": type_ or node_id, "config": config, **more}


def edge(text_: str) -> dict[str, str]:
    left, right = text_.split(">")
    (source, source_port), (target, target_port) = left.split("."), right.split(".")
    return {"source": source, "source_port": source_port, "target": target, "target_port": target_port}


def flow(nodes: list[dict[str, Any]], edges: list[str], *, mode: str = "streaming", **more: Any) -> Any:
    body: dict[str, Any] = {
        "schema": "sage-studio/flow@1",
        "name": "f",
        "settings": {"mode": mode, **more.pop("settings", {})},
        "nodes": nodes,
        "edges": [edge(one) for one in edges],
        **more,
    }
    return parse_plain(body)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[LocalHost]:
    with LocalHost(folder=tmp_path / "out", environ={}) as made:
        yield made


@pytest.fixture(autouse=True)
def _fresh() -> None:
    Ticks.started = 0
    Ticks.committed_at = []
    Sum.failures = 0


async def run_nodes(
    document: Any,
    nodes: NodeRegistry,
    host: LocalHost,
    store: Any = None,
    *,
    controls: Controls | None = None,
    plan: Plan | None = None,
    **options: Any,
) -> RunResult:
    with ThreadPoolExecutor(2) as threads:
        async with asyncio.timeout(60):
            return await run_flow(
                plan or compile_flow(document, nodes),
                run_id="r",
                inputs={},
                store=store or MemoryRunStore(),
                host=host,
                threads=threads,
                controls=controls,
                options=RunOptions(**options),
            )


async def run(document: Any, host: LocalHost, store: Any = None, **more: Any) -> RunResult:
    return await run_nodes(document, NODES, host, store, **more)


async def test_stream_nodes_run_together_and_have_records_of_their_own(host: LocalHost) -> None:
    store = MemoryRunStore()
    result = await run(
        flow([node("ticks", config={"count": 5_000}), node("sum")], ["ticks.items>sum.items"]), host, store
    )
    assert result.state == "completed", result.error
    assert result.outputs["sum"]["sum"] == sum(range(5_000))
    ticks = result.nodes["ticks"]
    assert ticks.state == "completed"
    assert ticks.outputs is not None
    assert ticks.outputs["items"]["items"] == 5_000
    assert ticks.outputs["items"]["samples"] == list(range(20))
    assert ticks.outputs["items"]["$stream"] == "r/ticks.items"
    assert ticks.ports == {"items": 5_000}
    types = [event.type for event in store.events["r"] if event.node_id == "ticks"]
    assert types[0] == "node_started"
    assert types[-1] == "node_completed"


async def test_an_early_stop_of_a_consumer_ends_its_producer(host: LocalHost) -> None:
    result = await run(
        flow(
            [node("ticks", config={"count": 10_000_000}), node("take"), node("sum")],
            ["ticks.items>take.items", "take.items>sum.items"],
        ),
        host,
    )
    assert result.outputs["sum"]["sum"] == 45
    assert result.nodes["ticks"].items is not None
    assert result.nodes["ticks"].items < 20_000


@pytest.mark.parametrize("mode", ["batch", "streaming"])
async def test_lists_become_streams_and_streams_lists_at_declared_ports(host: LocalHost, mode: str) -> None:
    document = flow(
        [
            node("give"),
            node("sum"),
            node("ticks", config={"count": 7}),
            node("length"),
        ],
        ["give.items>sum.items", "ticks.items>length.items"],
        mode=mode,
    )
    result = await run(document, host)
    assert result.state == "completed", result.error
    assert result.outputs["sum"]["sum"] == 10
    assert result.outputs["length"]["length"] == 7


CSV = "region,status,quantity,price\n" + "".join(
    f"{('north', 'south')[n % 2]},{('paid', 'open')[n % 3 == 0]},{n % 7},{n / 4}\n" for n in range(20_000)
)


def table_flow(path: Path, mode: str, **more: Any) -> Any:
    return flow(
        [
            node(
                "read",
                "file_reader",
                config={"files": [{"name": "t.csv", "mime": "text/csv", "ref": f"path:{path}"}]},
            ),
            node(
                "keep",
                "data_filter",
                config={"condition": "{{ item.status === 'paid' && item.quantity > 1 }}"},
            ),
            node("map", "data_map", config={"fields": {"amount": "{{ item.quantity * item.price }}"}}),
            node(
                "group",
                "data_group",
                config={
                    "by": ["region"],
                    "aggregates": {"n": "count()", "total": "sum(amount)", "top": "max(price)"},
                },
            ),
            node("write", "file_writer", config={"name": "out", "format": "csv"}),
        ],
        ["read.rows>keep.items", "keep.items>map.items", "map.items>group.items", "group.items>write.value"],
        mode=mode,
        **more,
    )


async def test_a_table_gives_the_same_in_a_batch_and_as_a_stream(host: LocalHost, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(CSV)
    found = {}
    for mode in ("batch", "streaming"):
        result = await run(table_flow(path, mode), host)
        assert result.state == "completed", result.error
        found[mode] = (tmp_path / "out" / "out.csv").read_text()
        assert result.nodes["read"].ports["rows"] == 20_000  # type: ignore[index]
        assert result.nodes["keep"].ports["items"] == result.nodes["map"].items  # type: ignore[index]
    assert found["batch"] == found["streaming"]


async def test_an_error_in_the_middle_fails_its_node_and_the_run(host: LocalHost) -> None:
    result = await run(
        flow(
            [node("ticks", config={"count": 100_000}), node("sum", config={"fail_at": 50_000})],
            ["ticks.items>sum.items"],
        ),
        host,
    )
    assert result.state == "failed"
    assert result.error is not None
    assert result.error["node_id"] == "sum"
    assert result.nodes["ticks"].state == "cancelled"
    assert result.nodes["sum"].state == "failed"


async def test_a_routed_error_leaves_the_pipeline_by_its_port(host: LocalHost) -> None:
    result = await run(
        flow(
            [
                node("ticks", config={"count": 1_000}),
                node("sum", config={"fail_at": 500}, on_error="route"),
                node("after", "length"),
            ],
            ["ticks.items>sum.items", "sum.error>after.items"],
        ),
        host,
    )
    assert result.state == "completed", result.error
    assert result.nodes["ticks"].state == "skipped"
    assert result.nodes["after"].state == "completed"


async def test_a_retry_goes_on_from_the_last_checkpoint(host: LocalHost) -> None:
    store = MemoryRunStore()
    result = await run(
        flow(
            [
                node("ticks", config={"count": 200_000}),
                node("sum", config={"fail_at": 199_000}, retry={"count": 1, "delay_s": 0}),
            ],
            ["ticks.items>sum.items"],
        ),
        host,
        store,
        checkpoint_interval_s=0.001,
    )
    assert result.state == "completed", result.error
    assert result.outputs["sum"]["sum"] == sum(range(200_000))
    assert Ticks.started == 2
    assert result.nodes["sum"].attempt == 2
    assert len(Ticks.committed_at) > 1


@pytest.mark.parametrize("wish", ["pause", "drain"])
async def test_a_stopped_pipeline_goes_on_where_it_was(host: LocalHost, wish: str) -> None:
    store = MemoryRunStore()
    document = flow([node("ticks", config={"count": 300_000}), node("sum")], ["ticks.items>sum.items"])
    stops = 0
    while True:
        controls = Controls()
        task = asyncio.create_task(run(document, host, store, controls=controls, checkpoint_interval_s=3600))
        if stops < 3:
            for _ in range(200):
                await asyncio.sleep(0)
            getattr(controls, wish)()
        result = await task
        if result.state == "completed":
            break
        stops += 1
        assert result.state == ("paused" if wish == "pause" else "ready")
        assert result.nodes["sum"].state == "queued"
    assert stops == 3
    assert result.outputs["sum"]["sum"] == sum(range(300_000))
    assert result.nodes["ticks"].ports == {"items": 300_000}
    assert result.nodes["ticks"].attempt == 1


async def test_a_crashed_worker_is_followed_by_one_that_goes_on_from_the_checkpoint(host: LocalHost) -> None:
    store = MemoryRunStore()
    document = flow([node("ticks", config={"count": 500_000}), node("sum")], ["ticks.items>sum.items"])
    for _ in range(4):
        task = asyncio.create_task(run(document, host, store, checkpoint_interval_s=0.001))
        for _turn in range(400):
            await asyncio.sleep(0)
        task.cancel()  # nothing more is recorded: as after kill -9
        with pytest.raises(asyncio.CancelledError):
            await task
    result = await run(document, host, store)
    assert result.state == "completed", result.error
    assert result.outputs["sum"]["sum"] == sum(range(500_000))
    assert result.nodes["ticks"].ports == {"items": 500_000}


async def test_a_cancelled_run_ends_soon_and_closes_its_streams(host: LocalHost) -> None:
    controls = Controls()
    document = flow(
        [node("ticks", config={"count": 10**9}), node("sum")], ["ticks.items>sum.items"], mode="event"
    )
    task = asyncio.create_task(run(document, host, controls=controls))
    for _ in range(200):
        await asyncio.sleep(0)
    controls.cancel()
    async with asyncio.timeout(60):
        result = await task
    assert result.state == "cancelled"
    assert result.nodes["ticks"].state == "cancelled"
    assert Ticks.committed_at, "what was done is committed before the end"


async def test_a_node_that_needs_the_whole_of_a_stream_does_not_wait_for_itself(host: LocalHost) -> None:
    """``sum`` reads the stream and, by an expression, a node that needs all of it: it gets a list."""
    document = flow(
        [
            node("ticks", config={"count": 50}),
            node("length"),
            node("sum", config={"fail_at": "{{ length.length + 1000 }}"}),
        ],
        ["ticks.items>length.items", "ticks.items>sum.items"],
    )
    result = await run(document, host)
    assert result.state == "completed", result.error
    assert result.outputs["sum"]["sum"] == sum(range(50))


async def test_a_stream_too_long_for_a_list_says_so(host: LocalHost) -> None:
    document = flow([node("ticks", config={"count": 150_000}), node("length")], ["ticks.items>length.items"])
    result = await run(document, host)
    assert result.state == "failed"
    assert result.error is not None
    assert result.error["code"] == "stream.too_long"
