"""Control flow by example: skips, merges, loops, maps, lanes, try, stop; each as a person would say it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from sage_studio.engine import FlowState, MemoryRunStore, RunResult, compile_flow, run_flow
from sage_studio.flow import parse_plain
from sage_studio.plugins.registry import builtin_registry
from sage_studio.sdk import Node
from tests.engine.nodes import HOST, NODES, flow, node, states


class Types:
    """The tests' small nodes and the product's control nodes."""

    def __init__(self) -> None:
        self._builtin = builtin_registry()

    def get(self, type_id: str) -> type[Node] | None:
        return NODES.get(type_id) or self._builtin.get(type_id)


TYPES = Types()


def inside(container: str, *children: dict[str, Any]) -> list[dict[str, Any]]:
    """Nodes of a container's body."""
    return [{**child, "parent": child.get("parent", container)} for child in children]


async def run(body: dict[str, Any], *, store: MemoryRunStore | None = None, **inputs: Any) -> RunResult:
    plan = compile_flow(parse_plain(body), TYPES)
    with ThreadPoolExecutor(2) as threads:
        return await run_flow(
            plan, run_id="run-1", inputs=inputs, store=store or MemoryRunStore(), host=HOST, threads=threads
        )


def values_of(store: MemoryRunStore, node_id: str) -> dict[str, Any]:
    """Path → what the node gave on its port ``value`` there, or its state when it gave nothing."""
    return {
        path: (record.outputs or {}).get("value", record.state)
        for (found, path, _), record in store.nodes["run-1"].items()
        if found == node_id
    }


def paths_of(store: MemoryRunStore, node_id: str) -> list[str]:
    return [event.iteration_path for event in store.events["run-1"]
            if event.node_id == node_id and event.type == "node_started"]  # fmt: skip


def result_of(result: RunResult, node_id: str) -> Any:
    record = result.nodes[node_id]
    assert record.outputs is not None, (record.state, record.error)
    return record.outputs


RETRY = {"count": 1, "delay_s": 0}
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


# Maps and lanes


async def test_a_map_keeps_the_order_of_its_items_however_long_each_takes() -> None:
    body = flow(
        [
            node("m", "map_each", items=[0.03, 0.0, 0.02], result="{{ item }}", parallelism=3),
            *inside("m", node("w", "sleep", seconds="{{ item }}")),
        ]
    )
    assert result_of(await run(body), "m")["results"] == [0.03, 0.0, 0.02]


@pytest.mark.parametrize(
    ("on_item_error", "results"), [("collect", [1, None, 3]), ("skip", [1, 3])], ids=["collect", "skip"]
)
async def test_a_map_goes_on_without_failed_items_when_told_to(
    on_item_error: str, results: list[Any]
) -> None:
    body = flow(
        [
            node("m", "map_each", items=[1, None, 3], on_item_error=on_item_error),
            *inside("m", node("x", "say", text="{{ item.toFixed ? item : item }}")),
        ]
    )
    given = result_of(await run(body), "m")
    assert (given["results"], given["count"]) == (results, 2)
    assert [error["index"] for error in given["errors"]] == [1]
    assert given["errors"][0]["error"]["iteration_path"] == "m.1@1"


async def test_a_map_that_fails_cancels_the_items_under_way() -> None:
    store = MemoryRunStore()
    body = flow(
        [
            node("m", "map_each", items=[9, 0], parallelism=2),
            *inside(
                "m",
                node("i", "if_else", condition="{{ item > 0 }}"),
                node("w", "sleep", seconds="{{ item }}"),
                node("c", "crash"),
            ),
        ],
        ["m:item>i:value", "i:true>w", "i:false>c"],
    )
    result = await run(body, store=store)
    assert (result.state, states(result)) == (FlowState.FAILED, {"m": "failed"})
    assert values_of(store, "w") == {"m.0@1": "cancelled", "m.1@1": "skipped"}


async def test_lanes_run_at_once_and_the_fastest_may_be_enough() -> None:
    store = MemoryRunStore()
    body = flow(
        [
            node("p", "parallel", wait_for="first"),
            *inside("p", node("slow", "sleep", seconds=9), node("quick", "say", text="me")),
        ]
    )
    result = await run(body, store=store)
    assert result_of(result, "p") == {"results": {"quick": "me"}, "first": "me"}
    assert values_of(store, "slow") == {"p.0@1": "cancelled"}


async def test_what_is_joined_only_inside_of_inner_containers_is_one_lane() -> None:
    body = flow(
        [
            node("p", "parallel"),
            *inside(
                "p", node("a", "say", text=3), node("l", "loop_for", items=2), node("z", "say", text="z")
            ),
            *inside("l", node("x", "add", by=1)),
        ],
        ["a>x"],
    )
    assert result_of(await run(body), "p")["results"] == {"a": [4, 4], "z": "z"}


# Try


