"""What the validator finds in a flow, against a small library of node types of its own."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sage_studio.flow import Issue, Patch, apply, has_errors, parse, validate
from sage_studio.flow.spec import Choice, Field, NodeSpec, Port, text
from tests.counting import calls_made

WORD = text("x", "某")


def port(name: str, kind: str = "any", **more: Any) -> Port:
    return Port(name=name, type=kind, label=WORD, **more)


def spec(type_id: str, **more: Any) -> NodeSpec:
    more.setdefault("category", "processing")
    return NodeSpec(id=type_id, name=WORD, description=WORD, icon="box", **more)


TRIGGER = spec("start", category="trigger", trigger=True, outputs=(port("text", "string"), port("any")))
SPLITTER = spec(
    "splitter",
    version="2.1.0",
    inputs=(port("document", "Document", required=True),),
    outputs=(port("chunks", "array<Chunk>"), port("count", "integer")),
    config=(
        Field(
            name="size",
            type="integer",
            label=WORD,
            default=800,
            minimum=10,
            maximum=4000,
            unit=text("characters", "字符"),
        ),
        Field(
            name="by",
            label=WORD,
            default="chars",
            options=tuple(Choice(value=v, label=WORD) for v in ("chars", "sentences")),
        ),
        Field(name="label", label=WORD, max_length=10),
        Field(name="on", type="boolean", label=WORD, default=False),
        Field(name="ratio", type="number", label=WORD, show_when={"by": ("sentences",)}, required=True),
        Field(name="raw", label=WORD, expression="never"),
    ),
)
READER = spec("reader", category="source", outputs=(port("document", "Document"),))
LLM = spec(
    "llm",
    inputs=(port("context", "array<Document>"),),
    outputs=(port("text", "string"),),
    config=(
        Field(name="prompt", label=WORD, required=True, wireable=True, shared_text=True),
        Field(name="each", type="object", label=WORD, expression="item"),
    ),
)
MERGE = spec("merge", inputs=(port("items", multiple=True),), outputs=(port("value"),))


class Library:
    """The types above."""

    def __init__(self) -> None:
        self._specs = {item.id: item for item in (TRIGGER, SPLITTER, READER, LLM, MERGE)}

    def spec(self, type_id: str, version: str | None = None, /) -> NodeSpec | None:
        return self._specs.get(type_id)

    def specs(self) -> list[NodeSpec]:
        return list(self._specs.values())


LIBRARY = Library()


def edge(source: str, target: str) -> dict[str, Any]:
    (a, b), (c, d) = source.split("."), target.split(".")
    return {"source": a, "source_port": b, "target": c, "target_port": d}


def good() -> dict[str, Any]:
    return {
        "schema": "sage-studio/flow@1",
        "variables": {"limit": 3},
        "inputs": [{"name": "question", "type": "string"}],
        "nodes": [
            {"id": "start_1", "type": "start"},
            {"id": "reader_1", "type": "reader"},
            {"id": "splitter_1", "type": "splitter", "version": "2.0.0", "config": {"size": 500}},
            {
                "id": "llm_1",
                "type": "llm",
                "config": {
                    "prompt": "{{ splitter_1.chunks[0].text }} {{ vars.limit }} {{ flow.inputs.question }}",
                    "each": {"a": "{{ item.x }}{{ index }}"},
                },
            },
        ],
        "edges": [
            edge("reader_1.document", "splitter_1.document"),
            edge("splitter_1.chunks", "llm_1.context"),
        ],
        "outputs": [{"name": "answer", "value": "{{ llm_1.text }}"}],
    }


def issues_of(flow: dict[str, Any]) -> list[Issue]:
    return validate(parse(flow), LIBRARY)


def changed(node: int, **more: Any) -> dict[str, Any]:
    flow = good()
    config = flow["nodes"][node].get("config", {}) | more.pop("config", {})
    flow["nodes"][node] |= more | {"config": config}
    return flow


def with_edges(*edges: dict[str, Any]) -> dict[str, Any]:
    flow = good()
    flow["edges"] += edges
    return flow


def with_nodes(*nodes: dict[str, Any]) -> dict[str, Any]:
    flow = good()
    flow["nodes"] += nodes
    return flow


def test_a_good_flow_has_no_issue() -> None:
    assert issues_of(good()) == []


PROMPT = "nodes[3].config.prompt"


@pytest.mark.parametrize(
    ("flow", "code", "severity", "path"),
    [
        # Types and versions.
        (changed(1, type="raeder"), "node.unknown_type", "error", "nodes[1].type"),
        (changed(2, version="3.0.0"), "node.unknown_version", "error", "nodes[2].version"),
        (changed(2, version="2.2.0"), "node.unknown_version", "error", "nodes[2].version"),
        (changed(2, version="latest"), "node.unknown_version", "error", "nodes[2].version"),
        (changed(2, strange=1), "node.unknown_key", "warning", "nodes[2].strange"),
        # Configuration.
        (changed(3, config={"prompt": ""}), "node.field_missing", "error", PROMPT),
        (changed(2, config={"size": "500"}), "node.field_type", "error", "nodes[2].config.size"),
        (changed(2, config={"size": 1.5}), "node.field_type", "error", "nodes[2].config.size"),
        (changed(2, config={"size": True}), "node.field_type", "error", "nodes[2].config.size"),
        (changed(2, config={"size": 5}), "node.field_bounds", "error", "nodes[2].config.size"),
        (changed(2, config={"size": 5000}), "node.field_bounds", "error", "nodes[2].config.size"),
        (changed(2, config={"by": "sentence"}), "node.field_option", "error", "nodes[2].config.by"),
        (changed(2, config={"label": "x" * 11}), "node.field_too_long", "error", "nodes[2].config.label"),
        (changed(2, config={"by": "sentences"}), "node.field_missing", "error", "nodes[2].config.ratio"),
        (changed(2, config={"sise": 5}), "node.unknown_field", "warning", "nodes[2].config.sise"),
        # Connections.
        (with_edges(edge("reader_1.document", "ghost.items")), "edge.to_nothing", "error", "edges[2].target"),
        (with_edges(edge("ghost.x", "llm_1.prompt")), "edge.to_nothing", "error", "edges[2].source"),
        (
            with_edges(edge("splitter_1.chunk", "llm_1.prompt")),
            "edge.unknown_port",
            "error",
            "edges[2].source_port",
        ),
        (
            with_edges(edge("splitter_1.count", "llm_1.promt")),
            "edge.unknown_port",
            "error",
            "edges[2].target_port",
        ),
        (with_edges(edge("splitter_1.count", "llm_1.prompt")), "edge.wrong_type", "error", "edges[2]"),
        (with_edges(edge("start_1.any", "llm_1.context")), "edge.second_on_port", "error", "nodes[3]"),
        (with_edges(edge("reader_1.document", "splitter_1.document")), "edge.duplicate", "error", "edges[2]"),
        # Expressions.
        (changed(3, config={"prompt": "{{ 1 + }}"}), "expression.syntax", "error", PROMPT),
        (changed(3, config={"prompt": "{{ splitter_2.chunks }}"}), "reference.unknown", "error", PROMPT),
        (changed(3, config={"prompt": "{{ start_1.text }}"}), "reference.not_before", "error", PROMPT),
        (changed(3, config={"prompt": "{{ llm_1.text }}"}), "reference.not_before", "error", PROMPT),
        (changed(3, config={"prompt": "{{ splitter_1.chunk }}"}), "reference.no_output", "error", PROMPT),
        (changed(3, config={"prompt": "{{ item.x }}"}), "reference.only_per_item", "error", PROMPT),
        (changed(3, config={"prompt": "{{ inputs.contxt }}"}), "reference.no_input", "warning", PROMPT),
        (changed(3, config={"prompt": "{{ vars.limits }}"}), "reference.no_variable", "warning", PROMPT),
        (changed(3, config={"prompt": "{{ flow.inputs.q }}"}), "reference.no_variable", "warning", PROMPT),
        (
            changed(3, config={"each": {"a": ["{{ nope }}"]}}),
            "reference.unknown",
            "error",
            "nodes[3].config.each.a[0]",
        ),
        (
            good() | {"outputs": [{"value": "{{ llm_2.text }}"}]},
            "reference.unknown",
            "error",
            "outputs[0].value",
        ),
        # Containers and the flow itself.
        (changed(1, parent="ghost"), "node.no_parent", "error", "nodes[1].parent"),
        (changed(1, parent="reader_1"), "node.parent_ring", "error", "nodes[1].parent"),
        (with_nodes({"id": "llm_1", "type": "merge"}), "node.duplicate_id", "error", "nodes[4].id"),
        (with_nodes({"id": "m", "type": "merge"}), "node.unconnected", "warning", "nodes[4]"),
        (
            good() | {"inputs": [{"name": "question"}, {"name": "question"}]},
            "flow.duplicate_input",
            "error",
            "inputs[1].name",
        ),
        (
            good() | {"inputs": [{"name": "question", "type": "arry"}]},
            "flow.port_type",
            "error",
            "inputs[0].type",
        ),
        ({"nodes": []}, "flow.no_nodes", "warning", "nodes"),
        ({"nodes": [{"id": "r", "type": "reader"}]}, "flow.no_trigger", "warning", "nodes"),
    ],
)
def test_an_issue_names_its_place_and_what_to_do(
    flow: dict[str, Any], code: str, severity: str, path: str
) -> None:
    found = issues_of(flow)

    assert (code, severity, path) in [(item.code, item.severity, item.path) for item in found]
    for item in found:
        for words in (item.message, item.hint):
            assert words["en"]
            assert words["zh"]
            assert "{" not in re.sub(r"{{.*?}}", "", words["en"])
    assert has_errors(found) is any(item.severity == "error" for item in found)


def test_nodes_are_called_by_the_names_people_gave_them() -> None:
    flow = with_edges(edge("reader_1.nothing", "llm_1.context"), edge("llm_1.text", "llm_1.nowhere"))
    names = {"start_1": "Begin", "reader_1": "Read the letter", "splitter_1": "Cut it up", "llm_1": "Answer"}
    flow["nodes"] = [{**node, "name": names[node["id"]]} for node in flow["nodes"]]
    flow["nodes"][2]["config"] = {"sise": 500}
    del flow["edges"][0]

    said = [item.message[language] for item in issues_of(flow) for language in ("en", "zh")]

    assert "“Read the letter” has no output “nothing”." in said
    assert any("“Answer”" in words and "“nowhere”" in words for words in said)
    assert any("“Cut it up”" in words for words in said)
    assert not any(f"“{node_id}”" in words for node_id in names for words in said)


def test_a_missing_input_is_an_error_unless_the_node_is_disabled() -> None:
    flow = good()
    del flow["edges"][0]

    assert "node.input_missing" in [item.code for item in issues_of(flow)]
    flow["nodes"][2]["disabled"] = True
    assert "node.input_missing" not in [item.code for item in issues_of(flow)]


def test_an_edge_to_a_field_counts_as_filling_it_in() -> None:
    flow = changed(3, config={"prompt": ""})
    flow["edges"].append(edge("start_1.text", "llm_1.prompt"))

    assert issues_of(flow) == []


def test_braces_in_a_field_without_expressions_are_plain_text() -> None:
    assert issues_of(changed(2, config={"raw": "{{ not read"})) == []


def test_a_computed_value_is_not_checked_before_the_run() -> None:
    assert issues_of(changed(2, config={"size": "{{ vars.limit * 100 }}", "by": "{{ vars.limit }}"})) == []


def test_a_cycle_is_named_node_by_node() -> None:
    flow = with_nodes(*({"id": name, "type": "merge"} for name in "abc"))
    flow["edges"] += [edge("a.value", "b.items"), edge("b.value", "c.items"), edge("c.value", "a.items")]

    (found,) = [item for item in issues_of(flow) if item.code == "edge.in_cycle"]

    assert found.message["en"] == "These nodes wait for each other: a → b → c → a."
    assert found.edge_id


def test_many_edges_may_meet_on_an_input_that_takes_many() -> None:
    flow = with_nodes({"id": "m", "type": "merge"})
    flow["edges"] += [edge("reader_1.document", "m.items"), edge("llm_1.text", "m.items")]

    assert issues_of(flow) == []


def test_the_error_port_exists_where_errors_are_routed() -> None:
    flow = with_nodes({"id": "m", "type": "merge"})
    flow["edges"].append(edge("splitter_1.error", "m.items"))

    assert [item.code for item in issues_of(flow)] == ["edge.unknown_port"]
    flow["nodes"][2]["on_error"] = "route"
    assert issues_of(flow) == []


@pytest.mark.parametrize(
    ("flow", "code"),
    [
        (changed(2, config={"size": "500"}), "node.field_type"),
        (changed(2, config={"size": 5}), "node.field_bounds"),
        (changed(2, config={"by": "sentense", "ratio": 1}), "node.field_option"),
        (changed(2, config={"on": "true"}), "node.field_type"),
        (changed(2, config={"sise": 5}), "node.unknown_field"),
        (changed(2, version="9.0.0"), "node.unknown_version"),
        (changed(2, parent="ghost"), "node.no_parent"),
        (with_edges(edge("reader_1.document", "ghost.items")), "edge.to_nothing"),
        (with_edges(edge("start_1.any", "llm_1.context")), "edge.second_on_port"),
        (with_edges(edge("splitter_1.chunk", "llm_1.prompt")), "edge.unknown_port"),
    ],
)
def test_a_fix_mends_its_issue_and_makes_no_new_one(flow: dict[str, Any], code: str) -> None:
    document = parse(flow)
    before = validate(document, LIBRARY)
    (found,) = [item for item in before if item.code == code]

    outcome = apply(document, Patch(operations=list(found.fix)))

    after = validate(outcome.document, LIBRARY)
    assert found.fix
    assert not outcome.conflicts
    assert code not in [item.code for item in after]
    assert len(after) < len(before)


def test_unknown_types_do_not_hide_faults_elsewhere() -> None:
    flow = changed(2, config={"size": 5})
    flow["nodes"].append({"id": "alien", "type": "martian", "config": {"x": "{{ reader_9 }}"}})
    flow["edges"].append(edge("splitter_1.count", "alien.anything"))

    codes = [item.code for item in issues_of(flow)]

    assert sorted(codes) == ["node.field_bounds", "node.unknown_type", "reference.unknown"]


def test_a_flow_with_thousands_of_faults_lists_no_more_than_a_thousand() -> None:
    nodes = [{"id": f"n{i}", "type": "martian"} for i in range(3000)]

    assert len(issues_of({"nodes": nodes})) == 1000


def test_a_long_chain_with_references_far_back_is_checked_with_near_linear_work() -> None:
    def work(count: int) -> int:
        nodes: list[Any] = [
            {"id": f"n{i}", "type": "llm", "config": {"prompt": f"{{{{ n{i // 2}.text }}}}"}}
            for i in range(1, count)
        ]
        edges: list[Any] = [edge(f"n{i}.text", f"n{i + 1}.prompt") for i in range(1, count - 1)]
        document = parse(
            {
                "nodes": [{"id": "n0", "type": "start"}, *nodes],
                "edges": [edge("n0.text", "n1.prompt"), *edges],
            }
        )
        return calls_made(lambda: validate(document, LIBRARY))

    # Eight times the nodes; quadratic work would be sixty-four times as much.
    assert work(4000) < 12 * work(500)
