"""The local MiniLM and SAGE, where ``make test-models`` has installed them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sage_studio.plugins.local_host import LocalHost
from tests.nodes.running import run_node
from tests.servers.models import KEY, ModelServer

INSTALLED = os.environ.get("SAGE_TEST_MODELS", "")
pytestmark = pytest.mark.skipif(not INSTALLED, reason="make test-models installs what these need")
TEXTS = ["Bikes may be returned within thirty days.", "The warranty lasts two years.", "We open at nine."]


@pytest.fixture(autouse=True)
def packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind everything else: what is installed twice is the environment's own."""
    monkeypatch.setattr("sys.path", [*sys.path, f"{INSTALLED}/minilm", f"{INSTALLED}/sage"])


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def asking(tmp_path: Path, model: ModelServer) -> Iterator[LocalHost]:
    environ = {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": model.url}
    with LocalHost(folder=tmp_path, environ=environ) as host:
        yield host


async def indexed(host: LocalHost, **config: Any) -> None:
    chunks = [{"id": f"d{at}", "text": text, "metadata": {}} for at, text in enumerate(TEXTS)]
    made = await run_node("embedder", host, config=config, inputs={"chunks": chunks})
    inputs = {"embedded": made["embedded"], "model": made["model"]}
    await run_node("vector_writer", host, config={"collection": "c"}, inputs=inputs)


async def test_minilm_finds_what_is_meant(asking: LocalHost) -> None:
    await indexed(asking, provider="minilm")
    config = {"collection": "c", "query": "When does the shop start in the morning?", "mode": "vector"}
    found = (await run_node("retriever", asking, config=config))["documents"]
    assert found[0]["id"] == "d2"


# SAGE warns of parts of its own that are not installed.
@pytest.mark.filterwarnings("ignore::ImportWarning", "ignore::DeprecationWarning")
async def test_sage_retrieves_answers_and_plans(asking: LocalHost, model: ModelServer) -> None:
    await indexed(asking)
    config = {"collection": "c", "top_k": 1}
    question = "How long is the warranty?"
    found = await run_node("sage_retriever", asking, config={**config, "query": question})
    assert [entry["id"] for entry in found["documents"]] == ["d1"]
    assert len(found["scores"]) == 1
    model.says("Two years.")
    answered = await run_node("sage_pipeline", asking, config={**config, "query": question})
    assert (answered["answer"], answered["documents"][0]["id"]) == ("Two years.", "d1")
    step = '{"type": "tool", "name": "search", "arguments": {"query": "warranty"}}'
    model.says(f'[{step}, {{"type": "tool", "name": "shell", "arguments": {{}}}}]', "It lasts two years.")
    worked = await run_node("sage_agent", asking, config={**config, "task": question})
    assert worked["answer"] == "It lasts two years."
    assert [entry["tool"] for entry in worked["steps"] if entry["type"] == "action"] == ["search"]
