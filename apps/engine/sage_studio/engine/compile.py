"""From a flow document to a plan: look up types, wire ports, order the nodes.

The document is expected to be valid (see ``sage_studio.flow.validate``); what would make it
impossible to run is refused here all the same, because not every caller validates.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Protocol

from sage_studio.engine.bindings import RESERVED_ROOTS, Binding, bind_config, bind_value
from sage_studio.engine.errors import CYCLE, DANGLING_EDGE, UNKNOWN_TYPE
from sage_studio.engine.plan import NO_RETRY, Plan, PlanInput, PlanNode
from sage_studio.flow.document import FlowDocument, FlowEdge, FlowNode, edge_id
from sage_studio.flow.spec import NodeSpec
from sage_studio.kernel import SageError
from sage_studio.sdk import Node

ERROR_PORT = "error"
_NAMED_IN_CYCLE = 10


class NodeClasses(Protocol):
    """Where node types come from (``plugins.registry.NodeRegistry`` in the product)."""

    def get(self, type_id: str, /) -> type[Node] | None: ...


def compile_flow(document: FlowDocument, types: NodeClasses) -> Plan:
    """Make a flow ready to run.

    Raises SageError for a node type that is not installed, an edge without an end, an
    expression that cannot be read, and nodes that wait for each other.
    """
    index = {node.id: i for i, node in enumerate(document.nodes)}
    classes = [_class_of(node, types, i) for i, node in enumerate(document.nodes)]
    bindings = [
        _bind(node, cls, i) for i, (node, cls) in enumerate(zip(document.nodes, classes, strict=True))
    ]
    wires = _wires(document.edges, index)
    waits_for = [_dependencies(i, wires[i], bindings[i], index) for i in range(len(index))]
    successors: list[list[int]] = [[] for _ in index]
    for target, sources in enumerate(waits_for):
        for source in sources:
            successors[source].append(target)
    order = _topological(document, successors, [len(sources) for sources in waits_for])
    nodes = tuple(
        _plan_node(
            i,
            node,
            cls=classes[i],
            binding=bindings[i],
            wires=wires[i],
            successors=tuple(successors[i]),
            waits=len(waits_for[i]),
        )
        for i, node in enumerate(document.nodes)
    )
    return Plan(
        document=document,
        nodes=nodes,
        order=order,
        sinks=tuple(i for i in order if not successors[i]),
        outputs=tuple(_outputs(document)),
        index=MappingProxyType(index),
    )


def _class_of(node: FlowNode, types: NodeClasses, position: int) -> type[Node] | None:
    cls = types.get(node.type)
    if cls is None and not node.disabled:
        raise SageError(UNKNOWN_TYPE, {"name": node.name or node.id, "type": node.type}, f"nodes[{position}]")
    return cls


def _bind(node: FlowNode, cls: type[Node] | None, position: int) -> Binding:
    config = node.config
    if cls is not None and node.version is not None and node.version != cls.spec.version:
        config = cls.upgrade(dict(config), node.version)
    return bind_config(config, cls.spec if cls else None, f"nodes[{position}]")


def _wires(edges: Iterable[FlowEdge], index: Mapping[str, int]) -> list[dict[str, list[tuple[int, str]]]]:
    """For every node: input port → its sources, in edge order and without repeats."""
    wires: list[dict[str, list[tuple[int, str]]]] = [{} for _ in index]
    for position, edge in enumerate(edges):
        if edge.source not in index or edge.target not in index:
            name = edge.id or edge_id(edge.source, edge.source_port, edge.target, edge.target_port)
            raise SageError(DANGLING_EDGE, {"edge": name}, f"edges[{position}]")
        sources = wires[index[edge.target]].setdefault(edge.target_port, [])
        source = (index[edge.source], edge.source_port)
        if source not in sources:
            sources.append(source)
    return wires


def _dependencies(
    position: int, wires: Mapping[str, list[tuple[int, str]]], binding: Binding, index: Mapping[str, int]
) -> set[int]:
    """Nodes this one waits for: those wired to it and those its expressions read."""
    sources = {source for wired in wires.values() for source, _ in wired}
    read = {index[root] for root in binding.roots if root in index and root not in RESERVED_ROOTS}
    return sources | (read - {position})


def _topological(document: FlowDocument, successors: list[list[int]], waits: list[int]) -> tuple[int, ...]:
    """Kahn's algorithm, in document order among the ready. Raises SageError on a cycle."""
    remaining = list(waits)
    ready = deque(i for i, count in enumerate(remaining) if count == 0)
    order: list[int] = []
    while ready:
        i = ready.popleft()
        order.append(i)
        for successor in successors[i]:
            remaining[successor] -= 1
            if remaining[successor] == 0:
                ready.append(successor)
    if len(order) < len(document.nodes):
        stuck = [document.nodes[i] for i, count in enumerate(remaining) if count > 0]
        names = ", ".join(node.name or node.id for node in stuck[:_NAMED_IN_CYCLE])
        raise SageError(CYCLE, {"nodes": names}, "edges")
    return tuple(order)


