"""What built-in nodes open ahead of the likely branch, and that a wrong prediction does nothing outside."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sage_studio.engine import MemoryRunStore, RunOptions, RunResult, compile_flow, run_flow
from sage_studio.engine.prediction import BranchHistory, Scorecard
from sage_studio.engine.preparing import BranchLearning
from sage_studio.flow import parse_plain
from sage_studio.plugins.local_host import LocalHost
from sage_studio.plugins.registry import builtin_registry
from sage_studio.sdk import Node
from tests.nodes.test_llm import MESSAGE
from tests.optimise.test_preparing import LOG, TYPES
from tests.servers.http import Answer, ScriptedServer

SAMPLE = {"name": "handbook.pdf", "mime": "", "size_bytes": 0, "ref": "sample:handbook.pdf"}


class Library:
    """The built-in nodes and those of the tests."""

    def get(self, type_id: str, version: str | None = None) -> type[Node] | None:
        return TYPES.get(type_id) or builtin_registry().get(type_id, version)


@pytest.fixture
def asked() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        server.answers["/v1/messages"] = Answer(200, MESSAGE)
        yield server


def branching(type_: str, config: dict[str, Any]) -> dict[str, Any]:
    """Something slow, a branch, and the node behind its likely side."""
    nodes = [
        {"id": "slow", "type": "slow"},
        {"id": "if", "type": "branch", "config": {"yes": "{{ flow.inputs.yes }}"}},
        {"id": "behind", "type": type_, "config": config},
    ]
    edges = [
        {"source": "slow", "source_port": "value", "target": "if", "target_port": "value"},
        {"source": "if", "source_port": "true", "target": "behind", "target_port": "value"},
    ]
    return {"nodes": nodes, "edges": edges}


async def ran(
    body: dict[str, Any], folder: Path, server: ScriptedServer, *, yes: bool
) -> tuple[RunResult, Scorecard]:
    history, card = BranchHistory(), Scorecard()
    for _ in range(20):
        history.observe("if", "true", {})
    LOG.set([])
    environ = {"ANTHROPIC_API_KEY": "key", "ANTHROPIC_BASE_URL": server.url}
    with LocalHost(folder=folder, environ=environ) as host, ThreadPoolExecutor(2) as threads:
        result = await run_flow(
            compile_flow(parse_plain(body), Library()),
            run_id="r",
            flow_id="f",
            inputs={"yes": yes},
            store=MemoryRunStore(),
            host=host,
            threads=threads,
            options=RunOptions(branches=BranchLearning(history, card)),
        )
    return result, card


def written(folder: Path) -> list[Path]:
    return list(folder.iterdir())


# What the prompt says depends on a node before it: only the credential has to be known to prepare.
CASES = [
    ("llm", {"prompt": "{{ slow.value }}", "model": "claude-test"}),
    ("pdf_parser", {"files": [SAMPLE]}),
]


@pytest.mark.parametrize(("type_", "config"), CASES)
async def test_the_likely_node_is_ready_before_it_is_reached(
    tmp_path: Path, asked: ScriptedServer, type_: str, config: dict[str, Any]
) -> None:
    result, card = await ran(branching(type_, config), tmp_path, asked, yes=True)
    assert result.state == "completed", result.error
    assert (card.prepared, card.used, card.failed) == (1, 1, 0)
    assert len(asked.asked) == (type_ == "llm")


@pytest.mark.parametrize(("type_", "config"), CASES)
async def test_a_wrong_prediction_sends_nothing_and_leaves_nothing(
    tmp_path: Path, asked: ScriptedServer, type_: str, config: dict[str, Any]
) -> None:
    result, card = await ran(branching(type_, config), tmp_path, asked, yes=False)
    assert result.node_state("behind") == "skipped"
    assert (card.prepared, card.used) == (1, 0)
    assert asked.asked == []
    assert written(tmp_path) == []
