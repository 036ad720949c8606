"""Nodes of a plug-in that stream, behind their walls: items cross one by one, with all streams promise."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from apps.catalogue.inspection import inspect_package
from apps.catalogue.unpacking import folder_of
from sage_studio.engine import Controls, MemoryRunStore
from sage_studio.engine.executors.conversation import MOST_OPEN
from sage_studio.plugins.builtin import BUILTIN_NODES
from sage_studio.plugins.isolated.stand_in import IsolatedPlugin, stand_ins
from sage_studio.plugins.local_host import LocalHost
from sage_studio.plugins.registry import NodeRegistry
from tests.catalogue.making import archive
from tests.catalogue.test_hostile_plugins import key_of
from tests.streams.test_flows import Sum, Ticks, flow, node, run_nodes

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed"),
]
PROJECT = """
[project]
name = "acme_flow"
version = "1.0.0"
[project.entry-points."sage_studio.plugins"]
acme_flow = "acme_flow:plugin"
"""
MODULE = '''
import asyncio
from sage_studio.sdk import Field, Node, NodeError, NodeSpec, PluginSpec, Port, StreamNode, text

W = text("x", "x")
IN = (Port(name="items", type="array<any>", label=W, streams=True),)
OUT = (Port(name="items", type="array<any>", label=W, streams=True),)

def spec(node_id, **more):
    facts = dict(version="1.0.0", name=W, description=W, category="utility", icon="dot")
    return NodeSpec(id=node_id, **facts, **more)

def number(name, default):
    return Field(name=name, type="integer", label=W, default=default)

class Count(StreamNode):
    """A source that knows where it is."""
    spec = spec("acme_count", outputs=OUT, config=(number("count", 10),))

    def __init__(self):
        self.position = 0

    async def stream(self, ctx, inputs):
        while self.position < ctx.config["count"]:
            self.position += 1
            yield {"items": self.position - 1}

    def snapshot(self):
        return self.position

    def restore(self, state):
        self.position = state

class Twice(StreamNode):
    spec = spec("acme_twice", inputs=IN, outputs=OUT, config=(number("fail_at", -1), number("most", -1)))

    async def stream(self, ctx, inputs):
        async def work(item):
            await asyncio.sleep(0)
            return item * 2

        given = 0
        async for item in inputs["items"].parallel_map(work):
            if item == ctx.config["fail_at"]:
                raise NodeError.plain("enough of " + str(item))
            yield {"items": item}
            given += 1
            if given % 1000 == 0:
                ctx.log("given", count=given)
            if given == ctx.config["most"]:
                return

class Add(StreamNode):
    spec = spec("acme_add", inputs=IN, outputs=(Port(name="sum", type="number", label=W),))

    def __init__(self):
        self.sum = 0

    async def stream(self, ctx, inputs):
        async for chunk in inputs["items"].chunks():
            self.sum += sum(chunk)
        yield {"sum": self.sum}

    def snapshot(self):
        return self.sum

    def restore(self, state):
        self.sum = state

class Plain(Node):
    """An async generator, on a port that is a stream whatever the flow says."""
    spec = spec("acme_plain", outputs=(Port(name="items", type="stream<integer>", label=W),
                                       Port(name="last", type="integer", label=W)))

    async def run(self, ctx, inputs):
        for value in range(1000):
            yield {"items": value}
            yield {"last": value}

class Reverse(Node):
    """Knows nothing of streams."""
    spec = spec("acme_reverse", inputs=IN, outputs=OUT)

    async def run(self, ctx, inputs):
        return {"items": list(reversed(inputs["items"]))}

class Ask(Node):
    spec = spec("acme_ask", outputs=(Port(name="found", type="integer", label=W),),
                config=(number("rude", 0),))

    async def run(self, ctx, inputs):
        ask = ctx._talk.ask if ctx.config["rude"] else None
        async def one(n):
            if ask is not None:
                return await ask("context.wait_until", [[4e9], {"name": str(n)}])
            return await ctx.state.get("nothing", n)
        return {"found": len(await asyncio.gather(*map(one, range(3000))))}

plugin = PluginSpec(id="acme_flow", nodes=[Count, Twice, Add, Plain, Reverse, Ask])
'''


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nodes() -> AsyncIterator[NodeRegistry]:
    content = archive({"pyproject.toml": PROJECT, "acme_flow/__init__.py": MODULE})
    known = (await asyncio.to_thread(inspect_package, key_of(content), content))[1]
    folder = folder_of(key_of(content), lambda: content)

    async def kind_of(name: str) -> str:
        return ""

    place = IsolatedPlugin(known, lambda: folder, kind_of)
    made = NodeRegistry((*BUILTIN_NODES, Ticks, Sum, *stand_ins(place, key_of(content))))
    yield made
    await place.close()


@pytest.fixture
def host(tmp_path: Path) -> Iterator[LocalHost]:
    with LocalHost(folder=tmp_path / "out", environ={}) as made:
        yield made


def line(*types: str, mode: str = "streaming", **configs: Any) -> Any:
    """A flow of nodes one behind the other."""
    made = [node(one.removeprefix("acme_"), one, config=configs.get(one, {})) for one in types]
    names = [one["id"] for one in made]
    edges = [f"{a}.items>{b}.items" for a, b in pairwise(names)]
    return flow(made, edges, mode=mode)


@pytest.mark.parametrize("mode", ["streaming", "batch"])
async def test_items_cross_the_wall_and_back(nodes: NodeRegistry, host: LocalHost, mode: str) -> None:
    store = MemoryRunStore()
    wired = line(
        "acme_count", "acme_twice", "acme_reverse", "acme_add", mode=mode, acme_count={"count": 2_000}
    )
    result = await run_nodes(wired, nodes, host, store)
    assert result.state == "completed", result.error
    assert result.outputs["add"]["sum"] == sum(range(2_000)) * 2
    assert result.nodes["twice"].ports == {"items": 2_000}
    fields: list[Any] = [event.data["fields"] for event in store.events["r"] if event.type == "log"]
    assert [one["count"] for one in fields] == [1000, 2000]


async def test_who_wants_no_more_stops_those_before(nodes: NodeRegistry, host: LocalHost) -> None:
    """Ours before theirs, theirs before ours, and a generator that never ends by itself."""
    many = {"count": 10_000_000}
    for source in ("ticks", "acme_count"):
        config: dict[str, Any] = {source: many, "acme_twice": {"most": 10}}
        result = await run_nodes(line(source, "acme_twice", "sum", **config), nodes, host)
        assert result.state == "completed", result.error
        assert result.outputs["sum"]["sum"] == 90
        begun = result.nodes[source.removeprefix("acme_")]
        assert begun.items is not None
        assert begun.items < 50_000


async def test_an_error_in_the_middle_names_its_node(nodes: NodeRegistry, host: LocalHost) -> None:
    wired = line("ticks", "acme_twice", "sum", ticks={"count": 20_000}, acme_twice={"fail_at": 6_000})
    result = await run_nodes(wired, nodes, host)
    assert result.state == "failed"
    assert result.error is not None
    assert result.error["node_id"] == "twice"
    assert "enough of 6000" in result.error["message"]


async def test_a_plain_generator_streams(nodes: NodeRegistry, host: LocalHost) -> None:
    result = await run_nodes(line("acme_plain", "sum"), nodes, host)
    assert result.state == "completed", result.error
    assert result.outputs["sum"]["sum"] == sum(range(1000))
    plain = result.nodes["plain"].outputs
    assert plain is not None
    assert plain["last"] == 999


async def test_a_paused_stream_goes_on_from_its_checkpoint(nodes: NodeRegistry, host: LocalHost) -> None:
    """The state of both ends lives in their processes; it is taken up in new ones."""
    document = line("acme_count", "acme_add", acme_count={"count": 30_000})
    store, controls = MemoryRunStore(), Controls()

    async def pause_in_the_middle() -> None:
        while not any(event.type == "node_progress" for event in store.events.get("r", ())):
            await asyncio.sleep(0.005)
        controls.pause()

    pausing = asyncio.get_running_loop().create_task(pause_in_the_middle())
    result = await run_nodes(document, nodes, host, store, controls=controls)
    pausing.cancel()
    assert result.state == "paused", result.state
    result = await run_nodes(document, nodes, host, store)
    assert result.state == "completed", result.error
    assert result.outputs["add"]["sum"] == sum(range(30_000))


async def test_questions_of_a_node_are_counted(nodes: NodeRegistry, host: LocalHost) -> None:
    polite = await run_nodes(flow([node("ask", "acme_ask")], []), nodes, host)
    assert polite.outputs["ask"]["found"] == 3000, polite.error
    rude = await run_nodes(flow([node("ask", "acme_ask", config={"rude": 1})], []), nodes, host)
    assert rude.error is not None
    assert (rude.error["code"], str(MOST_OPEN) in rude.error["message"]) == (
        "executor.bad_message",
        True,
    )