def _plan_node(
    position: int,
    node: FlowNode,
    *,
    cls: type[Node] | None,
    binding: Binding,
    wires: Mapping[str, list[tuple[int, str]]],
    successors: tuple[int, ...],
    waits: int,
) -> PlanNode:
    spec = cls.spec if cls else None
    inputs = _inputs(wires, spec)
    return PlanNode(
        index=position,
        id=node.id,
        name=node.name,
        type=node.type,
        node_class=cls,
        spec=spec,
        binding=binding,
        inputs=inputs,
        wired_fields=tuple(wired.port for wired in inputs if wired.is_field),
        successors=successors,
        waits=waits,
        effect=cls.effect(node.config) if cls else "pure",
        is_plain=cls is not None and _is_plain(cls),
        blocking=bool(spec and spec.blocking),
        is_trigger=bool(spec and spec.trigger),
        timeout_s=node.timeout_s or (spec.default_timeout_s if spec else 300.0),
        retry=node.retry or NO_RETRY,
        on_error=node.on_error,
        disabled=node.disabled,
        pinned=_pinned(node.pinned, spec),
        stream_ports=frozenset(
            port.name for port in (spec.outputs if spec else ()) if port.type.startswith("stream")
        ),
    )


@lru_cache(maxsize=512)
def _is_plain(cls: type[Node]) -> bool:
    without_hooks = cls.prepare is Node.prepare and cls.close is Node.close
    return without_hooks and inspect.iscoroutinefunction(cls.run)


def _inputs(wires: Mapping[str, list[tuple[int, str]]], spec: NodeSpec | None) -> tuple[PlanInput, ...]:
    """Wired ports. A second edge on a single-value port is left out, as the projection does."""
    declared = {port.name: port for port in spec.inputs} if spec else {}
    fields = {field.name for field in spec.config if field.wireable} if spec else set()
    inputs = []
    for name, sources in wires.items():
        port = declared.get(name)
        multiple = port is not None and port.multiple
        inputs.append(
            PlanInput(
                port=name,
                multiple=multiple,
                required=port is not None and port.required,
                is_field=port is None and name in fields,
                sources=tuple(sources if multiple else sources[:1]),
            )
        )
    return tuple(inputs)


def _pinned(pinned: Any, spec: NodeSpec | None) -> Mapping[str, Any] | None:
    """A pinned output as port → value; a bare value belongs to the first output port."""
    if pinned is None:
        return None
    names = [port.name for port in spec.outputs] if spec else []
    if isinstance(pinned, dict) and pinned and set(pinned) <= {*names, ERROR_PORT}:
        return MappingProxyType(pinned)
    return MappingProxyType({names[0] if names else "value": pinned})


def _outputs(document: FlowDocument) -> Iterable[tuple[str, Any, frozenset[str]]]:
    for position, output in enumerate(document.outputs):
        name = output.get("name")
        if isinstance(name, str):
            yield name, *bind_value(output.get("value"), f"outputs[{position}].value")
