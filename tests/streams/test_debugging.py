"""People stop inside of pipelines: with the first items, at later ones, step by step; edits, failure, end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sage_studio.engine import LocalExecutor, compile_flow
from sage_studio.engine.debugging.face import Debugger, StoppedAt
from sage_studio.kernel import SageError
from tests.engine.nodes import HOST
from tests.streams.test_flows import NODES, flow, node

LENGTH = 1_000


def counted(fields: str = "{{ item + 1 }}", **ticks: Any) -> Any:
    """Four members, of which the last counts."""
    return flow(
        [
            node("ticks", config={"count": LENGTH}, **ticks),
            node("keep", "data_filter", config={"condition": "{{ item % 2 === 0 }}"}),
            node("map", "data_map", config={"fields": fields}),
            node("sum", "data_group", config={"by": [], "aggregates": {"n": "count()"}}),
        ],
        ["ticks.items>keep.items", "keep.items>map.items", "map.items>sum.items"],
    )


@asynccontextmanager
async def debugging(document: Any) -> AsyncIterator[Debugger]:
    with LocalExecutor(HOST) as executor:
        debugger = Debugger(executor, compile_flow(document, NODES))
        yield debugger
        if debugger.is_running:
            await debugger.stop()


def items_of(stop: StoppedAt | None) -> list[Any]:
    assert stop is not None, "the run has ended"
    found: list[Any] = stop.inputs["items"]
    return found


def where(stop: StoppedAt | None) -> str:
    assert stop is not None, "the run has ended"
    return stop.node_id


def total_of(debugger: Debugger) -> Any:
    assert debugger.result is not None
    assert debugger.result.state == "completed", debugger.result.error
    return debugger.result.outputs["sum"]["items"]


async def test_a_breakpoint_on_a_member_stops_with_its_first_items_and_again_with_the_next() -> None:
    async with debugging(counted()) as debugger:
        debugger.node("map").set_breakpoint()
        stop = await debugger.start()
        first = items_of(stop)
        assert where(stop) == "map"
        assert first[:3] == [0, 2, 4]
        stop = await debugger.continue_()
        assert where(stop) == "map"
        assert items_of(stop)[0] == first[-1] + 2
        debugger.node("map").clear_breakpoint()
        assert await debugger.continue_() is None
        assert total_of(debugger) == [{"n": LENGTH // 2}]


async def test_steps_follow_the_items_from_member_to_member() -> None:
    async with debugging(counted()) as debugger:
        stop = await debugger.start(pause_at_start=True)
        seen = [where(stop)]
        while stop is not None and len(seen) < 10:
            stop = await debugger.step_over()
            if stop is not None:
                seen.append(where(stop))
        assert seen == ["ticks", "keep", "map", "sum"]
        assert total_of(debugger) == [{"n": LENGTH // 2}]


async def test_stepping_into_a_member_stops_at_its_next_items() -> None:
    async with debugging(counted()) as debugger:
        debugger.node("keep").set_breakpoint(hit_count=1)
        stop = await debugger.start()
        first = items_of(stop)
        debugger.node("keep").clear_breakpoint()
        stop = await debugger.step_into()
        assert where(stop) == "keep"
        assert items_of(stop)[0] == first[-1] + 1
        assert await debugger.continue_() is None


async def test_a_condition_sees_the_items_and_edits_replace_them() -> None:
    async with debugging(counted()) as debugger:
        debugger.node("keep").set_breakpoint(condition="inputs.items.includes(700)")
        stop = await debugger.start()
        items = items_of(stop)
        assert 700 in items
        debugger.set_inputs({"items": []})
        with pytest.raises(SageError):
            await debugger.set_outputs({"items": []})
        with pytest.raises(SageError):
            debugger.set_inputs(config={"condition": "{{ false }}"})
        assert await debugger.continue_() is None
        assert total_of(debugger) == [{"n": (LENGTH - len(items)) // 2}]


async def test_a_run_that_stands_inside_of_a_pipeline_can_be_ended() -> None:
    async with debugging(counted()) as debugger:
        debugger.node("map").set_breakpoint()
        await debugger.start()
        result = await debugger.stop()
        assert result is not None
        assert result.state == "cancelled"


async def test_a_source_stands_before_it_starts_and_takes_edits_of_its_settings() -> None:
    async with debugging(counted()) as debugger:
        debugger.node("ticks").set_breakpoint()
        stop = await debugger.start()
        assert where(stop) == "ticks"
        debugger.set_inputs(config={"count": 10})
        assert await debugger.continue_() is None
        assert total_of(debugger) == [{"n": 5}]


async def test_a_failed_pipeline_is_tried_again_when_people_say_so() -> None:
    async with debugging(counted("{{ item.missing.more }}")) as debugger:
        debugger.node("map").set_breakpoint(on="error")
        stop = await debugger.start()
        assert where(stop) == "map"
        stop = await debugger.again()
        assert where(stop) == "map"
        assert await debugger.continue_() is None
        assert debugger.result is not None
        assert debugger.result.state == "failed"
