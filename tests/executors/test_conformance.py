"""The same flow gives the same everywhere: outputs, states, attempts, errors, lines, what is blotted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
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
from sage_studio.engine.executors.clusters import kubernetes_pods, ray_nodes
from sage_studio.engine.executors.settings import PodSettings
from sage_studio.flow import parse_plain
from sage_studio.kernel import SageError
from sage_studio.plugins.local_host import LocalHost
from tests.engine.nodes import flow, node
from tests.executors.cluster.api import LocalCluster
from tests.executors.flows import FLOWS, TIME_LIMIT, all_types
from tests.executors.ray_here import START_TIMEOUT_S, ray_home
from tests.executors.support import SECRET

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow, pytest.mark.timeout(400)]


TYPES = all_types()


@dataclass
class Place:
    """Somewhere nodes run, and the name a flow calls it by."""

    name: str
    executors: Executors | None


@asynccontextmanager
async def _kubernetes() -> AsyncIterator[NodeExecutor]:
    async with LocalCluster(memory_mb=16_384) as cluster:
        settings = PodSettings(image="sage:1", home="127.0.0.1", listen="127.0.0.1", start_timeout_s=120)
        pods = kubernetes_pods(settings, config=cluster.config)
        yield pods
        await pods.close()


@asynccontextmanager
async def _process() -> AsyncIterator[NodeExecutor]:
    pool = ProcessPool(2)
    yield pool
    await pool.close()


@asynccontextmanager
async def _ray() -> AsyncIterator[NodeExecutor]:
    with ray_home() as settings:
        nodes = ray_nodes("", start_timeout_s=START_TIMEOUT_S, **settings)
        yield nodes
        await nodes.close()


PLACES = {"process": _process, "kubernetes": _kubernetes, **({"ray": _ray} if find_spec("ray") else {})}


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=PLACES)
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    async with PLACES[request.param]() as executor:
        yield Place(request.param, Executors({request.param: executor}))


HERE = Place("local", None)


@dataclass
class Seen:
    """What a run left, without what rightly differs: times and numbers of events."""

    result: RunResult
    store: MemoryRunStore

    def nodes(self) -> dict[Any, Any]:
        return {
            record.key: (
                record.state,
                dict(record.outputs) if record.outputs is not None else None,
                record.error,
            )
            for record in self.store.nodes["run-1"].values()
        }

    def lines(self) -> dict[Any, list[Any]]:
        """By node and iteration; they leave a node in order, whatever other nodes say meanwhile."""
        lines: dict[Any, list[Any]] = {}
        for event in self.store.events["run-1"]:
            if event.type == "log":
                lines.setdefault((event.node_id, event.iteration_path), []).append(event.data)
        return lines


async def run(
    place: Place,
    body: Mapping[str, Any],
    folder: Path,
    *,
    controls: Controls | None = None,
    store: MemoryRunStore | None = None,
    **inputs: Any,
) -> Seen:
    drawn = {**body, "settings": {**body.get("settings", {}), "executor": place.name}}
    store = store or MemoryRunStore()
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


@pytest.mark.parametrize("name", FLOWS)
async def test_a_flow_gives_the_same_as_here(place: Place, name: str, tmp_path: Path) -> None:
    here = await run(HERE, FLOWS[name], tmp_path)
    there = await run(place, FLOWS[name], tmp_path)
    assert there.nodes() == here.nodes()
    assert there.result.outputs == here.result.outputs
    assert (there.result.state, there.result.error) == (here.result.state, here.result.error)
    assert there.lines() == here.lines()
    assert SECRET not in str(there.store.events) + str(there.store.nodes)


async def test_a_time_limit_ends_what_computes(place: Place, tmp_path: Path) -> None:
    seen = await run(place, TIME_LIMIT, tmp_path)
    assert seen.result.error is not None
    assert seen.result.error["code"] == "node.timeout"


async def test_cancelling_a_run_ends_its_node(place: Place, tmp_path: Path) -> None:
    controls, store = Controls(), MemoryRunStore()
    body = flow([node("slow", "crunch", seconds=3600)], [])
    async with asyncio.timeout(150), asyncio.TaskGroup() as group:
        task = group.create_task(run(place, body, tmp_path, controls=controls, store=store))
        while not any(event.type == "log" for event in store.events.get("run-1", ())):
            await asyncio.sleep(0.02)
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
