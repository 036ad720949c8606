"""Helpers of the control-flow tests: a run with the product's control nodes, and what it left behind."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sage_studio.engine import MemoryRunStore, RunResult, compile_flow, run_flow
from sage_studio.flow import parse_plain
from sage_studio.plugins.registry import builtin_registry
from sage_studio.sdk import Node
from tests.engine.nodes import HOST, NODES


class Types:
    """The tests' small nodes and the product's control nodes."""

    def __init__(self) -> None:
        self._builtin = builtin_registry()

    def get(self, type_id: str, version: str | None = None) -> type[Node] | None:
        return NODES.get(type_id) or self._builtin.get(type_id)


TYPES = Types()


def inside(container: str, *children: dict[str, Any]) -> list[dict[str, Any]]:
    """Nodes of a container's body."""
    return [{**child, "parent": child.get("parent", container)} for child in children]


async def run(body: dict[str, Any], *, store: MemoryRunStore | None = None, **inputs: Any) -> RunResult:
    plan = compile_flow(parse_plain(body), TYPES)
    with ThreadPoolExecutor(2) as threads:
        return await run_flow(
            plan, run_id="run-1", inputs=inputs, store=store or MemoryRunStore(), host=HOST, threads=threads
        )


def values_of(store: MemoryRunStore, node_id: str) -> dict[str, Any]:
    """Path → what the node gave on its port ``value`` there, or its state when it gave nothing."""
    return {
        path: (record.outputs or {}).get("value", record.state)
        for (found, path, _), record in store.nodes["run-1"].items()
        if found == node_id
    }


def paths_of(store: MemoryRunStore, node_id: str) -> list[str]:
    return [event.iteration_path for event in store.events["run-1"]
            if event.node_id == node_id and event.type == "node_started"]  # fmt: skip


def result_of(result: RunResult, node_id: str) -> Any:
    record = result.nodes[node_id]
    assert record.outputs is not None, (record.state, record.error)
    return record.outputs


RETRY = {"count": 1, "delay_s": 0}
