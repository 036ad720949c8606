"""Runs one node the way a flow runs it: compiled, scheduled, with its expressions and its host."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

from sage_studio.engine import MemoryRunStore, RunResult, compile_flow, run_flow
from sage_studio.flow import parse_plain
from sage_studio.plugins.builtin import BUILTIN_NODES
from sage_studio.plugins.local_host import LocalHost
from sage_studio.plugins.registry import NodeRegistry
from sage_studio.sdk import Context, Field, Node, NodeOutput, NodeSpec, Port, text

_PORTS = [f"p{number}" for number in range(6)]


class Given(Node):
    """Gives the values a test wants on its ports."""

    spec: ClassVar = NodeSpec(
        id="given",
        name=text("Given", "给定"),
        description=text("Test values", "测试值"),
        category="utility",
        icon="list",
        outputs=tuple(Port(name=name, label=text(name, name)) for name in _PORTS),
        config=(Field(name="values", type="any", label=text("Values", "值"), expression="never"),),
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        values: dict[str, Any] = ctx.config["values"]
        return values


class NodeFailed(AssertionError):
    """The node under test failed; ``code`` and ``problem`` say how."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{problem['code']}: {problem['message']}")
        self.code = problem["code"]
        self.problem = problem


async def run_flow_here(
    body: Mapping[str, Any], host: LocalHost, *, store: MemoryRunStore | None = None, **inputs: Any
) -> RunResult:
    """Run a whole flow with the built-in nodes."""
    plan = compile_flow(parse_plain(dict(body)), NodeRegistry((*BUILTIN_NODES, Given)))
    kept = MemoryRunStore() if store is None else store
    with ThreadPoolExecutor(2) as threads:
        return await run_flow(plan, run_id="run", inputs=inputs, store=kept, host=host, threads=threads)


async def run_node(
    node_type: str,
    host: LocalHost,
    *,
    config: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Any] | None = None,
    branches: list[Any] | None = None,
    branches_to: str = "values",
) -> Mapping[str, Any]:
    """The outputs of one node given values on its input ports. Raises NodeFailed.

    ``branches`` are the values that meet on a port that takes several, that of a merge unless named.
    """
    wired = dict(inputs or {})
    ports = [*wired, *([branches_to] * len(branches or []))]
    values = dict(zip(_PORTS, [*wired.values(), *(branches or [])], strict=False))
    nodes = [
        {"id": "given_1", "type": "given", "config": {"values": values}},
        {"id": "tested_1", "type": node_type, "config": dict(config or {})},
    ]
    edges = [
        {"source": "given_1", "source_port": source, "target": "tested_1", "target_port": target}
        for source, target in zip(_PORTS, ports, strict=False)
    ]
    body = {"schema": "sage-studio/flow@1", "nodes": nodes, "edges": edges}
    result = await run_flow_here(body, host)
    if result.state != "completed":
        raise NodeFailed(result.error or {"code": "?", "message": str(result.state)})
    outputs: Mapping[str, Any] = result.outputs["tested_1"]
    return outputs


async def failure_of(node_type: str, host: LocalHost, **arguments: Any) -> Mapping[str, Any]:
    """The problem a node ends with; a node that succeeds fails the test."""
    try:
        outputs = await run_node(node_type, host, **arguments)
    except NodeFailed as failed:
        return failed.problem
    raise AssertionError(f"the node did not fail: {outputs!r:.300}")
