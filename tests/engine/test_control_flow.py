"""Branches, merges and loops by example, each as a person would say it."""

from __future__ import annotations

from typing import Any

import pytest

from sage_studio.engine import FlowState, MemoryRunStore
from tests.engine.control import RETRY, inside, paths_of, result_of, run, values_of
from tests.engine.nodes import flow, node, states

PORT_OF = {"1": "case_1", "2": "case_2", "else": "default"}


# Branches and merges


@pytest.mark.parametrize("kind", ["1", "2", "else"])
async def test_a_switch_takes_one_way_and_the_merge_behind_it_never_hangs(kind: str) -> None:
    body = flow(
        [
            node("s", "switch", by="{{ flow.inputs.kind }}", case_1=1, case_2="{{ flow.inputs.kind == 2 }}"),
            node("one", "say", text="first way"),
            node("two", "say", text="second way"),
            node("m", "merge", mode="by_node"),
        ],
        ["s:case_1>one", "s:case_2>two", "one>m:values", "two>m:values", "s:default>m:values"],
    )
    result = await run(body, kind=kind)
    taken = {"1": {"one": "first way"}, "2": {"two": "second way"}, "else": {"s": None}}[kind]
    assert result_of(result, "m") == {"value": taken, "count": 1}
    assert states(result)["one"] == ("completed" if kind == "1" else "skipped")
    assert result_of(result, "s") == {PORT_OF[kind]: None}


async def test_if_else_without_a_condition_decides_by_the_value_it_is_given() -> None:
    body = flow(
        [node("no", "say", text=0), node("i", "if_else"), node("t", "add"), node("f", "add")],
        ["no>i:value", "i:true>t", "i:false>f"],
    )
    assert states(await run(body)) == {
        "no": "completed", "i": "completed", "t": "skipped", "f": "completed",
    }  # fmt: skip


async def test_a_merge_none_of_whose_branches_came_is_skipped_and_so_is_what_follows() -> None:
    body = flow(
        [
            node("b", "branch", yes=True),
            node("x", "add"),
            node("y", "add"),
            node("m", "merge"),
            node("after", "add"),
        ],
        ["b:false>x", "b:false>y", "x>m:values", "y>m:values", "m>after"],
    )
    result = await run(body)
    assert result.state is FlowState.COMPLETED
    assert states(result) == {
        "b": "completed", "x": "skipped", "y": "skipped", "m": "skipped", "after": "skipped",
    }  # fmt: skip


async def test_a_node_with_one_live_and_one_dead_input_runs_unless_the_dead_one_is_required() -> None:
    body = flow(
        [
            node("b", "branch", yes=True),
            node("one", "say", text=1),
            node("right_dead", "pair"),
            node("left_dead", "pair"),
        ],
        ["one>right_dead:left", "b:false>right_dead:right", "b:false>left_dead:left", "one>left_dead:right"],
    )
    result = await run(body)
    assert result_of(result, "right_dead") == {"value": [1, None]}
    assert states(result)["left_dead"] == "skipped"


async def test_a_merge_waits_for_a_branch_that_is_retried_and_then_continued() -> None:
    body = flow(
        [
            node("slow", "flaky", failures=9, on_error="continue", retry=RETRY),
            node("quick", "say", text="here"),
            node("m", "merge", mode="by_node"),
        ],
        ["slow>m:values", "quick>m:values"],
    )
    result = await run(body)
    assert result_of(result, "m") == {"value": {"quick": "here"}, "count": 1}


async def test_a_skipped_container_runs_nothing_of_its_body() -> None:
    store = MemoryRunStore()
    body = flow(
        [
            node("b", "branch", yes=True),
            node("l", "loop_for"),
            *inside("l", node("x", "effect")),
            node("after", "add"),
        ],
        ["b:false>l:items", "l:count>after"],
    )
    result = await run(body, store=store)
    assert states(result) == {"b": "completed", "l": "skipped", "after": "skipped"}
    assert paths_of(store, "x") == []


# Loops


async def test_a_loop_hands_each_round_its_item_and_the_result_of_the_round_before() -> None:
    body = flow(
        [
            node("l", "loop_for", items=[5, 6, 7]),
            *inside("l", node("x", "say", text=["{{ item }}", "{{ index }}", "{{ l.previous?.[0] }}"])),
        ]
    )
    result = await run(body)
    assert result_of(result, "l") == {
        "results": [[5, 0, None], [6, 1, 5], [7, 2, 6]], "last": [7, 2, 6], "count": 3,
    }  # fmt: skip


