"""Order, parallelism, branches, merging, expressions, pinned and disabled nodes."""

from __future__ import annotations

from typing import Any, cast

import pytest

from sage_studio.engine import FlowState, MemoryRunStore, compile_flow
from sage_studio.flow import parse_plain
from sage_studio.kernel import SageError
from sage_studio.plugins.registry import NodeRegistry
from tests.counting import calls_made
from tests.engine.nodes import NODES, events_of, flow, node, run, states


async def test_values_travel_along_edges_in_order() -> None:
    result = await run(flow([node(f"n{i}", "add") for i in range(50)], [f"n{i}>n{i + 1}" for i in range(49)]))
    assert result.state is FlowState.COMPLETED
    assert result.outputs == {"n49": {"value": 50}}


async def test_independent_nodes_wait_side_by_side() -> None:
    nodes = [node("s", "start"), *[node(f"w{i}", "sleep", seconds=0.1) for i in range(20)], node("j", "join")]
    edges = [f"s>w{i}" for i in range(20)] + [f"w{i}>j:values" for i in range(20)]
    store = MemoryRunStore()
    result = await run(flow(nodes, edges), store=store)
    assert result.state is FlowState.COMPLETED
    waits = [event.type for event in store.events["run-1"] if (event.node_id or "").startswith("w")]
    begun = [kind for kind in waits if kind in {"node_started", "node_completed"}]
    assert begun == ["node_started"] * 20 + ["node_completed"] * 20, "all must begin before one ends"


async def test_the_flow_s_concurrency_bounds_nodes_at_work() -> None:
    nodes = [node(f"w{i}", "sleep", seconds=0.03) for i in range(8)]
    result = await run(flow(nodes, settings={"concurrency": 2}))
    spans = sorted(record.outputs["value"] for record in result.nodes.values() if record.outputs)
    for i, (began, _) in enumerate(spans):
        under_way = sum(1 for other_began, ended in spans[:i] if ended > began)
        assert under_way < 2


async def test_a_branch_not_taken_is_skipped_to_its_end_and_the_merge_goes_on() -> None:
    body = flow(
        [
            node("s", "start"),
            node("b", "branch", yes="{{ s.value.ok }}"),
            node("t", "add"),
            node("f", "say", text="no"),
            node("f2", "say", text="never"),
            node("j", "join"),
        ],
        ["b:true>t", "b:false>f", "f>f2", "t>j:values", "f2>j:values", "s>b"],
    )
    body["nodes"][2]["config"] = {"by": 0}
    result = await run(flow(body["nodes"], []) | {"edges": body["edges"]}, ok=False)
    assert states(result) == {
        "s": "completed", "b": "completed", "t": "skipped",
        "f": "completed", "f2": "completed", "j": "completed",
    }  # fmt: skip
    assert result.outputs == {"j": {"value": [["f2", "never"]]}}


async def test_a_node_with_a_required_input_not_taken_is_skipped_and_an_optional_one_is_absent() -> None:
    body = flow(
        [node("b", "branch"), node("a", "add"), node("p", "pair"), node("q", "pair")],
        ["a>b", "b:false>p:left", "a>p:right", "a>q:left", "b:false>q:right"],
    )
    result = await run(body)
    assert states(result)["p"] == "skipped"
    assert result.nodes["q"].outputs == {"value": [1, None]}


async def test_expressions_read_nodes_inputs_flow_run_and_variables() -> None:
    body = flow(
        [
            node("s", "start"),
            node(
                "x",
                "say",
                text={
                    "whole": "{{ s.value.rows }}",
                    "mixed": "{{ flow.inputs.who }} has {{ s.value.rows.length }} in {{ vars.place }}",
                    "wired": "{{ inputs.value.who }}",
                    "run": "{{ run.id }}",
                },
            ),
        ],
        ["s>x"],
        variables={"place": "Ulm"},
        name="F",
    )
    result = await run(body, who="Ada", rows=[1, 2])
    assert result.outputs["x"]["value"] == {
        "whole": [1, 2], "mixed": "Ada has 2 in Ulm", "wired": "Ada", "run": "run-1",
    }  # fmt: skip


async def test_an_expression_makes_its_node_wait_for_the_node_it_reads_without_an_edge() -> None:
    body = flow([node("late", "sleep", seconds=0.05), node("x", "say", text="{{ late.value.length }}")])
    result = await run(body)
    assert result.nodes["x"].outputs == {"value": 2}


async def test_item_fields_stay_compiled_and_see_the_rest_of_the_scope() -> None:
    body = flow([node("n", "say", text=10), node("e", "each", what={"sum": "{{ item + n.value + index }}"})])
    result = await run(body)
    assert result.nodes["e"].outputs == {"value": [{"sum": 11}, {"sum": 13}, {"sum": 15}]}


