"""The library as a whole: what the editor and the validator rely on holds for every node."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sage_studio.plugins.builtin import BUILTIN_NODES
from sage_studio.plugins.builtin.service import read as read_service_file
from sage_studio.plugins.registry import NodeRegistry, builtin_registry
from sage_studio.sdk import Node, NodeSpec
from sage_studio.testing import examine

_FRONT_END = Path(__file__).parents[2] / "frontend/src"
_ICON_FILES = ("components/icon.tsx", "features/editor/components/node-icon.tsx")
_ICON_LINE = re.compile(r'^  "?([a-z][a-z0-9-]*)"?:', re.MULTILINE)
ICONS = {name for file in _ICON_FILES for name in _ICON_LINE.findall((_FRONT_END / file).read_text())}
SPECS = builtin_registry().specs()
ids = pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.id)


def test_an_id_is_registered_once() -> None:
    with pytest.raises(ValueError, match="registered twice"):
        NodeRegistry([BUILTIN_NODES[0], BUILTIN_NODES[0]])
    assert builtin_registry().get("nothing") is None
    assert builtin_registry().spec("llm") is builtin_registry().get("llm").spec  # type: ignore[union-attr]


@ids
def test_labels_are_no_sentences(spec: NodeSpec) -> None:
    for field in spec.config:
        assert not field.label["zh"].endswith("。")


@ids
def test_icons_and_bounds_are_known(spec: NodeSpec) -> None:
    assert spec.icon in ICONS
    for field in spec.config:
        if field.type in {"integer", "number"}:
            assert field.minimum is not None, field.name
            assert field.maximum is not None, field.name


@pytest.mark.parametrize("node", BUILTIN_NODES, ids=lambda node: node.spec.id)
async def test_the_nodes_do_what_every_node_must_do(node: type[Node]) -> None:
    """Described well, fit their schema, run as printed in the help, take wrong inputs, keep secrets, stop."""
    found = await examine(node)
    assert [str(finding) for finding in found if finding.severity == "error"] == []


def test_each_node_has_a_file_of_its_own_name() -> None:
    for node in BUILTIN_NODES:
        if node.spec.category == "service":
            assert read_service_file(node.spec.id).id == node.spec.id
            continue
        module = node.__module__.rsplit(".", 1)[-1]
        assert module == node.spec.id
        assert node.__module__.split(".")[3] == Path(node.spec.category).name
