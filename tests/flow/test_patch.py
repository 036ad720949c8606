"""Patches: diff, apply, invert and what happens when the ground has moved."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from sage_studio.flow import FlowDocument, canonical_bytes, parse
from sage_studio.flow.describe import changes, describe
from sage_studio.flow.diff import diff
from sage_studio.flow.operations import Patch
from sage_studio.flow.patch import apply, conflict_error, invert, parse_patch
from sage_studio.flow.text_delta import apply_delta, text_delta
from sage_studio.kernel import SageError
from tests.flow.strategies import TEXTS, flows


def shared(_kind: str, field: str) -> bool:
    return field == "prompt"


@settings(deadline=None, max_examples=60)
@given(before=flows(), after=flows())
def test_applying_the_difference_gives_the_other_flow(before: FlowDocument, after: FlowDocument) -> None:
    patch = parse_patch(diff(before, after, shared_text=shared).dump())

    outcome = apply(before, patch)

    assert not outcome.conflicts
    assert canonical_bytes(outcome.document) == canonical_bytes(after)


@settings(deadline=None, max_examples=60)
@given(before=flows(), after=flows())
def test_the_inverse_restores_the_flow_exactly(before: FlowDocument, after: FlowDocument) -> None:
    original = canonical_bytes(before)
    patch = diff(before, after, shared_text=shared)

    changed = apply(before, patch).document
    restored = apply(changed, parse_patch(invert(before, patch).dump()))

    assert not restored.conflicts
    assert canonical_bytes(restored.document) == original
    assert canonical_bytes(before) == original


@settings(deadline=None, max_examples=40)
@given(flow=flows())
def test_a_flow_does_not_differ_from_itself(flow: FlowDocument) -> None:
    assert diff(flow, flow).operations == []


@settings(deadline=None, max_examples=40)
@given(base=flows(), mine=flows(), theirs=flows())
def test_a_partial_application_leaves_a_flow_that_can_be_undone(
    base: FlowDocument, mine: FlowDocument, theirs: FlowDocument
) -> None:
    patch = diff(base, mine, shared_text=shared)

    outcome = apply(theirs, patch, partial=True)

    assert len(outcome.applied) + len(outcome.conflicts) == len(patch.operations)
    undone = apply(outcome.document, outcome.inverse)
    assert not undone.conflicts
    assert canonical_bytes(undone.document) == canonical_bytes(theirs)


@given(before=TEXTS, after=TEXTS)
def test_a_text_delta_leads_there_and_back(before: str, after: str) -> None:
    there = apply_delta(before, text_delta(before, after))

    assert there is not None
    assert there[0] == after
    back = apply_delta(after, there[1])
    assert back is not None
    assert back[0] == before


def test_a_text_delta_touches_only_what_changed() -> None:
    delta = [
        step.model_dump() for step in text_delta("Answer the question briefly.", "Answer my question now.")
    ]

    assert delta == [
        {"retain": 7}, {"insert": "my"}, {"delete": 3}, {"retain": 10}, {"insert": "now"}, {"delete": 7},
    ]  # fmt: skip


def test_a_huge_rewrite_is_one_replacement_and_quick() -> None:
    before, after = "a b " * 20_000, "c d " * 20_000

    assert len(text_delta(before, after)) <= 3


FLOW: dict[str, Any] = {
    "schema": "sage-studio/flow@1",
    "nodes": [
        {"id": "a", "type": "reader", "config": {"top_k": 5, "prompt": "Hello"}},
        {"id": "b", "type": "llm", "parent": "a"},
        {"id": "c", "type": "llm"},
    ],
    "edges": [{"source": "a", "source_port": "o", "target": "b", "target_port": "i"}],
}


def patch_of(*operations: dict[str, Any]) -> Patch:
    return parse_patch({"schema": "sage-studio/patch@1", "operations": list(operations)})


@pytest.mark.parametrize(
    ("operation", "reason", "now"),
    [
        ({"op": "set", "node": "a", "path": ["config", "top_k"], "value": 8, "was": 4}, "changed", 5),
        ({"op": "unset", "node": "a", "path": ["config", "top_k"], "was": 4}, "changed", 5),
        ({"op": "set", "node": "ghost", "path": ["name"], "value": "x"}, "missing", None),
        ({"op": "move", "node": "ghost", "pos": [1, 2]}, "missing", None),
        ({"op": "move", "node": "a", "pos": [1, 2], "parent": "b"}, "impossible", "b"),
        ({"op": "move", "node": "a", "pos": [1, 2], "parent": "ghost"}, "missing", "ghost"),
        ({"op": "add_node", "node": {"id": "c", "type": "merge"}}, "exists", {"id": "c", "type": "llm"}),
        (
            {
                "op": "add_edge",
                "edge": {"source": "a", "source_port": "o", "target": "z", "target_port": "i"},
            },
            "missing",
            "z",
        ),
        (
            {"op": "edit_text", "node": "a", "path": ["texts", "prompt"], "delta": [{"delete": 9}]},
            "changed",
            "Hello",
        ),
        (
            {
                "op": "edit_text",
                "node": "a",
                "path": ["texts", "prompt"],
                "delta": [{"insert": "x"}],
                "was": "Hi",
            },
            "changed",
            "Hello",
        ),
        ({"op": "set", "node": "a", "path": ["config", "top_k", "x"], "value": 1}, "changed", 5),
    ],
)
def test_an_operation_whose_ground_has_changed_is_a_conflict_that_says_what_is_there(
    operation: dict[str, Any], reason: str, now: Any
) -> None:
    flow = parse(FLOW)
    fine = {"op": "set", "node": "b", "path": ["name"], "value": "kept?"}

    whole = apply(flow, patch_of(fine, operation))
    partial = apply(flow, patch_of(fine, operation), partial=True)

    assert whole.document is flow
    assert whole.applied == ()
    assert [(conflict.index, conflict.reason, conflict.now) for conflict in whole.conflicts] == [
        (1, reason, now)
    ]
    assert [node.name for node in partial.document.nodes if node.id == "b"] == ["kept?"]
    assert conflict_error(whole, 2).message() == "The flow has changed: 1 of 2 changes no longer fit."


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "set", "node": "a", "path": ["config", "top_k"], "value": 5, "was": 4},
        {"op": "unset", "node": "a", "path": ["config", "missing"], "was": 1},
        {"op": "remove_node", "id": "ghost"},
        {"op": "remove_edge", "id": "ghost"},
        {"op": "add_node", "node": {"id": "c", "type": "llm"}},
    ],
)
def test_asking_for_what_is_already_so_changes_nothing_and_is_no_conflict(operation: dict[str, Any]) -> None:
    flow = parse(FLOW)

    outcome = apply(flow, patch_of(operation))

    assert not outcome.conflicts
    assert canonical_bytes(outcome.document) == canonical_bytes(flow)
    assert outcome.inverse.operations == []


def test_removing_a_container_takes_its_edges_along_and_its_children_out() -> None:
    outcome = apply(parse(FLOW), patch_of({"op": "remove_node", "id": "a"}))

    assert [(node.id, node.parent) for node in outcome.document.nodes] == [("b", None), ("c", None)]
    assert outcome.document.edges == []


@pytest.mark.parametrize(
    ("operation", "path"),
    [
        ({"op": "set", "node": "a", "path": ["id"], "value": "x"}, "operations[0].path"),
        ({"op": "set", "node": "a", "path": ["pos"], "value": [1, 2]}, "operations[0].path"),
        ({"op": "set", "node": "a", "path": ["config"], "value": {}}, "operations[0].path"),
        ({"op": "unset", "node": "a", "path": ["type"]}, "operations[0].path"),
        ({"op": "set", "node": "a", "path": ["name"], "value": "x" * 201}, "operations[0].value"),
        ({"op": "set", "node": "a", "path": ["retry", "count"], "value": 99}, "operations[0].value"),
        ({"op": "set_flow", "path": ["nodes"], "value": []}, "operations[0].path"),
        ({"op": "set_flow", "path": ["settings", "mode"], "value": "warp"}, "operations[0].value"),
        ({"op": "set_flow", "path": ["inputs"], "value": [{"type": "string"}]}, "operations[0].value"),
        ({"op": "edit_text", "node": "a", "path": ["config", "prompt"], "delta": []}, "operations[0].path"),
    ],
)
def test_an_operation_that_would_break_the_shape_is_refused_with_its_place(
    operation: dict[str, Any], path: str
) -> None:
    with pytest.raises(SageError) as caught:
        apply(parse(FLOW), patch_of(operation), partial=True)

    assert caught.value.path == path


@pytest.mark.parametrize(
    ("patch", "path"),
    [
        ({"operations": [{"op": "explode"}]}, "operations[0]"),
        ({"operations": [{"op": "set", "node": "a", "path": []}]}, "operations[0].set"),
        (
            {"operations": [{"op": "remove_node", "id": "a", "surprise": 1}]},
            "operations[0].remove_node.surprise",
        ),
        ({"schema": "other"}, "schema"),
    ],
)
def test_a_patch_of_a_wrong_shape_is_refused_with_its_place(patch: dict[str, Any], path: str) -> None:
    with pytest.raises(SageError) as caught:
        parse_patch(patch)

    assert caught.value.path.startswith(path)


def test_a_patch_is_described_for_people() -> None:
    before = parse(FLOW)
    after = parse(
        {
            **FLOW,
            "nodes": [
                {"id": "a", "type": "reader", "config": {"top_k": 8, "prompt": "Hello"}, "name": "Read"},
                {"id": "reranker_1", "type": "reranker"},
            ],
            "edges": [],
        }
    )

    lines = [line["en"] for line in describe(changes(diff(before, after)))]

    assert lines == [
        "- Removed node: b",
        "- Removed node: c",
        "+ Added node: reranker_1",
        "~ Modified node: a (name, top_k changed)",
    ]


@given(st.integers(0, 3))
def test_the_base_says_whether_the_flow_is_the_one_the_patch_was_made_for(number: int) -> None:
    flow = parse({**FLOW, "name": str(number)})
    patch = diff(flow, parse({**FLOW, "name": "other"}))

    assert apply(flow, patch).base_matches
    assert not apply(parse({**FLOW, "name": "else"}), patch, partial=True).base_matches
