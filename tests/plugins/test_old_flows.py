"""Flows that were made with earlier releases go on working: checked, compiled and run as they were saved.

``old_flows`` only grows. A file is written once, by the release it is named after, from the examples of the
nodes it had, with the versions they had and what they gave; it is never corrected.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import pytest

from sage_studio.engine import MemoryRunStore, compile_flow, run_flow
from sage_studio.flow import parse, validate
from sage_studio.kernel import Json
from sage_studio.plugins.registry import NodeRegistry, builtin_registry
from sage_studio.sdk import Context, Field, Node, NodeOutput, NodeSpec, Port, text
from sage_studio.testing import BenchHost

FOLDER = Path(__file__).parent / "old_flows"
SAVED = [saved for file in sorted(FOLDER.glob("*.json")) for saved in json.loads(file.read_text("utf-8"))]
WORD = text("Word", "词")


@pytest.mark.parametrize("saved", SAVED, ids=lambda saved: saved["flow"]["name"])
async def test_an_old_flow_gives_what_it_gave(saved: dict[str, Any], tmp_path: Path) -> None:
    """Ports that were added since are no change."""
    document = parse(json.dumps(saved["flow"]))
    assert [issue for issue in validate(document, builtin_registry()) if issue.severity == "error"] == []

    plan = compile_flow(document, builtin_registry())
    with BenchHost(tmp_path) as host, ThreadPoolExecutor(2) as threads:
        result = await run_flow(
            plan, run_id="run", inputs={}, store=MemoryRunStore(), host=host, threads=threads
        )
    assert result.error is None
    assert _same_ports(dict(result.outputs), saved["outputs"]) == saved["outputs"]


def _same_ports(given: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What is given, of the nodes and ports that were there then."""
    made: dict[str, Any] = {}
    for name, value in wanted.items():
        held = given.get(name)
        is_node = isinstance(held, Mapping) and isinstance(value, Mapping)
        made[name] = {port: held[port] for port in value if port in held} if is_node else held  # type: ignore[index, operator]
    return made


class Third(Node):
    """Its field was called ``word``, then ``words`` (a list), and now ``texts``."""

    spec: ClassVar = NodeSpec(
        id="echo",
        version="3.0.0",
        name=WORD,
        description=WORD,
        category="utility",
        icon="hash",
        trigger=True,
        outputs=(Port(name="texts", type="array<string>", label=WORD),),
        config=(Field(name="texts", type="array", label=WORD, required=True),),
    )
    upgrades: ClassVar = {
        "3.0.0": lambda config: {"texts": config["words"]},
        "2.0.0": lambda config: {"words": [config["word"]]},
    }

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        return {"texts": ctx.config["texts"]}


@pytest.mark.parametrize(
    ("version", "config"),
    [
        ("1.0.0", {"word": "a"}),
        ("2.0.0", {"words": ["a"]}),
        ("2.5.0", {"words": ["a"]}),
        ("3.0.0", {"texts": ["a"]}),
    ],
)
def test_settings_go_through_every_step_since_they_were_saved(version: str, config: dict[str, Json]) -> None:
    node = {"id": "a", "type": "echo", "version": version, "config": config}
    document = parse(json.dumps({"schema": "sage-studio/flow@1", "nodes": [node]}))
    registry = NodeRegistry([Third])

    assert validate(document, registry) == []
    assert compile_flow(document, registry).nodes[0].binding.constants == {"texts": ["a"]}
