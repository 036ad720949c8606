"""``ctx.http`` is the same wherever a node runs: on the loop, in a thread, in another process."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sage_studio.engine import MemoryRunStore, compile_flow, run_flow
from sage_studio.engine.executors import NodeCall, ProcessPool
from sage_studio.flow import parse_plain
from sage_studio.plugins.local_host import LocalHost
from sage_studio.plugins.registry import NodeRegistry
from sage_studio.sdk import Node
from tests.egress.nodes import Fetch, FetchInThread
from tests.executors.support import Voice
from tests.servers.http import Answer, ScriptedServer

ENVIRON = {
    "SAGE_ALLOW_PRIVATE_NETWORK": "127.0.0.0/8,::1/128",
    "SAGE_CREDENTIAL_KEY": "s3cret-value",
    "SAGE_CREDENTIAL_KEY_HOSTS": "127.0.0.1",
}
EXPECTED = ["whole", "piece by piece", 200, [1, 2], "127.0.0.1", True]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        running.answers["/a"] = Answer(200, "whole")
        running.answers["/b"] = Answer(200, "piece by piece")
        running.answers["/c"] = Answer(200, [1, 2])
        yield running


@pytest.fixture
def host(tmp_path: Path) -> Iterator[LocalHost]:
    with LocalHost(folder=tmp_path, environ=ENVIRON) as made:
        yield made


async def run_here(node: type[Node], host: LocalHost, url: str) -> Any:
    body: dict[str, Any] = {
        "schema": "sage-studio/flow@1",
        "nodes": [{"id": "a", "type": node.spec.id, "config": {"url": url}}],
        "edges": [],
    }
    plan = compile_flow(parse_plain(body), NodeRegistry((node,)))
    with ThreadPoolExecutor(1) as threads:
        result = await run_flow(
            plan, run_id="run", inputs={}, store=MemoryRunStore(), host=host, threads=threads
        )
    assert result.error is None, result.error
    return result.nodes["a"].outputs["value"]  # type: ignore[index]


async def test_on_the_loop(server: ScriptedServer, host: LocalHost) -> None:
    assert await run_here(Fetch, host, server.url) == EXPECTED
    keyed = [asked.path for asked in server.asked if "s3cret-value" in str(asked.headers)]
    assert keyed == ["/b", "/c"]


async def test_in_a_thread(server: ScriptedServer, host: LocalHost) -> None:
    assert await run_here(FetchInThread, host, server.url) == ["piece by piece", "127.0.0.1", True]


async def test_in_another_process(server: ScriptedServer, host: LocalHost, tmp_path: Path) -> None:
    call = NodeCall(
        type="fetch",
        version="1.0.0",
        origin="tests.egress.nodes:Fetch",
        config={"url": server.url},
        inputs={},
        run_id="run-1",
        flow_id="flow-1",
        node_id="n1",
        idempotency_key="run-1:n1:",
    )
    pool = ProcessPool(1)
    try:
        with Voice(tmp_path) as voice:
            voice.host = host
            outputs = await pool.run(call, voice.context(call))
    finally:
        await pool.close()
    assert outputs["value"] == EXPECTED
    keyed = [asked.path for asked in server.asked if "s3cret-value" in str(asked.headers)]
    assert keyed == ["/b", "/c"]