async def test_rounds_have_paths_of_their_own_that_nest() -> None:
    store = MemoryRunStore()
    body = flow(
        [
            node("a", "loop_for", items=2),
            *inside("a", node("b", "loop_for", items=2)),
            *inside("b", node("x", "say", text="{{ a.item }}{{ item }}")),
        ]
    )
    result = await run(body, store=store)
    assert values_of(store, "x") == {
        "a.0@1/b.0@1": "00", "a.0@1/b.1@1": "01", "a.1@1/b.0@1": "10", "a.1@1/b.1@1": "11",
    }  # fmt: skip
    assert result_of(result, "a")["results"] == [["00", "01"], ["10", "11"]]


async def test_a_loop_stops_when_its_condition_says_so_and_keeps_that_round() -> None:
    body = flow(
        [
            node("l", "loop_for", items=[1, 2, 3, 4], break_when="{{ x.value > 2 }}"),
            *inside("l", node("x", "add", by=0)),
        ],
        ["l:item>x"],
    )
    assert result_of(await run(body), "l") == {"results": [1, 2, 3], "last": 3, "count": 3}


@pytest.mark.parametrize(
    ("what", "results"), [("iteration", [1, "left", 3]), ("loop", [1, "left"])], ids=["continue", "break"]
)
async def test_a_stop_ends_the_round_or_the_loop_and_what_follows_it_there_never_runs(
    what: str, results: list[Any]
) -> None:
    store = MemoryRunStore()
    body = flow(
        [
            node("l", "loop_for", items=[1, 2, 3]),
            *inside(
                "l",
                node("i", "if_else", condition="{{ item == 2 }}"),
                node("out", "stop", what=what, value="left"),
                node("x", "say", text="{{ item }}"),
            ),
        ],
        ["l:item>i:value", "i:true>out:value", "i:false>x", "x>l:result"],
    )
    result = await run(body, store=store)
    assert result_of(result, "l")["results"] == results
    assert "l.1@1" not in paths_of(store, "x")


async def test_a_stop_inside_a_try_inside_a_loop_leaves_the_loop_after_the_finally() -> None:
    store = MemoryRunStore()
    body = flow(
        [
            node("l", "loop_for", items=3),
            *inside("l", node("t", "try_catch")),
            *inside(
                "t", node("out", "stop", what="loop", value="{{ item }}"), node("tidy", "say", text="tidy")
            ),
        ],
        ["t:finally>tidy"],
    )
    result = await run(body, store=store)
    assert result_of(result, "l") == {"results": [0], "last": 0, "count": 1}
    assert values_of(store, "tidy") == {"l.0@1/t.2@1": "tidy"}


async def test_a_stop_of_the_run_outside_and_inside_of_loops_gives_the_run_its_result() -> None:
    body = flow(
        [
            node("w", "sleep", seconds=9),
            node("l", "loop_for", items=3),
            *inside("l", node("out", "stop", value={"answer": "{{ index }}"})),
        ]
    )
    result = await run(body)
    assert (result.state, result.outputs) == (FlowState.COMPLETED, {"answer": 0})
    assert states(result) == {"w": "cancelled", "l": "cancelled"}


async def test_a_stop_of_a_loop_where_there_is_none_fails_the_node() -> None:
    result = await run(flow([node("out", "stop", what="loop")]))
    assert result.error is not None
    assert result.error["code"] == "node.not_in_loop"


async def test_a_while_loop_carries_its_value_and_is_bounded() -> None:
    def body(**more: Any) -> dict[str, Any]:
        return flow(
            [
                node("n", "say", text=1),
                node("l", "loop_while", condition="{{ item < 20 }}", **more),
                *inside("l", node("x", "add", by="{{ item }}")),
            ],
            ["n>l:initial", "l:item>x"],
        )

    assert result_of(await run(body()), "l") == {"value": 32, "count": 5}
    assert result_of(await run(body(max_iterations=2, on_limit="stop")), "l") == {"value": 4, "count": 2}
    failed = await run(body(max_iterations=2))
    assert failed.error is not None
    assert failed.error["code"] == "loop.too_many"
