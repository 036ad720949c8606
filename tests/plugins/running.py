"""Runs a node class the way a flow runs it: compiled, scheduled, with its expressions and a host."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sage_studio.engine import MemoryRunStore, Plan, RunResult, compile_flow, run_flow
from sage_studio.flow import parse_plain
from sage_studio.plugins.local_host import LocalHost
from sage_studio.plugins.registry import NodeRegistry, builtin_registry
from sage_studio.sdk import Node
from tests.nodes.running import Given

ENVIRON = {"SAGE_ALLOW_PRIVATE_NETWORK": "127.0.0.0/8"}


async def run_node(
    node: type[Node],
    *,
    config: Mapping[str, Any] | None = None,
    host: LocalHost | None = None,
    **inputs: Any,
) -> RunResult:
    """A run of one node; ``inputs`` reach it through connections."""
    start = {"id": "start", "type": "given", "config": {"values": dict(inputs)}}
    tested = {"id": "tested", "type": node.spec.id, "config": dict(config or {})}
    edges = [
        {"source": "start", "source_port": name, "target": "tested", "target_port": name} for name in inputs
    ]
    body = {"schema": "sage-studio/flow@1", "nodes": [start, tested], "edges": edges}
    registry = NodeRegistry([node, Given], below=builtin_registry())
    plan = compile_flow(parse_plain(body), registry)
    with ThreadPoolExecutor(2) as threads:
        if host is not None:
            return await _run(plan, host, threads)
        with LocalHost(folder=Path("unused"), environ=ENVIRON) as made:
            return await _run(plan, made, threads)


async def _run(plan: Plan, host: LocalHost, threads: ThreadPoolExecutor) -> RunResult:
    return await run_flow(plan, run_id="run", inputs={}, store=MemoryRunStore(), host=host, threads=threads)
