"""Nodes that do next to nothing, so that what is measured is the engine around them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from sage_studio.plugins.registry import builtin_registry
from sage_studio.sdk import Context, Node, NodeOutput, NodeSpec, Port, text


def _spec(node_id: str, **more: Any) -> NodeSpec:
    words = text(node_id, node_id)
    more.setdefault("inputs", (Port(name="value", label=words),))
    more.setdefault("outputs", (Port(name="value", label=words),))
    return NodeSpec(id=node_id, name=words, description=words, category="utility", icon="dot", **more)


class Pass(Node):
    """Hands on what it got; pure, so that chains of it may be taken together."""

    spec: ClassVar[NodeSpec] = _spec("bench_pass")

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        return {"value": inputs.get("value", 0)}


class Touch(Pass):
    """The same with an effect on the world, so that each of it has to be on disk before the next."""

    spec: ClassVar[NodeSpec] = _spec("bench_touch", effect="idempotent")


class Join(Node):
    """Takes any number of edges."""

    spec: ClassVar[NodeSpec] = _spec(
        "bench_join", inputs=(Port(name="values", label=text("values", "values"), multiple=True),)
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        return {"value": len(inputs["values"])}


NODES: dict[str, type[Node]] = {node.spec.id: node for node in (Pass, Touch, Join)}


def register() -> None:
    """Makes the nodes known to this process, beside the built-in ones."""
    registry = builtin_registry()
    for node_id, node in NODES.items():
        if registry.get(node_id) is None:
            registry.add(node)


def chain(length: int, node_type: str = "bench_pass") -> dict[str, Any]:
    """A flow of ``length`` nodes, one after the other."""
    nodes = [{"id": f"n{i}", "type": node_type} for i in range(length)]
    return _flow(nodes, [(f"n{i}", f"n{i + 1}", "value") for i in range(length - 1)])


def fan_out(width: int) -> dict[str, Any]:
    """One node, ``width`` behind it, and one that joins them."""
    nodes = [{"id": "start", "type": "bench_pass"}, {"id": "join", "type": "bench_join"}]
    nodes += [{"id": f"n{i}", "type": "bench_pass"} for i in range(width)]
    edges = [("start", f"n{i}", "value") for i in range(width)]
    return _flow(nodes, edges + [(f"n{i}", "join", "values") for i in range(width)])


def _flow(nodes: list[dict[str, Any]], edges: list[tuple[str, str, str]]) -> dict[str, Any]:
    wires = [
        {"source": source, "source_port": "value", "target": target, "target_port": port}
        for source, target, port in edges
    ]
    return {"schema": "sage-studio/flow@1", "nodes": nodes, "edges": wires}
