"""Maps, lanes, try, retries and concurrency by example, each as a person would say it."""

from __future__ import annotations

from typing import Any

import pytest

from sage_studio.engine import FlowState, MemoryRunStore, compile_flow
from sage_studio.engine.journal import Journal, outermost
from sage_studio.engine.records import NodeRecord
from sage_studio.flow import parse_plain
from sage_studio.kernel import SageError
from sage_studio.plugins.registry import builtin_registry
from tests.engine.control import RETRY, inside, paths_of, result_of, run, values_of
from tests.engine.nodes import flow, node, states

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


async def test_a_container_that_ends_looks_only_at_what_is_under_way_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[NodeRecord] = []
    whole = Journal.under_way

    def look(journal: Journal, within: str = "") -> list[NodeRecord]:
        found = whole(journal, within)
        near = journal._under_way if not within else journal._under_way.get(outermost(within), {})
        seen.extend(near)  # type: ignore[arg-type]
        return found

    monkeypatch.setattr(Journal, "under_way", look)
    loops = [
        each
        for i in range(40)
        for each in (node(f"l{i}", "loop_for", items=2), *inside(f"l{i}", node(f"x{i}", "say", text=1)))
    ]
    assert (await run(flow(loops))).state is FlowState.COMPLETED
    assert len(seen) <= 80, "what the other containers have under way is none of its business"


def test_containers_whose_rounds_could_not_be_named_are_refused() -> None:
    """32 levels with short ids are fine; with ids of 60 characters the path would outgrow its column."""
    for size, fits in ((20, True), (60, False)):
        ids = [f"{'l' * (size - 3)}_{i:02d}" for i in range(32)]
        nested: list[Any] = [
            {"id": own, "type": "loop_for", "config": {"items": 1}} | ({"parent": ids[i - 1]} if i else {})
            for i, own in enumerate(ids)
        ]
        body = parse_plain({"nodes": [*nested, {"id": "leaf", "type": "wait", "parent": ids[-1]}]})
        if fits:
            compile_flow(body, builtin_registry())
        else:
            with pytest.raises(SageError, match="such long ids"):
                compile_flow(body, builtin_registry())
