"""The library as a whole: what the editor and the validator rely on holds for every node."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sage_studio.flow import parse_type
from sage_studio.plugins.builtin import BUILTIN_NODES
from sage_studio.plugins.local_host import LocalHost
from sage_studio.plugins.registry import NodeRegistry, builtin_registry
from sage_studio.sdk import Node, NodeSpec
from tests.nodes.running import run_flow_here, run_node

_FRONT_END = Path(__file__).parents[2] / "frontend/src"
_ICON_FILES = ("components/icon.tsx", "features/editor/components/node-icon.tsx")
_ICON_LINE = re.compile(r'^  "?([a-z][a-z0-9-]*)"?:', re.MULTILINE)
ICONS = {name for file in _ICON_FILES for name in _ICON_LINE.findall((_FRONT_END / file).read_text())}
SPECS = builtin_registry().specs()
ids = pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.id)


def texts_of(value: Any) -> list[dict[str, str]]:
    if isinstance(value, dict):
        found = [value] if set(value) == {"en", "zh"} else []
        return found + [text for item in value.values() for text in texts_of(item)]
    return [text for item in value for text in texts_of(item)] if isinstance(value, (list, tuple)) else []


def test_an_id_is_registered_once() -> None:
    with pytest.raises(ValueError, match="registered twice"):
        NodeRegistry([BUILTIN_NODES[0], BUILTIN_NODES[0]])
    assert builtin_registry().get("nothing") is None
    assert builtin_registry().spec("llm") is builtin_registry().get("llm").spec  # type: ignore[union-attr]


@ids
def test_every_text_is_there_in_both_languages(spec: NodeSpec) -> None:
    texts = texts_of(spec.model_dump(mode="json", exclude_none=True))
    assert all(text["en"].strip() and text["zh"].strip() for text in texts)
    for field in spec.config:
        assert not field.label["zh"].endswith("。")


@ids
def test_icons_ports_and_bounds_are_known(spec: NodeSpec) -> None:
    assert spec.icon in ICONS
    for port in (*spec.input_ports(), *spec.outputs):
        parse_type(port.type)
    for field in spec.config:
        if field.type in {"integer", "number"}:
            assert field.minimum is not None, field.name
            assert field.maximum is not None, field.name
        if field.control == "select":
            assert field.default in {option.value for option in field.options}


@ids
async def test_every_example_runs(spec: NodeSpec, host: LocalHost) -> None:
    """As printed in the help, except one that calls the public network."""
    assert spec.example is not None
    if "flow" in spec.example:
        result = await run_flow_here({"schema": "sage-studio/flow@1", **spec.example["flow"]}, host)
        assert (result.state, dict(result.outputs)) == ("completed", spec.example["outputs"])
        return
    config, inputs = spec.example["config"], spec.example.get("inputs", {})
    if "needs" in spec.example:
        pytest.skip(f"its example needs a server; tests/streams has a {spec.example['needs']} of its own")
    if spec.id == "http_request":
        pytest.skip("its example calls the public network; test_http_request has a server of its own")
    if spec.trigger:
        body = {
            "schema": "sage-studio/flow@1",
            "nodes": [{"id": f"{spec.id}_1", "type": spec.id, "config": config}],
        }
        made: Any = (await run_flow_here(body, host)).outputs[f"{spec.id}_1"]
    elif several := [port.name for port in spec.inputs if port.multiple]:
        given = [value for _node, value in inputs[several[0]]]
        made = await run_node(spec.id, host, config=config, branches=given, branches_to=several[0])
    else:
        made = await run_node(spec.id, host, config=config, inputs=inputs)
    for port, value in spec.example.get("outputs", {}).items():
        assert made[port] == value


@pytest.mark.parametrize("node", BUILTIN_NODES, ids=lambda node: node.spec.id)
def test_specs_survive_json(node: type[Node]) -> None:
    plain = json.loads(json.dumps(node.spec.model_dump(mode="json", exclude_none=True)))
    assert NodeSpec.model_validate(plain) == node.spec


def test_each_node_has_a_file_of_its_own_name() -> None:
    for node in BUILTIN_NODES:
        module = node.__module__.rsplit(".", 1)[-1]
        assert module == node.spec.id
        assert node.__module__.split(".")[3] == Path(node.spec.category).name
