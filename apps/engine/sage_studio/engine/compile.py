"""From a flow document to a plan: look up types, wire ports, order the nodes of every level.

The document is expected to be valid (see ``sage_studio.flow.validate``); what would make it
impossible to run is refused here all the same, because not every caller validates.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Protocol

from sage_studio.engine.bindings import RESERVED_ROOTS, Binding, BoundValue, bind_config, bind_value
from sage_studio.engine.errors import (
    CYCLE,
    DANGLING_EDGE,
    NO_CONTAINER,
    OUTWARD_EDGE,
    PATH_TOO_LONG,
    TOO_DEEP,
    UNKNOWN_TYPE,
)
from sage_studio.engine.joining import join_streams
from sage_studio.engine.optimise import Durations, optimise
from sage_studio.engine.plan import NO_RETRY, BodyPlan, Plan, PlanInput, PlanNode
from sage_studio.flow.document import FlowDocument, FlowEdge, FlowNode, edge_id
from sage_studio.flow.sections import ONLY_SECTION, sections_of
from sage_studio.flow.spec import NodeSpec
from sage_studio.kernel import JsonObject, SageError, collector_paused
from sage_studio.sdk import Node

ERROR_PORT = "error"
MAX_DEPTH = 32
# What an iteration path may measure; stores keep room for it. A step is ``node.index@attempt/``.
MAX_PATH_LENGTH = 2_000
_STEP_LENGTH = len(".1000000@99/")
_NAMED_IN_CYCLE = 10

Source = tuple[str, str]


class NodeClasses(Protocol):
    """Where node types come from (``plugins.registry.NodeRegistry`` in the product)."""

    def get(self, type_id: str, version: str | None = None, /) -> type[Node] | None:
        """The class that runs a node which asks for ``version``."""
        ...


@collector_paused()
def compile_flow(
    document: FlowDocument,
    types: NodeClasses,
    *,
    durations: Durations | None = None,
    optimised: bool = True,
) -> Plan:
    """Make a flow ready to run, in optimised order unless it says otherwise (``settings.optimise``).

    ``durations`` are what its nodes took in earlier runs. Without ``optimised`` the plan keeps the drawn
    order whatever the flow says: for debugging it, and for looking at what the optimiser would do.

    Raises SageError for a node type that is not installed, an edge without an end or out of its
    container, an expression that cannot be read, nodes that wait for each other, and containers that
    are none or are nested too deep.
    """
    plan = _Compiler(document, types).whole()
    joined = join_streams(plan)
    if joined is not plan:
        return joined  # streams set the order themselves
    return optimise(plan, durations).plan if optimised else plan


@dataclass(slots=True)
class _Draft:
    """What is known of a node before its level is built; ``reads`` are ids whose outputs it needs."""

    position: int
    node: FlowNode
    cls: type[Node] | None
    binding: Binding
    wires: dict[str, list[Source]]
    reads: dict[str, None]
    results: list[tuple[Source, str]]
    body: BodyPlan | None = None


class _Compiler:
    def __init__(self, document: FlowDocument, types: NodeClasses) -> None:
        self._document = document
        self._drafts: dict[str, _Draft] = {}
        self._children: dict[str | None, list[str]] = {}
        self._parent: dict[str, str | None] = {}
        for position, node in enumerate(document.nodes):
            cls = _class_of(node, types, position)
            binding = _bind(node, cls, position)
            self._drafts[node.id] = _Draft(position, node, cls, binding, {}, {}, [])
        for node in document.nodes:
            parent = node.parent if node.parent in self._drafts else None
            self._parent[node.id] = parent
            self._children.setdefault(parent, []).append(node.id)
        for position, edge in enumerate(document.edges):
            self._wire(edge, position)
        for draft in self._drafts.values():
            self._read_names(draft)

    def whole(self) -> Plan:
        self._count_depths()
        top = self._children.get(None, [])
        self._build_bodies(top)
        plan, _needs = self._level(top, None)
        return replace(plan, outputs=tuple(_outputs(self._document)))

    def _count_depths(self) -> None:
        """Refuse nesting that is too deep, or whose iterations would have paths too long to be kept; a ring
        of containers is never reached from the top."""
        if self._children.keys() <= {None}:
            return
        level, depth, seen = [(child, 0) for child in self._children.get(None, [])], 0, 0
        while level:
            seen += len(level)
            inner: list[tuple[str, int]] = []
            for node_id, path in level:
                if children := self._children.get(node_id):
                    longest = path + len(node_id) + _STEP_LENGTH
                    if longest > MAX_PATH_LENGTH:
                        where = f"nodes[{self._drafts[node_id].position}]"
                        raise SageError(PATH_TOO_LONG, {"node": node_id, "most": MAX_PATH_LENGTH}, where)
                    inner.extend((child, longest) for child in children)
            level = inner
            depth += 1
        if depth > MAX_DEPTH + 1 or seen < len(self._drafts):
            raise SageError(TOO_DEEP, {"most": MAX_DEPTH}, "nodes")

    # What each node reads

    def _wire(self, edge: FlowEdge, position: int) -> None:
        source, target = edge.source, edge.target
        name = edge.id or edge_id(source, edge.source_port, target, edge.target_port)
        if source not in self._drafts or target not in self._drafts:
            raise SageError(DANGLING_EDGE, {"edge": name}, f"edges[{position}]")
        end: Source = (source, edge.source_port)
        draft = self._drafts[target]
        if self._parent[source] == target:
            if (end, edge.target_port) not in draft.results:
                draft.results.append((end, edge.target_port))
            return
        if self._parent[source] != self._parent[target] and not self._is_visible(source, target):
            facts: JsonObject = {"edge": name, "container": self._parent[source]}
            raise SageError(OUTWARD_EDGE, facts, f"edges[{position}]")
        sources = draft.wires.setdefault(edge.target_port, [])
        if end not in sources:
            sources.append(end)
            draft.reads[source] = None

    def _read_names(self, draft: _Draft) -> None:
        roots = draft.binding.roots
        for root in sorted(roots) if len(roots) > 1 else roots:
            is_other = root in self._drafts and root not in RESERVED_ROOTS and root != draft.node.id
            if is_other and self._is_visible(root, draft.node.id):
                draft.reads[root] = None

    def _is_visible(self, source: str, target: str) -> bool:
        """Whether ``source`` stands on the target's level or on one around it, or is a container
        around it."""
        parent = self._parent
        if parent[source] == parent[target]:
            return True
        level: str | None = parent[target]
        for _ in range(MAX_DEPTH + 1):
            if level is None:
                return False
            if level == source or parent[level] == parent[source]:
                return True
            level = parent[level]
        return False

    def _is_read_in_body(self, root: str, container: str) -> bool:
        """Whether a name in a body field is a node: a child in another section, or one seen from outside."""
        if root not in self._drafts or root in RESERVED_ROOTS:
            return False
        return root == container or self._parent[root] == container or self._is_visible(root, container)

    # Levels

    def _level(self, members: list[str], container: str | None) -> tuple[Plan, dict[str, None]]:
        """The plan of some nodes of one level, whose bodies are built, and the ids it reads from outside."""
        index = {member: slot for slot, member in enumerate(members)}
        waits_for = [
            {index[read]: None for read in self._drafts[member].reads if read in index} for member in members
        ]
        needs = self._needs(members, index, container)
        successors: list[list[int]] = [[] for _ in index]
        for target, sources in enumerate(waits_for):
            for source in sources:
                successors[source].append(target)
        order = self._topological(members, successors, [len(sources) for sources in waits_for])
        slots = index | {need: len(index) + i for i, need in enumerate(needs)}
        nodes = tuple(
            self._plan_node(slots, member, tuple(successors[i]), len(waits_for[i]))
            for i, member in enumerate(members)
        )
        plan = Plan(
            document=self._document,
            nodes=nodes,
            order=order,
            sinks=tuple(i for i in order if not successors[i]),
            outputs=(),
            index=MappingProxyType(slots),
            ids=tuple(slots),
            imports=tuple(needs),
            results=self._results(index, container),
            container=container,
        )
        return plan, needs

    def _needs(self, members: list[str], index: Mapping[str, int], container: str | None) -> dict[str, None]:
        """Ids outside of a level that its nodes, or its container's fields, read."""
        needs = {read: None for member in members for read in self._drafts[member].reads if read not in index}
        if container is not None:
            for body_field in self._drafts[container].binding.in_body:
                for root in sorted(body_field.roots):
                    if root not in index and self._is_read_in_body(root, container):
                        needs[root] = None
        return needs

    def _results(
        self, index: Mapping[str, int], container: str | None
    ) -> Mapping[str, tuple[tuple[int, str], ...]]:
        if container is None:
            return {}
        found: dict[str, list[tuple[int, str]]] = {}
        for (source, port), target_port in self._drafts[container].results:
            if source in index:
                found.setdefault(target_port, []).append((index[source], port))
        return {port: tuple(sources) for port, sources in found.items()}

    def _build_bodies(self, members: Iterable[str]) -> None:
        for member in members:
            draft = self._drafts[member]
            if member in self._children or (draft.cls is not None and draft.cls.spec.body is not None):
                self._build_body(draft)

    def _build_body(self, draft: _Draft) -> None:
        """Plans for the sections of a container; what they read outside becomes what it reads."""
        spec = draft.cls.spec if draft.cls else None
        children = self._children.get(draft.node.id, [])
        if spec is None or spec.body is None:
            if children and spec is not None and not draft.node.disabled:
                stray = self._drafts[children[0]]
                facts: JsonObject = {
                    "node": stray.node.name or stray.node.id,
                    "parent": draft.node.name or draft.node.id,
                }
                raise SageError(NO_CONTAINER, facts, f"nodes[{stray.position}].parent")
            return
        container = draft.node.id
        inside = set(children)
        # Inner bodies first: what they read from this one counts as read by the containers they are in.
        self._build_bodies(children)
        links = [
            (source, child) for child in children for source in self._drafts[child].reads if source in inside
        ]
        entries = [
            (port, child)
            for child in children
            for member in self._family(child)
            for wired in self._drafts[member].wires.values()
            for source, port in wired
            if source == container
        ]
        parts = sections_of(spec.body, children, links, entries)
        plans: dict[str, Plan] = {}
        read: dict[str, None] = {}
        for name, members in parts.items():
            plans[name], needs = self._level(members, container)
            read |= needs
        for name, members in parts.items():
            exports = tuple(member for member in members if member in read)
            plans[name] = replace(plans[name], exports=exports)
        for need in read:
            if need not in inside and need != container:
                draft.reads[need] = None
        draft.body = BodyPlan(
            sections=MappingProxyType(plans or {ONLY_SECTION: self._level([], container)[0]}),
            fields=draft.binding.in_body,
            is_loop=spec.body.is_loop,
        )

    def _family(self, node_id: str) -> Iterable[str]:
        """A node and all that is inside it."""
        yield node_id
        for child in self._children.get(node_id, ()):
            yield from self._family(child)

    def _topological(
        self, members: list[str], successors: list[list[int]], waits: list[int]
    ) -> tuple[int, ...]:
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
        if len(order) < len(members):
            stuck = [self._drafts[members[i]].node for i, count in enumerate(remaining) if count > 0]
            names = ", ".join(node.name or node.id for node in stuck[:_NAMED_IN_CYCLE])
            raise SageError(CYCLE, {"nodes": names}, "edges")
        return tuple(order)

    def _plan_node(
        self, slots: Mapping[str, int], member: str, successors: tuple[int, ...], waits: int
    ) -> PlanNode:
        draft = self._drafts[member]
        node, cls = draft.node, draft.cls
        spec = cls.spec if cls else None
        inputs = _inputs(draft.wires, slots, spec) if draft.wires else ()
        return PlanNode(
            index=slots[member],
            id=node.id,
            name=node.name,
            type=node.type,
            node_class=cls,
            spec=spec,
            binding=draft.binding,
            inputs=inputs,
            wired_fields=tuple([wired.port for wired in inputs if wired.is_field]),
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
            pinned=None if node.pinned is None else _pinned(node.pinned, spec),
            stream_ports=spec.stream_outputs if spec else frozenset(),
            body=draft.body,
            cache=node.cache,
            concurrency=node.concurrency,
            executor=node.executor,
            is_deterministic=cls is not None and cls.is_deterministic(node.config),
        )