async def test_an_edge_wins_over_the_field_it_is_wired_to() -> None:
    result = await run(flow([node("ten", "say", text=10), node("a", "add", by=1)], ["ten>a:by"]))
    assert result.outputs == {"a": {"value": 10}}


async def test_a_pinned_output_stands_in_for_the_node() -> None:
    store = MemoryRunStore()
    body = flow([node("c", "crash", pinned={"value": 7}), node("a", "add")], ["c>a"])
    result = await run(body, store=store)
    assert result.outputs == {"a": {"value": 8}}
    pinned = next(event for event in store.events["run-1"] if event.type == "node_completed")
    assert pinned.data["pinned"] is True


async def test_a_disabled_node_hands_through_what_reaches_it() -> None:
    body = flow(
        [
            node("s", "say", text=5),
            node("c", "crash", disabled=True),
            node("a", "add"),
            node("x", "nope", disabled=True),
        ],
        ["s>c", "c>a", "a>x"],
    )
    result = await run(body)
    assert result.nodes["a"].outputs == {"value": 6}
    assert states(result)["x"] == "skipped"


async def test_declared_flow_outputs_are_computed_at_the_end() -> None:
    outputs = [{"name": "total", "value": "{{ a.value * 2 }}"}, {"name": "fixed", "value": 1}]
    result = await run(flow([node("a", "add", by=4)], outputs=outputs))
    assert result.outputs == {"total": 8, "fixed": 1}


async def test_generators_are_folded_streams_gathered_and_the_last_value_kept() -> None:
    result = await run(flow([node("p", "parts")]))
    assert result.outputs["p"] == {"rows": [0, 1, 2], "last": 2}
    assert result.nodes["p"].ports == {"rows": 3, "last": 1}


async def test_events_are_numbered_without_gaps_and_tell_the_story() -> None:
    store = MemoryRunStore()
    await run(flow([node("a", "add"), node("b", "add")], ["a>b"]), store=store)
    assert [event.seq for event in store.events["run-1"]] == list(range(1, 8))
    assert events_of(store) == [
        "run_started", "node_started", "node_completed", "node_started", "node_completed",
        "run_completed", "flow_completed",
    ]  # fmt: skip
    shape = store.events["run-1"][2].to_json("run-1")
    facts = dict(cast("dict[str, Any]", shape["data"]))
    assert facts.pop("duration_ms") >= 0
    assert facts == {"items": 1, "ports": {"value": 1}, "cached": False}
    assert str(shape["at"]).endswith("Z")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (flow([node("a", "add"), node("b", "add")], ["a>b", "b>a"]), "flow.not_runnable_cycle"),
        (
            flow([node("a", "say", text="{{ b.value }}"), node("b", "add")], ["a>b"]),
            "flow.not_runnable_cycle",
        ),
        (flow([node("a", "nope")]), "flow.not_runnable_type"),
        (flow([node("a", "add")], ["a>gone"]), "flow.not_runnable_edge"),
    ],
)
async def test_what_cannot_run_is_refused_with_its_name(body: dict[str, object], code: str) -> None:
    with pytest.raises(SageError) as caught:
        compile_flow(parse_plain(body), NodeRegistry(NODES.values()))  # type: ignore[arg-type]
    assert caught.value.code.code == code
    assert "?" not in caught.value.message()
    assert caught.value.path


async def test_an_expression_that_cannot_be_read_names_its_field() -> None:
    with pytest.raises(SageError) as caught:
        compile_flow(
            parse_plain(flow([node("a", "say", text={"deep": ["{{ 1 + }}"]})])), NodeRegistry(NODES.values())
        )
    assert caught.value.path.startswith("nodes[0].config.text.deep[0]")


async def test_a_missing_required_input_is_refused() -> None:
    body = flow([node("s", "start")], inputs=[{"name": "q", "required": True, "label": "Question"}])
    with pytest.raises(SageError) as caught:
        await run(body)
    assert caught.value.code.code == "run.input_missing"


async def test_ten_thousand_nodes_compile_with_near_linear_work() -> None:
    def work(count: int) -> int:
        body = flow(
            [node(f"n{i}", "add") for i in range(count)], [f"n{i}>n{i + 1}" for i in range(count - 1)]
        )
        document = parse_plain(body)
        library = NodeRegistry(NODES.values())
        return calls_made(lambda: compile_flow(document, library))

    # Ten times the nodes; quadratic work would be a hundred times as much.
    assert work(10_000) < 15 * work(1000)
