"""retriever and vector_writer over stores elsewhere: twins by default; ``make test-models`` puts a real
ChromaDB in the place of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from sage_studio.plugins.local_host import LocalHost
from tests.nodes.running import failure_of, run_node
from tests.servers.http import Answer, ScriptedServer
from tests.servers.starting import free_port, running
from tests.servers.vector_stores import Twin

INSTALLED = os.environ.get("SAGE_TEST_MODELS", "")
STORES = ["chroma", "milvus", "elasticsearch"]
TEXTS = [
    "Bikes may be returned within thirty days.",
    "The warranty lasts two years.",
    "We open at nine in the morning.",
    "电池的保修期为两年。",
    "Coffee is free for members.",
]
stores = pytest.mark.parametrize("store", STORES)


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    with Twin() as running:
        yield running


@pytest.fixture(scope="module")
def chroma(twin: Twin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real ChromaDB where it is installed, else of the twin."""
    if not INSTALLED:
        yield twin.url
        return
    folder, port = tmp_path_factory.mktemp("chroma"), free_port()
    start = "from chromadb.cli.cli import app; app()"
    command = [sys.executable, "-c", start, "run", "--host", "127.0.0.1", "--port", str(port)]
    env = {"PYTHONPATH": f"{INSTALLED}/chroma"}
    with running([*command, "--path", str(folder)], port, folder / "log", env):
        yield f"http://127.0.0.1:{port}"


class Shop:
    """A collection in a store, with five passages in it."""

    def __init__(self, host: LocalHost, address: str, store: str) -> None:
        self.host = host
        self.where = {"store": store, "store_address": address, "collection": f"shop_{store}"}

    async def fill(self, **config: Any) -> Any:
        chunks = [
            {"id": f"d{at}", "text": text, "metadata": {"source": f"s{at}", "year": 2018 + at, "deep": [at]}}
            for at, text in enumerate(TEXTS)
        ]
        made = await run_node("embedder", self.host, config={"dimensions": 128}, inputs={"chunks": chunks})
        inputs = {"embedded": made["embedded"], "model": made["model"]}
        return await run_node("vector_writer", self.host, config={**self.where, **config}, inputs=inputs)

    async def find(self, query: str, **config: Any) -> list[Any]:
        config = {**self.where, "query": query, "top_k": 3, **config}
        found: list[Any] = (await run_node("retriever", self.host, config=config))["documents"]
        return found


@pytest.fixture
def shop(host: LocalHost, twin: Twin, chroma: str, store: str) -> Shop:
    return Shop(host, chroma if store == "chroma" else twin.url, store)


@stores
async def test_what_is_written_is_found_by_words_vectors_and_both(shop: Shop) -> None:
    assert (await shop.fill(replace=True))["count"] == 5
    assert (await shop.fill())["count"] == 5
    for mode in ("hybrid", "keyword", "vector"):
        found = await shop.find("How long is the warranty?", mode=mode)
        assert found[0]["id"] == "d1", mode
        assert found[0]["metadata"]["deep"] == [1]
        assert found[0]["metadata"]["score"] > 0


@stores
async def test_filters_mean_the_same_everywhere(shop: Shop, host: LocalHost) -> None:
    await shop.fill(replace=True)
    where = {"year": {"gte": 2019, "lt": 2023}, "source": {"ne": "s1"}}
    found = await shop.find("coffee 保修 open", where=where, top_k=5)
    assert {entry["id"] for entry in found} <= {"d2", "d3", "d4"}
    assert "d4" in {entry["id"] for entry in found}
    found = await shop.find("warranty bikes", where={"source": ["s0", "s1"]}, top_k=5)
    assert {entry["id"] for entry in found} == {"d0", "d1"}


@stores
async def test_another_embedding_is_refused_and_a_missing_collection_is_empty(
    shop: Shop, host: LocalHost
) -> None:
    await shop.fill(replace=True)
    inputs = {"embedded": [{"text": "x", "embedding": [1.0] * 64}], "model": "hashing/64"}
    problem = await failure_of("vector_writer", host, config=shop.where, inputs=inputs)
    assert problem["code"] == "vector_store.model_differs"
    assert await shop.find("x", collection="nothing_here") == []


@stores
async def test_a_name_that_would_leave_the_collection_is_refused(shop: Shop) -> None:
    with pytest.raises(AssertionError, match="bad_name"):
        await shop.find("x", collection="../../_cluster/settings")


@stores
async def test_a_store_that_is_away_is_named(shop: Shop, host: LocalHost) -> None:
    config = {**shop.where, "store_address": "http://127.0.0.1:9", "query": "x"}
    problem = await failure_of("retriever", host, config=config)
    assert (problem["code"], problem["retryable"]) == ("http.unreachable", True)


async def test_a_store_that_refuses_is_quoted(host: LocalHost, server: ScriptedServer) -> None:
    server.answers["/shop/_mapping"] = Answer(429, {"error": "circuit_breaking"}, {"Retry-After": "7"})
    config = {"store": "elasticsearch", "store_address": server.url, "collection": "shop", "query": "x"}
    problem = await failure_of("retriever", host, config=config)
    assert (problem["code"], problem["retryable"]) == ("vector_store.refused", True)
    assert problem["details"]["retry_after_s"] == 7
    assert "circuit_breaking" in problem["message"]
