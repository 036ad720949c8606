"""The roadmap's ways of writing a node: its example class and its JSON definition, as they stand."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema_rs
import pytest

from sage_studio.engine.executors.call import origin_of
from sage_studio.kernel import SageError
from sage_studio.plugins.manager import Plugin, load_folder
from sage_studio.plugins.registry import builtin_registry
from sage_studio.sdk import NodeMetadata, NodePlugin, NodeSpec, as_node
from sage_studio.sdk.definition import definition_of, spec_from_definition
from sage_studio.testing import run_node

EXAMPLES = Path(__file__).parent / "examples"


async def _search(query: str, top_k: int) -> list[dict[str, Any]]:
    return [{"text": f"{query} {number}", "metadata": {}} for number in range(top_k)]


sage_retriever = SimpleNamespace(search=_search)


# The roadmap's example, as it stands.
class SAGERetrieverNode(NodePlugin):
    metadata = NodeMetadata(
        id="sage_retriever",
        name="SAGE Retriever",
        category="RAG",
        inputs={"query": "string", "top_k": "int"},
        outputs={"results": "list[Document]"},
    )

    async def execute(self, inputs):  # type: ignore[no-untyped-def]
        query = inputs["query"]
        top_k = inputs.get("top_k", 5)
        # 调用 SAGE Retriever
        results = await sage_retriever.search(query, top_k)
        return {"results": results}


async def test_the_roadmaps_class_runs() -> None:
    node = as_node(SAGERetrieverNode)
    assert (node.spec.category, node.spec.name) == ("ai", {"en": "SAGE Retriever", "zh": "SAGE Retriever"})
    assert [port.type for port in (*node.spec.input_ports(), *node.spec.outputs)] == [
        "string",
        "integer",
        "list[Document]",
    ]

    five = await run_node(node, query="warranty")
    two = await run_node(node, config={"query": "{{ run.id }}", "top_k": 2})

    assert len(five.outputs["results"]) == 5
    assert [found["text"] for found in two.outputs["results"]] == ["run 0", "run 1"]


async def test_inputs_nobody_filled_or_of_another_type_are_named() -> None:
    node = as_node(SAGERetrieverNode)
    nothing = await run_node(node)
    wrong = await run_node(node, config={"query": "x", "top_k": "many"})

    assert nothing.error is not None
    assert nothing.error["code"] == "node.inputs_refused"
    assert "query is missing" in nothing.error["message"]
    assert wrong.error is not None
    assert wrong.error["code"] == "node.bad_setting"


async def test_an_authors_own_validation_is_asked() -> None:
    class Picky(SAGERetrieverNode):
        def validate_inputs(self, inputs: dict[str, Any]) -> bool:
            return super().validate_inputs(inputs) and inputs["query"] != "no"

    assert (await run_node(as_node(Picky), query="yes")).state == "completed"
    refused = (await run_node(as_node(Picky), query="no")).error
    assert refused is not None
    assert refused["code"] == "node.inputs_refused"


async def test_metadata_may_be_a_property() -> None:
    class Named(NodePlugin):
        @property
        def metadata(self) -> NodeMetadata:  # type: ignore[override]
            return NodeMetadata(id="named", outputs=[{"name": "word", "type": "str"}])

        async def execute(self, inputs: dict[str, Any]) -> dict[str, Any]:
            return {"word": self.metadata.id}

    assert (await run_node(as_node(Named))).outputs == {"word": "named"}


def test_the_schema_is_json_schema() -> None:
    schema = SAGERetrieverNode().get_schema()
    inputs = jsonschema_rs.validator_for(schema["inputs"])
    outputs = jsonschema_rs.validator_for(schema["outputs"])

    assert inputs.is_valid({"query": "x", "top_k": 3})
    assert not inputs.is_valid({"query": 5})
    assert outputs.is_valid({"results": [{"text": "x"}]})
    assert not outputs.is_valid({"results": "x"})


def test_another_process_finds_the_class() -> None:
    assert origin_of(as_node(SAGERetrieverNode)) == "tests.plugins.test_faces:SAGERetrieverNode"


async def test_the_roadmaps_definition_loads_with_its_module() -> None:
    loaded = load_folder(EXAMPLES / "roadmap")
    (node,) = loaded.nodes
    query, top_k, database, model = node.spec.config

    assert (node.spec.icon, node.spec.color, node.spec.author) == ("🔍", "#1890ff", "SAGE Team")
    assert (query.required, query.wireable, top_k.minimum, top_k.maximum, top_k.default) == (
        True,
        True,
        1,
        100,
        5,
    )
    assert [option.value for option in database.options] == ["milvus", "chroma", "elasticsearch"]
    assert (database.control, database.wireable, model.default) == ("select", False, "BAAI/bge-base-zh-v1.5")
    assert [port.type for port in node.spec.outputs] == ["array<Document>", "array<float>"]
    assert loaded.plugin.nodes[0].origin == "word_retriever:SAGERetrieverNode"
    assert Plugin.from_json(json.loads(json.dumps(loaded.plugin.to_json()))) == loaded.plugin

    found = await run_node(node, config={"database": "chroma", "top_k": 1}, query="sage documents")
    assert found.outputs == {
        "documents": [{"text": "SAGE retrieves documents", "metadata": {"database": "chroma"}}],
        "scores": [1.0],
    }


def test_the_roadmaps_definition_comes_back_as_it_was() -> None:
    definition = json.loads((EXAMPLES / "roadmap/node.json").read_text("utf-8"))
    spec = spec_from_definition(definition)
    again = definition_of(spec, origin="word_retriever:SAGERetrieverNode")

    assert spec_from_definition(again) == spec
    assert (again["executor"], again["icon"], again["color"]) == (
        definition["executor"],
        definition["icon"],
        definition["color"],
    )
    assert again["config"]["database"]["type"] == "select"
    assert [(entry["name"], entry["type"]) for entry in again["inputs"]] == [
        ("query", "string"),
        ("top_k", "integer"),
    ]


@pytest.mark.parametrize("spec", builtin_registry().specs(), ids=lambda spec: spec.id)
def test_specs_survive_the_json_definition(spec: NodeSpec) -> None:
    assert spec_from_definition(json.loads(json.dumps(definition_of(spec)))) == spec


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"id": "No Id"}, "id"),
        ({"inputs": 5}, "inputs"),
        ({"inputs": [{"type": "string"}]}, "inputs[0]"),
        ({"outputs": {"x": "array<"}}, "type"),
        ({"config": {"x": {"type": "banana"}}}, "config.x.type"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_definition_names_the_place(change: dict[str, Any], place: str) -> None:
    with pytest.raises(SageError) as caught:
        spec_from_definition({"id": "thing", "name": "X", **change})
    assert caught.value.code.code == "node.bad_definition"
    assert caught.value.facts["place"] == place
