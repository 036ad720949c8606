"""What PLUGINS.md shows works as it is printed."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

from sage_studio.kernel import SageError
from sage_studio.plugins.declared import read_service, service_node
from sage_studio.plugins.manager import load_folder
from sage_studio.sdk import Node, as_node
from sage_studio.sdk.definition import spec_from_definition
from sage_studio.testing import examine, run_node

TEXT = (Path(__file__).parents[2] / "apps/engine/PLUGINS.md").read_text("utf-8")
ROADMAP = Path(__file__).parent / "examples/roadmap/node.json"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def defined(block: str, folder: Path) -> dict[str, Any]:
    file = folder / "printed.py"
    file.write_text(block, "utf-8")
    return runpy.run_path(str(file))


async def test_the_node_in_python(tmp_path: Path) -> None:
    node: type[Node] = defined(blocks("python")[0], tmp_path)["RepeatWords"]
    assert [finding for finding in await examine(node) if finding.severity != "skipped"] == []


async def test_the_other_face(tmp_path: Path) -> None:
    shout = next(block for block in blocks("python") if "class Shout" in block)
    node = as_node(defined(shout, tmp_path)["Shout"])
    assert (await run_node(node, text="hi", config={"times": 2})).outputs == {"text": "HIHI"}


def test_the_definition() -> None:
    (block,) = blocks("json")
    spec = spec_from_definition(json.loads(block))
    assert [field.name for field in spec.config] == ["text", "longest", "mode"]


async def test_the_service() -> None:
    (block,) = blocks("yaml")
    node = service_node(read_service(block))
    assert [option.value for option in node.spec.config[0].options] == [
        "list_notes",
        "create_note",
        "delete_note",
    ]
    assert [finding for finding in await examine(node) if finding.severity == "error"] == []


def test_the_roadmaps_module_path_loads(tmp_path: Path) -> None:
    """With the module and class it names, which come with the product."""
    definition = json.loads(ROADMAP.read_text("utf-8"))
    definition["executor"] |= {"module": "sage_studio.plugins.sage_retriever"}
    (tmp_path / "node.json").write_text(json.dumps(definition), "utf-8")
    (node,) = load_folder(tmp_path).nodes
    assert node.spec == spec_from_definition(definition)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("id: acme_notes", "id: 5 5"), "id"),
        (("path: /notes/{note}", "path: /notes/{nothing}"), "no parameter “nothing”"),
        (('fine: "{{ body?.ok !== false }}"', 'fine: "{{ body. }}"'), "body."),
        (("parameters: [text!]", "parameters: [word!]"), "no parameter “word”"),
        (("path: /notes/{note}", 'path: "@evil.example/{note}"'), "must begin with /"),
        (("service: sage-studio/service@1", "service: other"), "must begin with"),
        (("headers: {Accept: application/json}", "headers: &a [*a]"), ""),
    ],
)
def test_a_wrong_service_file_names_the_place(change: tuple[str, str], words: str) -> None:
    (block,) = blocks("yaml")
    assert change[0] in block
    with pytest.raises(SageError, match="service file is wrong") as caught:
        read_service(block.replace(*change))
    assert words in str(caught.value)


def test_a_service_file_of_aliases_of_aliases_is_refused() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 9)
    )
    with pytest.raises(SageError, match="more than 50000 values"):
        read_service("service: sage-studio/service@1\n" + bomb)
