"""The same flow gives the same everywhere: outputs, states, attempts, errors, lines, what is blotted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from sage_studio.engine import (
    Controls,
    FlowState,
    MemoryRunStore,
    RunOptions,
    RunResult,
    compile_flow,
    run_flow,
)
from sage_studio.engine.executors import Executors, ProcessPool
from sage_studio.engine.executors.call import NodeExecutor
from sage_studio.engine.executors.clusters import kubernetes_pods
from sage_studio.engine.executors.settings import PodSettings
from sage_studio.flow import parse_plain
from sage_studio.kernel import SageError
from sage_studio.plugins.local_host import LocalHost
from sage_studio.plugins.registry import NodeRegistry, builtin_registry
from tests.engine import nodes as engine_nodes
from tests.engine.nodes import flow, node
from tests.executors import nodes as executor_nodes
from tests.executors.cluster.api import LocalCluster
from tests.executors.support import SECRET

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]


def _types() -> NodeRegistry:
    registry = NodeRegistry(builtin_registry().get(spec.id) for spec in builtin_registry().specs())  # type: ignore[misc]
    for cls in {**engine_nodes.NODES, **executor_nodes.NODES}.values():
        registry.add(cls)
    return registry


TYPES = _types()


@dataclass
class Place:
    """Somewhere nodes run, and the name a flow calls it by."""

    name: str
    executors: Executors | None


@asynccontextmanager
async def _kubernetes() -> AsyncIterator[NodeExecutor]:
    async with LocalCluster(memory_mb=16_384) as cluster:
        settings = PodSettings(image="sage:1", home="127.0.0.1", listen="127.0.0.1", start_timeout_s=40)
        pods = kubernetes_pods(settings, config=cluster.config)
        yield pods
        await pods.close()


@asynccontextmanager
async def _process() -> AsyncIterator[NodeExecutor]:
    pool = ProcessPool(2)
    yield pool
    await pool.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["process", "kubernetes"])
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    make = {"process": _process, "kubernetes": _kubernetes}[request.param]
    async with make() as executor:
        yield Place(request.param, Executors({request.param: executor}))


HERE = Place("local", None)


@dataclass
class Seen:
    """What a run left, without what rightly differs: times and numbers of events."""

    result: RunResult
    store: MemoryRunStore

    def facts(self) -> dict[str, Any]:
        return {
            "state": self.result.state,
            "outputs": dict(self.result.outputs),
            "error": self.result.error,
            "nodes": {
                (record.node_id, record.iteration_path, record.attempt): (
                    record.state,
                    dict(record.outputs) if record.outputs is not None else None,
                    record.error,
                )
                for record in self.store.nodes["run-1"].values()
            },
            "said": {
                key: [(event.type, event.data) for event in self.store.events["run-1"] if _key(event) == key]
                for key in {_key(event) for event in self.store.events["run-1"] if _is_said(event)}
            },
        }


def _key(event: Any) -> tuple[str | None, str]:
    return event.node_id, event.iteration_path


def _is_said(event: Any) -> bool:
    return event.type == "log"


async def run(
    place: Place, body: Mapping[str, Any], folder: Path, *, controls: Controls | None = None, **inputs: Any
) -> Seen:
    drawn = {**body, "settings": {**body.get("settings", {}), "executor": place.name}}
    store = MemoryRunStore()
    with (
        LocalHost(folder=folder, environ={"SAGE_CREDENTIAL_KEY": SECRET}) as host,
        ThreadPoolExecutor(2) as threads,
    ):
        result = await run_flow(
            compile_flow(parse_plain(drawn), TYPES),
            run_id="run-1",
            flow_id="flow-1",
            inputs=inputs,
            store=store,
            host=host,
            threads=threads,
            controls=controls,
            options=RunOptions(executors=place.executors),
        )
    return Seen(result, store)


def _said(seen: Seen) -> dict[Any, list[Any]]:
    """Lines by node and iteration; they leave a node in order, whatever other nodes say meanwhile."""
    lines: dict[Any, list[Any]] = {}
    for event in seen.store.events["run-1"]:
        if event.type == "log":
            lines.setdefault((event.node_id, event.iteration_path), []).append(event.data)
    return lines


FLOWS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a diamond with a branch that is not taken": (
        flow(
            [
                node("a", "adder", by=1), node("fork", "forked"), node("left", "adder", by=10),
                node("right", "adder", by=20), node("join", "join"),
            ],
            ["a>fork", "fork:yes>left", "fork:no>right", "left>join:values", "right>join:values"],
        ),
        {},
    ),
    "items, by text and by object": (
        flow(
            [
                node("list", "say", text=[1, 2, 3]),
                node("one", "items", what="{{ item * 2 + index }}"),
                node("two", "items", what={"n": "{{ item }}", "of": "{{ list.value.length }}", "$k": 1}),
            ],
            ["list>one", "list>two"],
        ),
        {},
    ),
    "a map with a body, and a failure that is caught": (
        flow(
            [
                node("map", "map_each", items=[1, 2, 3], parallelism=2),
                {**node("add", "adder", by=5), "parent": "map"},
                {**node("again", "adder", by="{{ add.value }}"), "parent": "map"},
                node("safe", "try_catch"),
                {**node("bad", "complain", how="crash"), "parent": "safe"},
                {**node("mend", "echo", text="mended"), "parent": "safe"},
            ],
            ["map:item>add", "add>again", "map:results>safe:value", "safe:catch>mend"],
        ),
        {},
    ),
    "retries and the error port": (
        flow(
            [
                node("odd", "complain", retry={"count": 2, "delay_s": 0}, on_error="route"),
                node("os", "complain", how="os", on_error="route"),
                node("asked", "complain", how="asked", on_error="route"),
                node("shape", "complain", how="shape", on_error="route"),
                node("flaky", "flaky", failures=1, retry={"count": 1, "delay_s": 0}),
                node("shown", "echo"),
            ],
            ["odd:error>shown"],
        ),
        {},
    ),
    "a failure nobody handles": (flow([node("a", "adder"), node("bad", "complain")], ["a>bad"]), {}),
    "everything a context offers, and a secret said aloud": (
        flow([node("talk", "chatty"), node("leak", "leak"), node("parts", "parts")], []),
        {},
    ),
    "a time limit": (flow([node("slow", "crunch", seconds=30, timeout_s=2.5)], []), {}),
}  # fmt: skip


@pytest.mark.parametrize("name", FLOWS)
async def test_a_flow_gives_the_same_as_here(place: Place, name: str, tmp_path: Path) -> None:
    body, inputs = FLOWS[name]
    if "time limit" in name:
        there = await run(place, body, tmp_path, **inputs)
        assert there.result.error is not None
        assert there.result.error["code"] == "node.timeout"
        return
    here = await run(HERE, body, tmp_path, **inputs)
    there = await run(place, body, tmp_path, **inputs)
    assert there.facts()["nodes"] == here.facts()["nodes"]
    assert there.result.outputs == here.result.outputs
    assert (there.result.state, there.result.error) == (here.result.state, here.result.error)
    assert _said(there) == _said(here)
    assert SECRET not in str(there.store.events) + str(there.store.nodes)


async def test_cancelling_a_run_ends_its_node_within_seconds(place: Place, tmp_path: Path) -> None:
    controls = Controls()
    body = flow([node("slow", "crunch", seconds=60)], [])
    async with asyncio.TaskGroup() as group:
        task = group.create_task(run(place, body, tmp_path, controls=controls))
        await asyncio.sleep(2.5)
        async with asyncio.timeout(5):
            controls.cancel()
            seen = await task
    assert seen.result.state is FlowState.CANCELLED
    assert seen.result.node_state("slow") == "cancelled"


async def test_a_node_may_go_elsewhere_than_its_flow(place: Place, tmp_path: Path) -> None:
    away = {**node("away", "where_am_i"), "executor": place.name}
    seen = await run(
        Place("local", place.executors), flow([away, node("here", "say", text="x")], []), tmp_path
    )
    assert seen.result.outputs["away"]["value"]["pid"] != seen.result.outputs["here"]


async def test_a_place_that_is_not_set_up_is_refused_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(SageError) as caught:
        await run(Place("ray", Executors()), flow([node("a", "adder")], []), tmp_path)
    assert caught.value.code.code == "executor.unavailable"
    assert caught.value.facts["executor"] == "ray"


async def test_a_node_that_steers_the_run_cannot_be_sent_away(place: Place, tmp_path: Path) -> None:
    body = flow([{**node("if", "if_else", condition=True), "executor": place.name}], [])
    with pytest.raises(SageError, match="steers") as caught:
        await run(place, body, tmp_path)
    assert caught.value.code.code == "executor.not_movable"
