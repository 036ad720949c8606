"""Members of pipelines that behave badly, and pipelines that are stopped or tried again at odd moments."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from sage_studio.engine import Controls, MemoryRunStore
from sage_studio.engine.records import Batch, FlowState
from sage_studio.plugins.builtin import BUILTIN_NODES
from sage_studio.plugins.local_host import LocalHost
from sage_studio.plugins.registry import NodeRegistry
from sage_studio.sdk import ChunkNode, Context, Field, NodeOutput, Port, StreamNode
from tests.streams.test_flows import Sum, Take, Ticks, W, flow, node, run_nodes, spec


class Quits(StreamNode):
    """Lets go of itself, or leaves the program, at its second item."""

    spec: ClassVar = spec(
        "quits",
        inputs=(Port(name="items", type="stream<any>", label=W, required=True),),
        outputs=(Port(name="items", type="stream<any>", label=W),),
        config=(Field(name="how", type="string", label=W), Field(name="waits", type="boolean", label=W)),
    )

    async def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[NodeOutput]:
        async for item in inputs["items"]:
            if item == 1:
                if ctx.config.get("waits"):
                    await asyncio.sleep(0)
                raise asyncio.CancelledError if ctx.config["how"] == "cancelled" else SystemExit
            yield {"items": item}


class QuitsAtOnce(ChunkNode):
    """The same in a node that is called where its input is given."""

    spec: ClassVar = spec(
        "quits_at_once",
        inputs=(Port(name="items", type="stream<any>", label=W, required=True),),
        outputs=(Port(name="items", type="stream<any>", label=W),),
        config=Quits.spec.config,
    )

    async def open(self, ctx: Context, inputs: Mapping[str, Any]) -> None:
        self.config = ctx.config

    async def take(self, chunk: Any) -> NodeOutput:
        if self.config.get("waits"):
            await asyncio.sleep(0)
        raise asyncio.CancelledError if self.config["how"] == "cancelled" else SystemExit


class BadClose(Take):
    spec: ClassVar = Take.spec.model_copy(update={"id": "bad_close"})

    async def close(self) -> None:
        raise ZeroDivisionError("by design")


class Careful(Sum):
    """Nobody may repeat it."""

    spec: ClassVar = Sum.spec.model_copy(update={"id": "careful", "effect": "at_most_once"})


NODES = NodeRegistry((*BUILTIN_NODES, Ticks, Sum, Take, Quits, QuitsAtOnce, BadClose, Careful))


@pytest.fixture
def host(tmp_path: Path) -> Iterator[LocalHost]:
    with LocalHost(folder=tmp_path / "out", environ={}) as made:
        yield made


@pytest.fixture(autouse=True)
def _fresh() -> None:
    Ticks.started = 0
    Ticks.committed_at = []
    Ticks.began_at = []
    Sum.failures = 0


@pytest.mark.parametrize("type_", ["quits", "quits_at_once"])
@pytest.mark.parametrize("how", ["cancelled", "exit"])
@pytest.mark.parametrize("waits", [False, True])
async def test_a_member_that_cancels_itself_or_leaves_the_program_has_failed(
    host: LocalHost, type_: str, how: str, waits: bool
) -> None:
    document = flow(
        [node("ticks"), node("q", type_, config={"how": how, "waits": waits}), node("sum")],
        ["ticks.items>q.items", "q.items>sum.items"],
    )
    result = await run_nodes(document, NODES, host)
    assert result.state is FlowState.FAILED
    assert result.error is not None
    assert (result.error["code"], result.error["node_id"]) == ("node.crashed", "q")


async def test_a_member_that_cannot_be_closed_has_done_its_work_all_the_same(host: LocalHost) -> None:
    store = MemoryRunStore()
    document = flow(
        [node("ticks"), node("t", "bad_close"), node("sum")], ["ticks.items>t.items", "t.items>sum.items"]
    )
    result = await run_nodes(document, NODES, host, store)
    assert result.state is FlowState.COMPLETED
    assert result.outputs["sum"]["sum"] == 45
    said = [event.data for event in store.events["r"] if event.type == "log"]
    assert [line["message"] for line in said] == ["not_closed"]


async def test_settings_that_cannot_be_computed_are_the_fault_of_the_node_that_has_them(
    host: LocalHost,
) -> None:
    document = flow(
        [node("ticks"), node("sum", config={"fail_at": "{{ flow.inputs.absent.deeper }}"})],
        ["ticks.items>sum.items"],
    )
    result = await run_nodes(document, NODES, host)
    assert result.error is not None
    assert result.error["node_id"] == "sum"
    assert result.nodes["sum"].state == "failed"
    assert result.nodes["ticks"].state == "cancelled"


async def test_the_time_limit_of_a_member_is_tried_again_only_where_that_was_asked_for(
    host: LocalHost,
) -> None:
    store = MemoryRunStore()
    retry = {"count": 2, "delay_s": 0, "errors": ["http.*"]}
    document = flow(
        [node("ticks", config={"count": 10**9}, timeout_s=0.02, retry=retry), node("sum")],
        ["ticks.items>sum.items"],
    )
    result = await run_nodes(document, NODES, host, store)
    assert result.error is not None
    assert result.error["code"] == "node.timeout"
    assert result.nodes["ticks"].attempt == 1


async def test_a_pause_before_the_next_attempt_keeps_the_checkpoint_and_leaves_nothing_under_way(
    host: LocalHost,
) -> None:
    """Also for the worker that takes the run up in that pause."""
    store = MemoryRunStore()
    document = flow(
        [
            node("ticks", config={"count": 200_000}),
            node("sum", config={"fail_at": 199_000}, retry={"count": 1, "delay_s": 3600}),
        ],
        ["ticks.items>sum.items"],
    )
    controls = Controls()
    first = asyncio.create_task(
        run_nodes(document, NODES, host, store, controls=controls, checkpoint_interval_s=0.001)
    )
    while not any(event.type == "node_retrying" for event in store.events.get("r", ())):
        await asyncio.sleep(0)
    states = {record.node_id: record.state for record in store.nodes["r"].values()}
    assert states == {"ticks": "cancelled", "sum": "failed"}
    committed = list(Ticks.committed_at)
    controls.drain()
    assert (await first).state == "ready"
    result = await run_nodes(document, NODES, host, store, checkpoint_interval_s=3600)
    assert result.state == "completed", result.error
    assert result.outputs["sum"]["sum"] == sum(range(200_000))
    assert result.nodes["sum"].attempt == 2
    assert committed
    assert Ticks.began_at[-1] >= committed[-1]


class Slow(MemoryRunStore):
    """Takes its first batch down when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.is_asked = asyncio.Event()
        self.may_go_on = asyncio.Event()

    async def record(self, run_id: str, batch: Batch) -> None:
        self.is_asked.set()
        await self.may_go_on.wait()
        await super().record(run_id, batch)


@pytest.mark.parametrize("wish", ["pause", "drain", "cancel"])
async def test_a_run_stopped_while_its_pipeline_is_being_announced_does_not_begin_it(
    host: LocalHost, wish: str
) -> None:
    store, controls = Slow(), Controls()
    document = flow(
        [node("ticks", config={"count": 10**9}), node("sum", "careful")], ["ticks.items>sum.items"]
    )
    task = asyncio.create_task(run_nodes(document, NODES, host, store, controls=controls))
    await store.is_asked.wait()
    getattr(controls, wish)()
    store.may_go_on.set()
    result = await task
    assert result.state == {"pause": "paused", "drain": "ready", "cancel": "cancelled"}[wish]
    state = "cancelled" if wish == "cancel" else "queued"
    assert {one.state for one in store.nodes["r"].values()} == {state}
    assert Ticks.started == 0
