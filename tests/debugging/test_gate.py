"""What stops, what goes, and in which order: the gate alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from sage_studio.engine.debugging import Breakpoint, DebugState, act, read_command
from sage_studio.kernel import Problem, SageError
from tests.debugging.stage import Stage

BROKEN: Problem = {"code": "test.broken", "message": "broken", "retryable": False}


@pytest_asyncio.fixture
async def stage() -> AsyncIterator[Stage]:
    made = Stage(Breakpoint("b"))
    yield made
    await _end(made)


async def _end(stage: Stage) -> None:
    for task in stage.tasks.values():
        task.cancel()
    await asyncio.gather(*stage.tasks.values(), return_exceptions=True)


async def test_a_node_without_a_breakpoint_is_not_even_asked(stage: Stage) -> None:
    await stage.arrive("a")
    assert "a" in stage.passed
    assert stage.gate.state.mode == "running"


async def test_a_breakpoint_holds_its_node_and_everybody_who_comes_after_it(stage: Stage) -> None:
    await stage.arrive("b", "c", inputs={"value": 3})
    assert stage.passed == {}
    assert stage.standing == {"b": "breakpoint", "c": "waiting"}
    assert stage.current == "b"
    _, where, data = next(event for event in stage.events if event[0] == "breakpoint_hit")
    assert where == "b"
    assert (data["inputs"], data["config"]) == ({"value": 3}, {"text": "for 3"})


async def test_continue_lets_everybody_go(stage: Stage) -> None:
    await stage.arrive("b", "c")
    assert await stage.tell("continue", stop=stage.stop) is None
    assert set(stage.passed) == {"b", "c"}
    assert stage.gate.state.mode == "running"


async def test_two_people_who_step_at_one_stop_step_once(stage: Stage) -> None:
    await stage.arrive("b")
    stop = stage.stop
    assert await stage.tell("step_over", stop=stop) is None
    refused = await stage.tell("step_over", stop=stop)
    assert refused is not None
    assert refused.code.code == "debug.stop_gone"
    assert list(stage.passed) == ["b"]


async def test_a_step_stops_at_what_the_node_made_ready_though_others_wait_longer(stage: Stage) -> None:
    await stage.arrive("b", "other")
    await stage.tell("step_over", stop=stage.stop)
    await stage.settle("b", "next")
    assert stage.standing == {"other": "waiting"}
    await stage.arrive("next")
    assert stage.current == "next"
    assert stage.standing == {"other": "waiting", "next": "step"}


async def test_a_step_follows_past_nodes_that_are_skipped(stage: Stage) -> None:
    await stage.arrive("b", "other")
    await stage.tell("step_over", stop=stage.stop)
    await stage.settle("b", "left", "right")
    await stage.settle("left", "after_left")
    await stage.arrive("right")
    assert stage.current == "right"


async def test_when_nothing_follows_the_oldest_waiting_node_of_another_branch_is_next(stage: Stage) -> None:
    await stage.arrive("b", "first", "second")
    await stage.tell("step_over", stop=stage.stop)
    await stage.settle("b")
    assert stage.current == "first"
    assert stage.standing["first"] == "step"


async def test_step_over_a_container_lets_its_inside_go_and_nobody_else(stage: Stage) -> None:
    await stage.arrive("b", "other")
    await stage.tell("step_over", stop=stage.stop)
    await stage.arrive("b.0@1/x", "b.1@1/x", "late")
    assert set(stage.passed) == {"b", "b.0@1/x", "b.1@1/x"}
    await stage.settle("b", "end")
    await stage.arrive("end")
    assert stage.current == "end"


async def test_a_breakpoint_inside_ends_the_step_over_its_container() -> None:
    stage = Stage(Breakpoint("b"), Breakpoint("x"))
    await stage.arrive("b")
    await stage.tell("step_over", stop=stage.stop)
    await stage.arrive("b.0@1/x", "b.0@1/y")
    assert stage.current == "b.0@1/x"
    assert stage.standing == {"b.0@1/x": "breakpoint", "b.0@1/y": "waiting"}
    await _end(stage)


async def test_step_into_stops_at_the_first_node_inside(stage: Stage) -> None:
    await stage.arrive("b", "other")
    await stage.tell("step_into", stop=stage.stop)
    await stage.arrive("b.0@1/x", "b.1@1/x")
    assert stage.current == "b.0@1/x"
    assert stage.standing["b.1@1/x"] == "waiting"


async def test_stepping_goes_from_one_iteration_to_the_next_and_out_at_the_end(stage: Stage) -> None:
    await stage.arrive("b")
    await stage.tell("step_into", stop=stage.stop)
    for index in (0, 1):
        where = f"b.{index}@1/x"
        await stage.arrive(where)
        assert stage.current == where
        await stage.tell("step_over", stop=stage.stop)
        await stage.settle(where)
    await stage.settle("b", "end")
    await stage.arrive("end")
    assert stage.current == "end"


async def test_step_out_lets_all_iterations_go_and_stops_behind_the_container(stage: Stage) -> None:
    await stage.arrive("b", "other")
    await stage.tell("step_into", stop=stage.stop)
    await stage.arrive("b.0@1/x", "b.1@1/x")
    await stage.tell("step_out", stop=stage.stop)
    await stage.arrive("b.2@1/x")
    assert set(stage.passed) == {"b", "b.0@1/x", "b.1@1/x", "b.2@1/x"}
    await stage.settle("b", "end")
    await stage.arrive("end")
    assert stage.current == "end"
    assert "other" not in stage.passed


async def test_a_container_that_ends_with_freed_nodes_never_visited_does_not_stop_the_stepping(
    stage: Stage,
) -> None:
    """A loop that breaks cancels what its last node made ready."""
    await stage.arrive("b")
    await stage.tell("step_into", stop=stage.stop)
    await stage.arrive("b.0@1/x")
    await stage.tell("step_over", stop=stage.stop)
    await stage.settle("b.0@1/x", "b.0@1/never")
    await stage.settle("b", "end")
    await stage.arrive("end")
    assert stage.current == "end"


async def test_a_second_breakpoint_waits_its_turn_and_continue_goes_there_first() -> None:
    stage = Stage(Breakpoint("b"), Breakpoint("c"))
    await stage.arrive("b", "c", "d")
    await stage.tell("continue", stop=stage.stop)
    assert (list(stage.passed), stage.current) == (["b"], "c")
    await stage.tell("continue", stop=stage.stop)
    assert set(stage.passed) == {"b", "c", "d"}
    await _end(stage)


async def test_running_to_a_node_that_is_not_there_is_refused_and_moves_nothing(stage: Stage) -> None:
    await stage.arrive("b")
    refusal = await stage.tell("run_to", stop=stage.stop, node_id="nowhere")
    assert refusal is not None
    assert refusal.code.code == "debug.no_node"
    assert stage.current == "b"


async def test_run_to_stops_once_at_its_target(stage: Stage) -> None:
    await stage.arrive("b")
    await stage.tell("run_to", stop=stage.stop, node_id="t")
    await stage.arrive("x", "t")
    assert (stage.current, stage.standing) == ("t", {"t": "run_to"})
    await stage.tell("continue", stop=stage.stop)
    await stage.settle("t")
    await stage.arrive("t")
    assert "t" in stage.passed


async def test_pause_catches_the_next_node_and_can_be_taken_back(stage: Stage) -> None:
    await stage.tell("pause")
    assert stage.gate.state.mode == "paused"
    await stage.tell("continue")
    await stage.arrive("a")
    assert "a" in stage.passed
    await stage.tell("pause")
    await stage.arrive("c", "d")
    assert stage.standing == {"c": "pause", "d": "waiting"}


async def test_continue_must_name_the_stop_the_run_stands_at(stage: Stage) -> None:
    await stage.arrive("b")
    refused = await stage.tell("continue")
    assert refused is not None
    assert stage.passed == {}


async def test_a_run_can_begin_with_a_stop() -> None:
    stage = Stage(pause_at_start=True)
    await stage.arrive("a")
    assert stage.standing == {"a": "entry"}
    await _end(stage)


async def test_conditions_read_inputs_and_names() -> None:
    stage = Stage(Breakpoint("b", condition="inputs.value > 2 && item.ok"))
    await stage.arrive("b", inputs={"value": 5, "item": {"ok": False}})
    assert "b" in stage.passed
    await stage.arrive("b", inputs={"value": 5, "item": {"ok": True}})
    assert stage.current == "b"
    await _end(stage)


async def test_a_condition_that_cannot_be_computed_stops_and_says_why() -> None:
    stage = Stage(Breakpoint("b", condition="{{ item.ok.no }}"))
    await stage.arrive("b")
    assert stage.current == "b"
    assert stage.gate.state.stops[0].note
    await _end(stage)


async def test_a_hit_count_lets_the_first_hits_pass() -> None:
    stage = Stage(Breakpoint("b", hit_count=3))
    for index in range(3):
        await stage.arrive(f"l.{index}@1/b")
    assert list(stage.passed) == ["l.0@1/b", "l.1@1/b"]
    assert stage.current == "l.2@1/b"
    await _end(stage)


async def test_a_log_point_writes_its_line_and_does_not_stop() -> None:
    stage = Stage(Breakpoint("b", log="value is {{ inputs.value }}"))
    await stage.arrive("b", inputs={"value": 4})
    assert "b" in stage.passed
    assert [data["message"] for type_, _, data in stage.events if type_ == "log"] == ["value is 4"]


async def test_edited_inputs_go_with_the_node_and_the_configuration_is_computed_anew(stage: Stage) -> None:
    await stage.arrive("b", inputs={"value": 1, "other": 2})
    await stage.tell("set_inputs", stop=stage.stop, inputs={"value": 9}, config={"size": 3})
    assert stage.holds[-1] == ("b", {"value": 9, "other": 2}, {"text": "for 9", "size": 3})
    await stage.tell("continue", stop=stage.stop)
    assert stage.passed["b"].edits.to_json() == {"inputs": {"value": 9}, "config": {"size": 3}}


async def test_injected_outputs_replace_the_run_of_the_node_and_the_run_stops_behind_it(stage: Stage) -> None:
    await stage.arrive("b")
    await stage.tell("set_outputs", stop=stage.stop, outputs={"value": 7})
    assert (stage.passed["b"].act, stage.passed["b"].outputs) == ("inject", {"value": 7})
    await stage.settle("b", "next")
    await stage.arrive("next")
    assert stage.current == "next"


async def test_a_failed_node_stops_and_may_try_again() -> None:
    stage = Stage(Breakpoint("*", on="error", condition="error.code == 'test.broken'"))
    await stage.arrive("b", problem=BROKEN)
    assert stage.standing == {"b": "error"}
    await stage.tell("set_inputs", stop=stage.stop, inputs={"value": 1})
    await stage.tell("again", stop=stage.stop)
    assert stage.passed["b"].act == "again"
    assert stage.passed["b"].edits.inputs == {"value": 1}
    await stage.settle("b", "next")
    await stage.arrive("next")
    assert stage.current == "next"
    refused = await stage.tell("again", stop=stage.stop)
    assert refused is not None
    assert refused.code.code == "debug.not_here"
    await _end(stage)


async def test_another_standing_node_can_be_made_current(stage: Stage) -> None:
    await stage.arrive("b", "c")
    await stage.tell("focus", stop=stage.stop_at("c"))
    assert stage.current == "c"
    await stage.tell("step_over", stop=stage.stop)
    assert list(stage.passed) == ["c"]
    await stage.settle("c")
    assert stage.current == "b"


async def test_a_held_node_that_is_cancelled_leaves_the_gate_to_the_others(stage: Stage) -> None:
    await stage.arrive("b", "c")
    stage.tasks["b"].cancel()
    await stage.turn()
    assert (stage.current, stage.standing) == ("c", {"c": "pause"})


async def test_after_a_crash_the_same_stops_come_back_with_their_ids_and_edits(stage: Stage) -> None:
    await stage.arrive("b", "c")
    stop = stage.stop
    await stage.tell("set_inputs", stop=stop, inputs={"value": 2})
    await stage.crash()
    assert stage.current == "b"
    await stage.arrive("c", "b")
    assert (stage.stop, stage.current) == (stop, "b")
    assert stage.gate.state.hits == {("b", "before"): 1}
    await stage.tell("continue", stop=stop)
    assert stage.passed["b"].edits.inputs == {"value": 2}
    assert set(stage.passed) == {"b", "c"}


async def test_a_command_may_come_before_its_node_is_back(stage: Stage) -> None:
    await stage.arrive("b")
    stop = stage.stop
    await stage.crash()
    await stage.tell("step_over", stop=stop)
    await stage.arrive("b")
    assert "b" in stage.passed
    await stage.settle("b", "c")
    await stage.arrive("c")
    assert stage.current == "c"


async def test_a_node_released_before_a_crash_does_not_stop_again(stage: Stage) -> None:
    await stage.arrive("b")
    await stage.tell("continue", stop=stage.stop)
    await stage.crash()
    await stage.arrive("b")
    assert "b" in stage.passed


async def test_a_step_that_ended_with_its_worker_stops_at_whatever_comes(stage: Stage) -> None:
    await stage.arrive("b")
    await stage.tell("step_over", stop=stage.stop)
    await stage.crash("b")
    await stage.arrive("c")
    assert stage.standing == {"c": "step"}


async def test_a_command_already_carried_out_is_not_carried_out_again(stage: Stage) -> None:
    await stage.arrive("b")
    command = read_command({"command": "pause"}, seq=4, by={"name": "Ann"})
    act(stage.gate, command)
    told = [
        data["command"] for type_, _, data in stage.events if type_ == "debug_state" and "command" in data
    ]
    assert isinstance(told[-1], dict)
    assert told[-1]["by"] == {"name": "Ann"}
    count = len(stage.events)
    act(stage.gate, command)
    assert len(stage.events) == count


async def test_a_node_that_comes_back_after_the_step_beside_it_has_ended_is_next(stage: Stage) -> None:
    await stage.arrive("b")
    await stage.tell("step_into", stop=stage.stop)
    await stage.arrive("b.0@1/x", "b.0@1/y")
    await stage.tell("step_over", stop=stage.stop)
    await stage.crash()
    await stage.arrive("b", "b.0@1/x")
    await stage.settle("b.0@1/x")
    await stage.arrive("b.0@1/y")
    assert stage.current == "b.0@1/y"


def test_a_session_survives_its_json() -> None:
    state = DebugState.begun([Breakpoint("b", condition="true", hit_count=2)], pause_at_start=True)
    assert DebugState.from_json(state.to_json()).to_json() == state.to_json()


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ({"command": "dance"}, "command 必须是"),
        ({"command": "run_to"}, "node_id 必须是"),
        ({"command": "step_over"}, "断点位置"),
        ({"command": "pause", "hurry": 1}, "hurry"),
        ({"command": "set_breakpoint", "breakpoint": {"node_id": "*"}}, "未指明节点"),
        ({"command": "set_breakpoint", "breakpoint": {"node_id": "a", "condition": "1 +"}}, "表达式"),
    ],
)
def test_what_is_wrong_with_a_command_is_said_in_both_languages(shape: dict[str, Any], reason: str) -> None:
    with pytest.raises(SageError) as caught:
        read_command(shape)
    assert reason in caught.value.message("zh")
    assert caught.value.facts["reason"] != caught.value.facts["reason_zh"]
