"""Which nodes a part of a flow holds, and whose records stand for nodes that are not run."""

from __future__ import annotations

from typing import Any

import pytest

from sage_studio.engine.partial import GIVEN, Part, names_read, part_of, recorded_for
from sage_studio.engine.records import NodeRecord
from sage_studio.flow import parse_plain
from sage_studio.flow.document import FlowDocument
from sage_studio.kernel import Json, SageError
from tests.engine.nodes import Join, flow as drawn

FLOW: dict[str, Any] = drawn(
    [
        {"id": "start", "type": "start"},
        {"id": "a", "type": "add"},
        {"id": "b", "type": "add"},
        {"id": "side", "type": "say", "config": {"text": "{{ a.value }}"}},
        {"id": "loop", "type": "loop_for", "config": {"items": "{{ b.value }}"}},
        {"id": "inner", "type": "say", "parent": "loop", "config": {"text": "{{ side.value + item }}"}},
        {"id": "end", "type": "add"},
    ],
    ["start>a", "a>b", "loop:item>inner", "loop:results>end"],
    outputs=[{"name": "side", "value": "{{ side.value }}"}, {"name": "end", "value": "{{ end.value }}"}],
)


def document() -> FlowDocument:
    return parse_plain(FLOW)


def ids(flow: FlowDocument) -> set[str]:
    return {node.id for node in flow.nodes}


def record(node_id: str, state: Any = "completed", value: Json = 1, path: str = "") -> NodeRecord:
    return NodeRecord(node_id, path, 1, state, 0.0, 1.0, {"value": value}, None, {"value": 1})


def test_until_a_node_keeps_what_it_needs_by_edges_and_by_expressions() -> None:
    cut = part_of(document(), Part(until_node="side")).document
    assert ids(cut) == {"start", "a", "side"}
    assert [output["name"] for output in cut.outputs] == ["side"]


def test_until_a_node_in_a_container_keeps_the_container_and_what_its_body_reads() -> None:
    cut = part_of(document(), Part(until_node="inner")).document
    assert ids(cut) == {"start", "a", "b", "side", "loop", "inner"}


def test_from_a_node_takes_over_all_that_does_not_follow_it() -> None:
    flow = part_of(document(), Part(from_node="b"))
    assert ids(flow.document) == ids(document())
    assert flow.taken_over == {"start", "a", "side"}
    assert part_of(document(), Part(from_node="inner")).taken_over == {"start", "a", "b", "side"}


def test_from_here_until_there() -> None:
    flow = part_of(document(), Part(from_node="b", until_node="loop"))
    assert flow.taken_over == {"start", "a", "side"}
    assert "end" not in ids(flow.document)


def test_records_that_cannot_stand_for_their_node_are_left_and_the_node_runs_again() -> None:
    flow = part_of(document(), Part(from_node="loop"))
    records = [
        record("start"),
        record("a", "failed"),
        record("b", "skipped"),
        record("inner", path="loop.0@1"),
    ]
    assert recorded_for(flow, records).keys() == {"start", "b"}


def test_one_node_needs_the_recorded_data_of_what_it_reads() -> None:
    flow = part_of(document(), Part(only_node="side"))
    assert ids(flow.document) == {"a", "side"}
    assert flow.needed == {"a"}
    with pytest.raises(SageError, match="a"):
        recorded_for(flow, [])
    assert recorded_for(flow, [record("a", value=5)])["a"].outputs == {"value": 5}


def test_given_inputs_replace_connections() -> None:
    flow = part_of(document(), Part(only_node="b", inputs={"value": 41}))
    assert ids(flow.document) == {GIVEN, "b"}
    assert flow.needed == set()
    assert recorded_for(flow, [])[GIVEN].outputs == {"value": 41}
    wire = flow.document.edges[0]
    assert (wire.source, wire.source_port, wire.target, wire.target_port) == (GIVEN, "value", "b", "value")


def test_a_port_that_takes_several_connections_gets_one_for_each_given_item() -> None:
    body = {**FLOW, "nodes": [*FLOW["nodes"], {"id": "join", "type": "join"}]}
    part = Part(only_node="join", inputs={"values": [1, 2]})
    flow = part_of(parse_plain(body), part, {"join": Join.spec})
    assert [wire.source_port for wire in flow.document.edges] == ["values.0", "values.1"]


def test_a_container_alone_keeps_its_body() -> None:
    flow = part_of(document(), Part(only_node="loop"))
    assert ids(flow.document) == {"b", "side", "loop", "inner"}
    assert flow.needed == {"b", "side"}


def test_a_node_that_is_not_there_is_named() -> None:
    with pytest.raises(SageError, match="nowhere"):
        part_of(document(), Part(until_node="nowhere"))


def test_a_part_survives_its_json() -> None:
    part = Part(from_node="a", until_node="b", inputs={"x": [1]})
    assert Part.from_json(part.to_json()) == part


def test_names_are_found_in_lists_and_objects() -> None:
    assert names_read({"a": ["x {{ one.value }}", {"b": "{{ two[0] }}"}], "c": 3}) == {"one", "two"}


def test_what_a_container_gives_to_one_iteration_must_be_given_by_hand() -> None:
    body = {**FLOW, "nodes": [*FLOW["nodes"], {"id": "plus", "type": "add", "parent": "loop"}]}
    wire: Any = {"source": "loop", "source_port": "item", "target": "plus", "target_port": "value"}
    document = parse_plain({**body, "edges": [*FLOW["edges"], wire]})
    for node_id in ("inner", "plus"):
        with pytest.raises(SageError, match="no recorded data"):
            part_of(document, Part(only_node=node_id))
    assert ids(part_of(document, Part(only_node="plus", inputs={"value": 3})).document) == {GIVEN, "plus"}