def _class_of(node: FlowNode, types: NodeClasses, position: int) -> type[Node] | None:
    cls = types.get(node.type, node.version)
    if cls is None and not node.disabled:
        raise SageError(UNKNOWN_TYPE, {"name": node.name or node.id, "type": node.type}, f"nodes[{position}]")
    return cls


def _bind(node: FlowNode, cls: type[Node] | None, position: int) -> Binding:
    config = node.config
    if cls is not None and node.version is not None and node.version != cls.spec.version:
        config = cls.upgrade(dict(config), node.version)
    return bind_config(config, cls.spec if cls else None, f"nodes[{position}]")


@lru_cache(maxsize=512)
def _is_plain(cls: type[Node]) -> bool:
    without_hooks = cls.prepare is Node.prepare and cls.close is Node.close
    return without_hooks and inspect.iscoroutinefunction(cls.run)


def _inputs(
    wires: Mapping[str, list[Source]], slots: Mapping[str, int], spec: NodeSpec | None
) -> tuple[PlanInput, ...]:
    """Wired ports. A second edge on a single-value port is left out, as the projection does."""
    inputs = []
    for name, wired in wires.items():
        port = spec.declared_inputs.get(name) if spec else None
        multiple = port is not None and port.multiple
        counted = wired if multiple else wired[:1]
        inputs.append(
            PlanInput(
                port=name,
                multiple=multiple,
                required=port is not None and port.required,
                is_field=port is None and spec is not None and name in spec.inputs_by_name,
                sources=tuple([(slots[source], source_port) for source, source_port in counted]),
            )
        )
    return tuple(inputs)


def _pinned(pinned: Any, spec: NodeSpec | None) -> Mapping[str, Any]:
    """A pinned output as port → value; a bare value belongs to the first output port."""
    names = [port.name for port in spec.outputs] if spec else []
    if isinstance(pinned, dict) and pinned and set(pinned) <= {*names, ERROR_PORT}:
        return MappingProxyType(pinned)
    return MappingProxyType({names[0] if names else "value": pinned})


def _outputs(document: FlowDocument) -> Iterable[BoundValue]:
    for position, output in enumerate(document.outputs):
        name = output.get("name")
        if isinstance(name, str):
            yield bind_value(name, output.get("value"), f"outputs[{position}].value")