def tried(*children: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    return [node("t", "try_catch", **more), *inside("t", *children)]


CAUGHT = [node("c", "say", text="{{ inputs.value.code }}"), node("f", "say", text="tidy")]
CATCHING = ["t:catch>c", "t:finally>f"]


async def test_without_a_failure_catch_does_not_run_and_finally_does() -> None:
    store = MemoryRunStore()
    result = await run(flow(tried(node("x", "say", text=1), *CAUGHT), CATCHING), store=store)
    assert result_of(result, "t") == {"result": 1}
    assert (paths_of(store, "c"), paths_of(store, "f")) == ([], ["t.2@1"])


async def test_a_failure_cancels_the_rest_of_try_then_catch_then_finally_run() -> None:
    store = MemoryRunStore()
    body = flow(tried(node("w", "sleep", seconds=9), node("x", "crash"), *CAUGHT), CATCHING)
    result = await run(body, store=store)
    given = result_of(result, "t")
    assert (result.state, given["result"]) == (FlowState.COMPLETED, "node.crashed")
    assert (given["caught"]["node_id"], given["caught"]["iteration_path"]) == ("x", "t.0@1")
    assert values_of(store, "w") == {"t.0@1": "cancelled"}
    order = [event.node_id for event in store.events["run-1"] if event.type == "node_completed"]
    assert order == ["c", "f", "t"]


async def test_a_failing_catch_fails_the_container_after_finally() -> None:
    store = MemoryRunStore()
    body = flow(tried(node("x", "crash"), node("c", "crash"), CAUGHT[1]), CATCHING)
    result = await run(body, store=store)
    assert result.error is not None
    assert (result.error["node_id"], result.error["iteration_path"]) == ("c", "t.1@1")
    assert values_of(store, "f") == {"t.2@1": "tidy"}


async def test_the_last_word_is_finally_s() -> None:
    body = flow(
        [
            node("l", "loop_for", items=2),
            *inside("l", node("t", "try_catch")),
            *inside("t", node("x", "crash"), node("out", "stop", what="iteration", value="no matter")),
        ],
        ["t:finally>out:value"],
    )
    assert result_of(await run(body), "l")["results"] == ["no matter", "no matter"]


async def test_finally_reads_what_try_gave() -> None:
    store = MemoryRunStore()
    body = flow(tried(node("x", "say", text=4), node("f", "say", text="{{ x.value + 1 }}")), ["t:finally>f"])
    await run(body, store=store)
    assert values_of(store, "f") == {"t.2@1": 5}


async def test_neither_catch_nor_finally_run_when_the_container_itself_is_cancelled() -> None:
    store = MemoryRunStore()
    nodes = [
        *tried(node("w", "sleep", seconds=9), *CAUGHT),
        node("x", "sleep", seconds=0.02),
        node("y", "crash"),
    ]
    result = await run(flow(nodes, [*CATCHING, "x>y"]), store=store)
    assert result.state is FlowState.FAILED
    assert states(result)["t"] == "cancelled"
    assert (paths_of(store, "c"), paths_of(store, "f")) == ([], [])


# Retries


async def test_a_retried_container_begins_afresh_under_a_new_path() -> None:
    store = MemoryRunStore()
    body = flow(
        [
            node("l", "loop_for", items=2, retry=RETRY),
            *inside(
                "l",
                node("x", "effect"),
                node("y", "flaky", failures=9),
            ),
        ],
        ["x>y"],
    )
    result = await run(body, store=store)
    assert result.state is FlowState.FAILED
    assert result.nodes["l"].attempt == 2
    assert paths_of(store, "x") == ["l.0@1", "l.0@2"]


async def test_retries_nest_inner_ones_are_used_up_first() -> None:
    store = MemoryRunStore()
    body = flow(
        [
            node("l", "loop_for", items=1, retry=RETRY),
            *inside("l", node("y", "flaky", failures=9, retry=RETRY)),
        ]
    )
    await run(body, store=store)
    begun = [
        (event.iteration_path, event.attempt)
        for event in store.events["run-1"]
        if event.node_id == "y" and event.type == "node_started"
    ]
    assert begun == [("l.0@1", 1), ("l.0@1", 2), ("l.0@2", 1), ("l.0@2", 2)]


async def test_a_container_s_failure_can_be_routed_and_names_where_it_arose() -> None:
    body = flow(
        [
            node("l", "loop_for", items=1, on_error="route"),
            *inside("l", node("x", "crash")),
            node("e", "say", text=["{{ inputs.value.node_id }}", "{{ inputs.value.iteration_path }}"]),
        ],
        ["l:error>e"],
    )
    result = await run(body)
    assert result.state is FlowState.COMPLETED
    assert result_of(result, "e") == {"value": ["x", "l.0@1"]}


async def test_a_flow_told_to_continue_does_so_on_its_top_level_only() -> None:
    store = MemoryRunStore()
    body = flow(
        [
            node("l", "loop_for", items=2),
            *inside("l", node("x", "crash"), node("z", "say", text=1)),
            node("b", "say", text=2),
        ],
        settings={"on_error": "continue"},
    )
    result = await run(body, store=store)
    assert result.state is FlowState.FAILED
    assert states(result) == {"l": "failed", "b": "completed"}
    assert paths_of(store, "x") == ["l.0@1"]


# Concurrency


async def test_one_node_at_a_time_does_not_make_containers_hang() -> None:
    body = flow(
        [
            node("m", "map_each", items=3, parallelism=3, result="{{ l.results }}"),
            *inside("m", node("l", "loop_for", items=2)),
            *inside("l", node("x", "say", text="{{ item }}")),
            node("b", "say", text=2),
        ],
        settings={"concurrency": 1},
    )
    result = await run(body)
    assert result_of(result, "m")["results"] == [[0, 1]] * 3


async def test_a_node_of_a_body_waits_for_what_it_reads_outside_of_it() -> None:
    body = flow(
        [
            node("l", "loop_for", items=2),
            *inside("l", node("x", "say", text="{{ late.value.length }}")),
            node("late", "sleep", seconds=0.03),
        ]
    )
    assert result_of(await run(body), "l")["results"] == [2, 2]
