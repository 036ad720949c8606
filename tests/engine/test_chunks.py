"""Iterations that another worker runs together: the same values, records and events as run here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import pytest

from sage_studio.engine import Controls, MemoryRunStore, RunResult, compile_flow, run_flow
from sage_studio.engine.chunks import ChunkCall
from sage_studio.flow import parse_plain
from sage_studio.kernel import SageError
from sage_studio.sdk import Context, Node, NodeOutput
from tests.engine.chunk_place import ChunksHere, spread_over
from tests.engine.control import inside, result_of
from tests.engine.nodes import FakeHost, config, flow, node, spec
from tests.executors.flows import all_types


class Waits(Node):
    spec: ClassVar = spec("waits")

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        await ctx.wait_until(0.0)
        return {"value": ctx.iteration_path}


class OddValue(Node):
    spec: ClassVar = spec("odd_value")

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        return {"value": object()}


class Pays(Node):
    spec: ClassVar = spec("pays", config=(config("micros", type="integer"),))

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        ctx.cost(ctx.config["micros"])
        return {}


class Story:
    """One flow, run with its chunks elsewhere, by one worker after another."""

    def __init__(self, body: dict[str, Any]) -> None:
        types = all_types()
        for each in (Waits, OddValue, Pays):
            types.add(each)
        self.plan = compile_flow(parse_plain(body), types)
        self.store = MemoryRunStore()
        self.controls = Controls()
        self.on_call: Callable[[ChunkCall], None] = lambda call: None
        self.place: ChunksHere

    async def run(self, *, spreads: bool = True) -> RunResult:
        host = FakeHost()
        with ThreadPoolExecutor(2) as threads:
            self.place = ChunksHere(self.plan, host, threads)
            self.place.on_call = self.on_call
            return await run_flow(
                self.plan,
                run_id="run",
                inputs={},
                store=self.store.claim("run"),
                host=host,
                threads=threads,
                controls=self.controls,
                options=spread_over(self.place) if spreads else None,
            )

    @property
    def sizes(self) -> list[int]:
        return [len(call.rounds) for call in self.place.calls]

    def left(self) -> tuple[Any, ...]:
        """What is on record but times, and the events of each node run in their order."""
        records = {
            key: (record.state, record.outputs, record.error, record.ports)
            for key, record in self.store.nodes["run"].items()
        }
        told: dict[Any, list[Any]] = {}
        for event in self.store.events["run"]:
            if event.node_id is not None and event.type != "node_progress":
                facts = {name: held for name, held in event.data.items() if name != "duration_ms"}
                place = event.node_id, event.iteration_path, event.attempt
                told.setdefault(place, []).append((event.type, facts))
        return records, told

    def numbers(self) -> list[int]:
        return [event.seq for event in self.store.events["run"]]


def mapped(*children: dict[str, Any], edges: list[str] | None = None, **config: Any) -> dict[str, Any]:
    first = node("list", "say", text=[3, 1, None, 2, 5])
    each = node("m", "map_each", items="{{ list.value }}", **{"chunk_size": 2, **config})
    return flow([first, each, *inside("m", *children)], edges or [])


FLOWS = {
    "plain": mapped(node("x", "say", text="{{ [item, index, list.value.length] }}")),
    "branches and a failure collected": mapped(
        node("i", "if_else", condition="{{ item > 1 }}"),
        node("x", "adder", by="{{ item + 1 }}", on_error="route"),
        edges=["i:true>x:value"],
        on_item_error="collect",
        result="{{ x.value }}",
    ),
    "containers in containers": mapped(
        node("f", "loop_for", items="{{ [1, item] }}"),
        {**node("y", "say", text="{{ list.value.length + item + index }}"), "parent": "f"},
        result="{{ f.results }}",
    ),
    "JavaScript per item": mapped(
        node("x", "say", text="{{ [{at: '2024-05-01', n: item}, {at: '1960-01-01', n: index}] }}"),
        node("f", "data_filter", condition="{{ new Date(item.at).getTime() > 0 }}"),
        node("y", "data_map", fields={"ms": "{{ new Date(item.at).getTime() + list.value.length }}"}),
        edges=["x>f:items", "f:items>y:items"],
        result="{{ y.items }}",
    ),
    "a failure": mapped(node("c", "complain"), on_item_error="skip"),
    "a map in a loop": flow(
        [
            node("l", "loop_for", items=[1, 2]),
            *inside("l", node("m", "map_each", items="{{ [item, 5, 6] }}", chunk_size=2)),
            *inside("m", node("x", "say", text="{{ item * 10 + index }}")),
        ],
    ),
}


@pytest.mark.parametrize("name", FLOWS)
async def test_chunks_leave_the_same_behind_as_single_items(name: str) -> None:
    here, there = Story(FLOWS[name]), Story(FLOWS[name])
    one, other = await here.run(spreads=False), await there.run()
    assert (one.state, one.outputs, one.error) == (other.state, other.outputs, other.error)
    assert here.left() == there.left()
    assert there.place.calls
    assert there.numbers() == list(range(1, len(there.numbers()) + 1))


async def test_a_failure_ends_its_chunk_and_the_map() -> None:
    story = Story(mapped(node("c", "complain"), parallelism=1, chunk_size=3))
    result = await story.run()
    assert result.error is not None
    assert (result.error["node_id"], result.error["iteration_path"]) == ("c", "m.0@1")
    assert story.sizes == [3]
    assert {path for name, path, _ in story.store.nodes["run"] if name == "c"} == {"m.0@1"}


@pytest.mark.parametrize(
    "more",
    [
        {"settings": {"concurrency": 2}},
        {"child": {"concurrency": 1}},
        {"child": {"executor": "ray"}},
        {"settings": {"budget": {"amount": 100, "currency": "USD"}}},
        {"inside": node("s", "stop", what="iteration")},
        {"config": {"chunk_size": 0}},
    ],
    ids=["a limit of the run", "a limit of a node", "another place", "a budget", "a stop", "light work"],
)  # fmt: skip
async def test_what_counts_over_all_items_keeps_them_here(more: dict[str, Any]) -> None:
    child = {**node("x", "say", text="{{ item }}"), **more.get("child", {})}
    others = [more["inside"]] if "inside" in more else []
    body = {**mapped(child, *others, **more.get("config", {})), "settings": more.get("settings", {})}
    story = Story(body)
    if "executor" in child:
        with pytest.raises(SageError):
            await story.run()
        return
    assert (await story.run()).state == "completed"
    assert story.sizes == []


async def test_what_only_the_run_can_do_is_done_there() -> None:
    """A node that waits inside of a chunk: the chunk is handed back and run item by item."""
    story = Story(mapped(node("w", "waits"), parallelism=1, chunk_size=3))
    result = await story.run()
    assert result.state == "completed", result.error
    assert [answer.is_declined for answer in story.place.answers] == [True, True]
    assert result_of(result, "m")["count"] == 5


async def test_values_that_cannot_travel_stay_here() -> None:
    story = Story(mapped(node("o", "odd_value"), result="{{ index }}"))
    result = await story.run()
    assert result.state == "completed", result.error
    assert result_of(result, "m")["results"] == [0, 1, 2, 3, 4]


async def test_a_paused_run_goes_on_behind_the_chunks_it_has() -> None:
    story = Story(mapped(node("x", "say", text="{{ item }}"), parallelism=1))

    def pause(call: ChunkCall) -> None:
        if call.rounds[0][0] == 2:
            story.controls.pause()

    story.on_call = pause
    assert (await story.run()).state == "paused"
    finished = {path for name, path, _ in story.store.nodes["run"] if name == "m" and path}
    assert finished == {"m.0@1", "m.1@1"}
    story.controls, story.on_call = Controls(), lambda call: None
    (_, unanswered) = story.place.calls
    result = await story.run()
    assert result_of(result, "m")["results"] == [3, 1, None, 2, 5]
    assert story.sizes == [2, 1]
    # Word for word, so that the job of the worker before is found.
    assert story.place.calls[0] == unanswered


async def test_a_cancelled_run_stops_the_chunks_under_way() -> None:
    story = Story(mapped(node("x", "sleep", seconds=600), parallelism=2))
    loop = asyncio.get_running_loop()

    def cancel_soon(call: ChunkCall) -> None:
        loop.call_soon(story.controls.cancel)

    story.on_call = cancel_soon
    async with asyncio.timeout(60):
        result = await story.run()
    assert result.state == "cancelled"
    assert not [record for record in story.store.nodes["run"].values() if record.state == "running"]


async def test_heavy_work_goes_in_chunks_by_itself() -> None:
    body = mapped(node("x", "adder", by=1), chunk_size=0, parallelism=1)
    body["nodes"][0]["config"]["text"] = list(range(17))
    story = Story(body)
    result = await story.run()
    assert result_of(result, "m")["count"] == 17
    assert story.sizes == [4, 4, 4, 4, 1]


async def test_a_nodes_cost_is_counted_where_the_run_is() -> None:
    story = Story(mapped(node("p", "pays", micros=7)))
    result = await story.run()
    assert (result.cost_micros, result.currency) == (35, "USD")
