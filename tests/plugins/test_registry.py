"""Node types in several versions side by side, and which of them runs an old flow's node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from sage_studio.engine import compile_flow
from sage_studio.flow import parse_plain, validate
from sage_studio.flow.spec_versions import serving
from sage_studio.kernel import Json
from sage_studio.plugins.registry import NodeRegistry, builtin_registry
from sage_studio.sdk import Context, Field, Node, NodeOutput, NodeSpec, Port, text

WORD = text("Word", "词")


def echo(version: str, port: str = "word") -> type[Node]:
    """A node of that version; ``port`` is its output's name."""

    class Echo(Node):
        spec: ClassVar = NodeSpec(
            id="echo",
            version=version,
            name=WORD,
            description=WORD,
            category="utility",
            icon="hash",
            inputs=(Port(name="value", label=WORD, use="expressions"),),
            outputs=(Port(name=port, label=WORD),),
            config=(Field(name=port, label=WORD),),
            aliases=("repeat",),
        )

        async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
            return {port: ctx.config.get(port)}

        @classmethod
        def upgrade(cls, config: dict[str, Json], from_version: str) -> dict[str, Json]:
            return {port: config.get("word"), "from": from_version}

    return Echo


@pytest.mark.parametrize(
    ("wanted", "installed", "chosen"),
    [
        (None, ["1.0.0", "2.0.0", "1.10.0"], "2.0.0"),
        ("1.0.0", ["1.0.0", "1.1.0", "2.0.0"], "1.0.0"),
        ("1.0.0", ["1.2.0", "1.10.0", "2.0.0"], "1.10.0"),
        ("1.0.0", ["2.0.0", "3.0.0"], "3.0.0"),
        ("9.0.0", ["1.0.0", "2.0.0"], "2.0.0"),
        ("new", ["1.0.0"], "1.0.0"),
        ("1.0.0", [], None),
    ],
)
def test_which_version_serves(wanted: str | None, installed: list[str], chosen: str | None) -> None:
    assert serving(wanted, installed) == chosen


def test_versions_stand_side_by_side() -> None:
    old, new = echo("1.0.0"), echo("2.0.0", "text")
    registry = NodeRegistry([new, old])

    assert registry.get("echo") is new
    assert registry.get("repeat", "1.0.0") is old
    assert registry.spec("echo", "1.0.0") is old.spec
    assert registry.versions("echo") == ["2.0.0", "1.0.0"]
    assert registry.specs() == [new.spec]
    with pytest.raises(ValueError, match="twice in version"):
        registry.add(echo("1.0.0"))


def test_a_plugin_takes_no_name_of_the_product() -> None:
    class Thief(echo("1.0.0")):  # type: ignore[misc]
        spec: ClassVar = echo("1.0.0").spec.model_copy(update={"id": "thief", "aliases": ("llm",)})

    registry = NodeRegistry(below=builtin_registry())
    with pytest.raises(ValueError, match="'llm' is registered twice"):
        registry.add(Thief)
    assert registry.get("llm") is builtin_registry().get("llm")
    assert registry.specs() == builtin_registry().specs()


def flow(version: str | None, port: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Two nodes, the second with an expression that reads the first one's output ``port``."""
    nodes = [
        {"id": "a", "type": "echo", "version": version, "config": settings},
        {"id": "b", "type": "echo", "version": "1.0.0", "config": {"word": f"{{{{ a.{port} }}}}"}},
    ]
    edge = {"source": "a", "source_port": port, "target": "b", "target_port": "value"}
    return {"schema": "sage-studio/flow@1", "nodes": nodes, "edges": [edge]}


def test_a_flow_is_checked_and_compiled_with_the_versions_it_names() -> None:
    registry = NodeRegistry([echo("1.0.0"), echo("2.0.0", "text")])
    old = parse_plain(flow("1.0.0", "word", {"word": "x"}))
    newest = parse_plain(flow(None, "text", {"text": "x"}))
    mixed_up = parse_plain(flow("1.0.0", "text", {"word": "x"}))

    assert [issue.path for issue in validate(old, registry) if issue.severity == "error"] == []
    assert [issue.path for issue in validate(newest, registry) if issue.severity == "error"] == []
    assert any("config.word" in issue.path for issue in validate(mixed_up, registry))
    assert [node.spec.version for node in compile_flow(old, registry).nodes if node.spec] == ["1.0.0"] * 2


def test_settings_are_upgraded_when_only_a_newer_version_is_there() -> None:
    registry = NodeRegistry([echo("2.0.0", "text")])
    plan = compile_flow(parse_plain(flow("1.0.0", "text", {"word": "x"})), registry)
    assert plan.nodes[0].binding.constants == {"text": "x", "from": "1.0.0"}
