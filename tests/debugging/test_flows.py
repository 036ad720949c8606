"""Debugging real flows from Python: loops, maps, parallel branches, failures, crashes, parts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from sage_studio.engine import LocalExecutor, MemoryRunStore, Plan, compile_flow, run_flow
from sage_studio.engine.controls import Controls
from sage_studio.engine.debugging import DebugSession, DebugState, read_command
from sage_studio.engine.debugging.face import Debugger, StoppedAt
from sage_studio.flow import parse_plain
from sage_studio.kernel import SageError
from sage_studio.plugins.registry import builtin_registry
from sage_studio.sdk import Node
from tests.engine.nodes import HOST, NODES, flow, node

CHAIN = flow(
    [node("start", "start"), node("a", "add"), node("b", "add", by="{{ a.value * 10 }}"), node("c", "add")],
    ["a>b", "b>c"],
    outputs=[{"name": "c", "value": "{{ c.value }}"}],
)


class _Types:
    """Test nodes and the built-in ones."""

    def get(self, type_id: str, version: str | None = None, /) -> type[Node] | None:
        return NODES.get(type_id) or builtin_registry().get(type_id)


def inside(parent: str, made: dict[str, Any]) -> dict[str, Any]:
    return {**made, "parent": parent}


def plan(body: dict[str, Any]) -> Plan:
    return compile_flow(parse_plain(body), _Types())


@asynccontextmanager
async def debugging(body: dict[str, Any], store: MemoryRunStore | None = None) -> AsyncIterator[Debugger]:
    with LocalExecutor(HOST, store=store) as executor:
        debugger = Debugger(executor, plan(body))
        yield debugger
        if debugger.is_running:
            await debugger.stop()


def where(stop: StoppedAt | None) -> str:
    assert stop is not None, "the run has ended"
    return f"{stop.iteration_path}/{stop.node_id}" if stop.iteration_path else stop.node_id


async def test_a_breakpoint_shows_inputs_and_configuration_and_steps_go_on_from_it() -> None:
    async with debugging(CHAIN) as debugger:
        debugger.node("b").set_breakpoint()
        stop = await debugger.start()
        assert stop is not None
        assert (stop.node_id, stop.reason, stop.inputs) == ("b", "breakpoint", {"value": 1})
        assert stop.config == {"by": 10}
        assert where(await debugger.step_over()) == "c"
        assert await debugger.step_over() is None
        assert debugger.result is not None
        assert debugger.result.outputs == {"c": 12}


async def test_edited_inputs_reach_the_node_and_its_expressions() -> None:
    async with debugging(CHAIN) as debugger:
        debugger.node("b").set_breakpoint()
        await debugger.start()
        debugger.set_inputs({"value": 100}, config={"by": 1})
        assert debugger.stopped_at is not None
        assert debugger.stopped_at.inputs == {"value": 100}
        assert await debugger.continue_() is None
        assert debugger.result is not None
        assert debugger.result.outputs == {"c": 102}


async def test_an_injected_output_stands_for_running_the_node() -> None:
    store = MemoryRunStore()
    async with debugging(CHAIN, store) as debugger:
        debugger.node("b").set_breakpoint()
        await debugger.start(run_id="run-1")
        assert where(await debugger.set_outputs({"value": 5})) == "c"
        await debugger.continue_()
        assert debugger.result is not None
        assert debugger.result.outputs == {"c": 6}
    told = [e.data for e in store.events["run-1"] if e.type == "node_completed" and e.node_id == "b"]
    assert told[0]["injected"] is True


async def test_what_a_node_got_is_recorded_when_it_is_debugged() -> None:
    store = MemoryRunStore()
    async with debugging(CHAIN, store) as debugger:
        await debugger.start(run_id="run-1")
    record = store.nodes["run-1"][("b", "", 1)]
    assert (record.inputs, record.config) == ({"value": 1}, {"by": 10})


LOOP = flow(
    [
        node("list", "say", text=[1, 2, 3]),
        node("loop", "loop_for", items="{{ list.value }}"),
        inside("loop", node("x", "add", by="{{ item }}")),
        inside("loop", node("y", "add")),
        node("end", "say", text="{{ loop.results }}"),
    ],
    ["loop:item>x", "x>y"],
    outputs=[{"name": "end", "value": "{{ end.value }}"}],
)


async def test_stepping_into_a_loop_through_its_iterations_and_out() -> None:
    async with debugging(LOOP) as debugger:
        debugger.node("loop").set_breakpoint()
        assert where(await debugger.start()) == "loop"
        assert where(await debugger.step_into()) == "loop.0@1/x"
        assert where(await debugger.step_over()) == "loop.0@1/y"
        assert where(await debugger.step_over()) == "loop.1@1/x"
        assert where(await debugger.step_out()) == "end"
        assert await debugger.continue_() is None
        assert debugger.result is not None
        assert debugger.result.outputs == {"end": [3, 5, 7]}


async def test_a_condition_inside_a_loop_reads_the_item() -> None:
    async with debugging(LOOP) as debugger:
        debugger.node("x").set_breakpoint(condition="item == 2")
        assert where(await debugger.start()) == "loop.1@1/x"
        assert await debugger.continue_() is None


async def test_step_over_a_loop_runs_all_of_it() -> None:
    async with debugging(LOOP) as debugger:
        debugger.node("loop").set_breakpoint()
        await debugger.start()
        assert where(await debugger.step_over()) == "end"


MAP = flow(
    [
        node("list", "say", text=[10, 20, 30, 40]),
        node("map", "map_each", items="{{ list.value }}", parallelism=2),
        inside("map", node("x", "add", by="{{ item }}")),
        node("end", "say", text="{{ map.results }}"),
    ],
    outputs=[{"name": "end", "value": "{{ end.value }}"}],
)


async def test_iterations_of_a_map_stand_together_and_are_stepped_one_by_one() -> None:
    async with debugging(MAP) as debugger:
        debugger.node("map").set_breakpoint()
        await debugger.start()
        seen = [where(await debugger.step_into())]
        while (stop := await debugger.step_over()) is not None and stop.iteration_path:
            seen.append(where(stop))
        assert sorted(seen) == [f"map.{index}@1/x" for index in range(4)]
        assert where(stop) == "end"
        await debugger.continue_()
        assert debugger.result is not None
        assert debugger.result.outputs == {"end": [10, 20, 30, 40]}


BRANCHES = flow(
    [
        node("start", "start"),
        node("a1", "add"),
        node("a2", "add"),
        node("b1", "add", by=5),
        node("b2", "add"),
        node("join", "join"),
    ],
    ["a1>a2", "b1>b2", "a2>join:values", "b2>join:values"],
)


async def test_stepping_follows_one_branch_while_the_other_stands() -> None:
    async with debugging(BRANCHES) as debugger:
        debugger.node("a1").set_breakpoint()
        assert where(await debugger.start()) == "a1"
        assert where(await debugger.step_over()) == "a2"
        # Nothing follows a2 yet (the join waits for the other branch), so that branch is next.
        assert where(await debugger.step_over()) in {"b1", "b2", "start"}
        assert await debugger.continue_() is None
        assert debugger.result is not None
        assert debugger.result.node_state("join") == "completed"


async def test_a_skipped_branch_is_stepped_past() -> None:
    body = flow(
        [
            node("a", "add"),
            node("if", "branch", yes=False),
            node("t", "add"),
            node("f", "add"),
            node("t2", "add"),
        ],
        ["a>if", "if:true>t", "t>t2", "if:false>f"],
    )
    async with debugging(body) as debugger:
        debugger.node("if").set_breakpoint()
        await debugger.start()
        assert where(await debugger.step_over()) == "f"


async def test_a_failed_node_stops_and_is_tried_again_with_other_settings() -> None:
    body = flow([node("flaky", "flaky", failures=1, retryable=False), node("after", "say", text=1)], [])
    async with debugging(body) as debugger:
        debugger.node("flaky").set_breakpoint(on="error")
        stop = await debugger.start()
        assert stop is not None
        assert stop.error is not None
        assert (stop.phase, stop.error["code"]) == ("error", "test.busy")
        await debugger.again()
        while debugger.is_running:
            await debugger.continue_()
        assert debugger.result is not None
        assert debugger.result.state == "completed"
        assert debugger.result.nodes["flaky"].attempt == 2


async def test_accepting_a_failure_fails_the_run() -> None:
    async with debugging(flow([node("flaky", "flaky", failures=9, retryable=False)])) as debugger:
        debugger.node("flaky").set_breakpoint(on="error")
        await debugger.start()
        assert await debugger.continue_() is None
        assert debugger.result is not None
        assert debugger.result.state == "failed"


async def test_a_failure_inside_try_is_stepped_into_its_catch() -> None:
    body = flow(
        [
            node("guard", "try_catch"),
            inside("guard", node("flaky", "flaky", failures=9, retryable=False)),
            inside("guard", node("mend", "say", text="{{ guard.catch.code }}")),
            node("end", "say", text="{{ guard.result }}"),
        ],
        ["guard:try>flaky", "guard:catch>mend"],
        outputs=[{"name": "end", "value": "{{ end.value }}"}],
    )
    async with debugging(body) as debugger:
        debugger.node("flaky").set_breakpoint()
        await debugger.start()
        stop = await debugger.step_over()
        assert stop is not None
        assert stop.node_id == "mend"
        assert await debugger.continue_() is None
        assert debugger.result is not None
        assert debugger.result.outputs == {"end": "test.busy"}


async def test_concurrency_of_one_does_not_keep_a_step_from_going_on() -> None:
    body = {**MAP, "settings": {"concurrency": 1}}
    async with debugging(body) as debugger:
        debugger.node("map").set_breakpoint()
        await debugger.start()
        assert where(await debugger.step_into()).startswith("map.0@1/x")
        assert where(await debugger.step_out()) == "end"


async def test_a_stop_does_not_use_up_the_time_of_the_run_or_of_its_containers() -> None:
    body = {
        **LOOP,
        "settings": {"timeout_s": 300.0},
        "nodes": [{**made, "timeout_s": 300.0} if made["id"] == "loop" else made for made in LOOP["nodes"]],
    }
    loop = asyncio.get_running_loop()
    real, later_by = loop.time, 0.0
    loop.time = lambda: real() + later_by  # type: ignore[method-assign]  # limits go by it
    async with debugging(body) as debugger:
        debugger.node("y").set_breakpoint(condition="item == 1")
        assert where(await debugger.start()) == "loop.0@1/y"
        later_by = 1_000.0
        await asyncio.sleep(0.05)  # whatever is due is done
        assert await debugger.continue_() is None
        assert debugger.result is not None
        assert debugger.result.state == "completed"


async def test_stop_ends_the_run_where_it_stands() -> None:
    async with debugging(LOOP) as debugger:
        debugger.node("y").set_breakpoint()
        await debugger.start()
        result = await debugger.stop()
        assert result is not None
        assert result.state == "cancelled"


async def test_a_command_at_a_stop_that_was_left_is_refused() -> None:
    async with debugging(CHAIN) as debugger:
        first = await debugger.start(pause_at_start=True)
        await debugger.step_over(first)
        with pytest.raises(SageError, match="moved on"):
            await debugger.step_over(first)


class _Worker:
    """A worker that runs one run, until it is killed; several share one store."""

    def __init__(self, store: MemoryRunStore, body: dict[str, Any], state: DebugState | None) -> None:
        self.store = store
        self.session = DebugSession(state)
        self._told = asyncio.Event()
        self.session.gate.on_told = self._told.set
        self._executor = LocalExecutor(HOST)
        controls = Controls()
        controls.debug(self.session)
        self.task = asyncio.get_running_loop().create_task(
            run_flow(
                plan(body),
                run_id="run-1",
                flow_id="flow-1",
                inputs={},
                store=store.claim("run-1"),
                host=HOST,
                threads=self._executor._threads,
                controls=controls,
            )
        )

    async def stands_at(self, node_id: str) -> str:
        """Wait until the run stands before a node; the id of the stop."""
        async with asyncio.timeout(60):
            while True:
                stop = self.session.gate.state.stop(self.session.gate.state.current)
                if stop is not None and stop.place.node_id == node_id and self.session.gate.visit_at(stop.id):
                    return stop.id
                self._told.clear()
                await self._told.wait()

    async def killed(self) -> None:
        """Whatever it still has to say is refused, as after a real kill there is nobody to say it."""
        self.store.claim("run-1")
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


def newest_state(store: MemoryRunStore) -> DebugState:
    """As far as it is written: what a run says first is gathered for a moment."""
    told = [event.data for event in store.events.get("run-1", ()) if event.type == "debug_state"]
    return DebugState.from_json(told[-1]) if told else DebugState()


async def test_another_worker_stands_at_the_same_stop_inside_a_loop() -> None:
    store = MemoryRunStore()
    begun = DebugState.begun([])
    first = _Worker(store, LOOP, begun)
    first.session.tell(read_command({"command": "set_breakpoint", "breakpoint": {
        "node_id": "y", "condition": "item == 2"}}, seq=1))  # fmt: skip
    stop = await first.stands_at("y")
    first.session.tell(read_command({"command": "set_inputs", "stop": stop, "inputs": {"value": 50}}, seq=2))
    while newest_state(store).commands_done < 2:
        await asyncio.sleep(0.01)
    await first.killed()
    state = newest_state(store)
    assert (state.current, state.commands_done) == (stop, 2)
    second = _Worker(store, LOOP, state)
    assert await second.stands_at("y") == stop
    second.session.tell(read_command({"command": "continue", "stop": stop}, seq=3))
    result = await second.task
    assert result.outputs == {"end": [3, 51, 7]}
    done = [e for e in store.events["run-1"] if e.type == "node_completed" and e.node_id == "x"]
    assert len(done) == 3
