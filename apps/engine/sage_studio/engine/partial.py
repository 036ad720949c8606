"""Running a part of a flow: from a node on recorded data, up to a node, or one node alone.

A part is again an ordinary flow with, beside it, records that stand for nodes that are not to run:
the engine's own way of taking a run up where its records leave it does the rest. Parts are cut at the
top level: a node inside a container stands for the whole container, except when it runs alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sage_studio.engine.records import NodeRecord, count_ports
from sage_studio.expressions.handing import compile_handing_over
from sage_studio.flow.document import FlowDocument, FlowEdge, FlowNode
from sage_studio.flow.spec import NodeSpec
from sage_studio.kernel import Json, JsonObject, SageError, define_error

PART_NO_DATA = define_error(
    "run.part_no_data",
    4075,
    en="There is no recorded data of: {nodes}.",
    zh="以下节点没有已记录的数据：{nodes}。",
    hint_en="Run the flow up to this node first, or give the node's inputs yourself.",
    hint_zh="请先将流程运行到该节点，或手动填写该节点的输入。",
    status=409,
)
PART_NO_NODE = define_error(
    "run.part_no_node",
    4076,
    en="The flow has no node “{node_id}”.",
    zh="流程中没有节点“{node_id}”。",
    status=422,
)
GIVEN = "given_inputs"
_GIVER_TYPE = "manual_trigger"
_OF_AN_ITERATION = frozenset({"item", "index"})


@dataclass(frozen=True, slots=True)
class Part:
    """What to run. ``from_node`` and ``until_node`` may be given together; ``only_node`` stands alone,
    with ``inputs`` (port → value) in place of what its connections would bring."""

    from_node: str | None = None
    until_node: str | None = None
    only_node: str | None = None
    inputs: Mapping[str, Json] = field(default_factory=dict)

    def to_json(self) -> JsonObject:
        return {
            "from_node": self.from_node,
            "until_node": self.until_node,
            "only_node": self.only_node,
            "inputs": dict(self.inputs),
        }

    @classmethod
    def from_json(cls, shape: Mapping[str, Any]) -> Part:
        return cls(shape["from_node"], shape["until_node"], shape["only_node"], shape["inputs"])


@dataclass(frozen=True, slots=True)
class PartialFlow:
    """``document`` is what runs. Nodes in ``taken_over`` are not run when there is a record of them;
    those in ``needed`` must have one. ``given`` are outputs of nodes that were put in (node id → port →
    value)."""

    document: FlowDocument
    taken_over: frozenset[str] = frozenset()
    needed: frozenset[str] = frozenset()
    given: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)


def part_of(document: FlowDocument, part: Part, specs: Mapping[str, NodeSpec] | None = None) -> PartialFlow:
    """The flow to run for a part. ``specs`` (by type) tell which ports take several connections.

    Raises SageError ``run.part_no_node`` when a node is not in the flow.
    """
    units = _Units(document)
    for node_id in (part.from_node, part.until_node, part.only_node):
        if node_id is not None and node_id not in units.nodes:
            raise SageError(PART_NO_NODE, {"node_id": node_id})
    if part.only_node is not None:
        return _alone(document, part.only_node, part.inputs, units, specs or {})
    kept = set(units.nodes)
    if part.until_node is not None:
        kept = units.members(units.upstream(units.of(part.until_node)))
    taken_over: set[str] = set()
    if part.from_node is not None:
        again = units.members(units.downstream(units.of(part.from_node)))
        taken_over = {node_id for node_id in kept - again if units.nodes[node_id].parent is None}
    cut = document if len(kept) == len(units.nodes) else _cut(document, kept)
    return PartialFlow(cut, frozenset(taken_over))


def recorded_for(flow: PartialFlow, records: Iterable[NodeRecord]) -> dict[str, NodeRecord]:
    """The records of an earlier run that the partial run begins with, and those of given values.

    Taken over are nodes that gave something or were skipped, and failures that the flow deals with.
    Raises SageError ``run.part_no_data`` when one that is needed has no record.
    """
    nodes = {node.id: node for node in flow.document.nodes}
    kept = {
        record.node_id: record
        for record in records
        if record.iteration_path == ""
        and record.node_id in flow.taken_over
        and can_stand(record.state, nodes[record.node_id].on_error)
    }
    if missing := sorted(flow.needed - kept.keys()):
        raise SageError(PART_NO_DATA, {"nodes": ", ".join(missing)})
    return {**kept, **given_records(flow)}


def given_records(flow: PartialFlow) -> dict[str, NodeRecord]:
    """What a person gave, as records of the nodes that were put in to bring it."""
    return {
        node_id: NodeRecord(node_id, "", 1, "completed", None, None, outputs, None, count_ports(outputs))
        for node_id, outputs in flow.given.items()
    }


def can_stand(state: str, on_error: str) -> bool:
    """Whether a node's record in this state can stand for running it."""
    return state in {"completed", "skipped"} or (state == "failed" and on_error != "fail")


class _Units:
    """Top-level nodes with all that is inside them, and which needs which."""

    def __init__(self, document: FlowDocument) -> None:
        self.nodes = {node.id: node for node in document.nodes}
        self._top = {node_id: self._find_top(node_id) for node_id in self.nodes}
        self._needs: dict[str, set[str]] = {unit: set() for unit in set(self._top.values())}
        for edge in document.edges:
            self._need(edge.target, edge.source)
        for node in document.nodes:
            for name in names_read(node.config):
                self._need(node.id, name)

    def _find_top(self, node_id: str) -> str:
        seen = {node_id}
        parent = self.nodes[node_id].parent
        while parent is not None and parent in self.nodes and parent not in seen:
            seen.add(parent)
            node_id, parent = parent, self.nodes[parent].parent
        return node_id

    def _need(self, target: str, source: str) -> None:
        if target in self._top and source in self._top and self._top[target] != self._top[source]:
            self._needs[self._top[target]].add(self._top[source])

    def of(self, node_id: str) -> str:
        return self._top[node_id]

    def upstream(self, unit: str) -> set[str]:
        """The unit and all it needs."""
        return _reach(unit, self._needs)

    def downstream(self, unit: str) -> set[str]:
        """The unit and all that need it."""
        needed_by: dict[str, set[str]] = {}
        for target, sources in self._needs.items():
            for source in sources:
                needed_by.setdefault(source, set()).add(target)
        return _reach(unit, needed_by)

    def members(self, units: set[str]) -> set[str]:
        return {node_id for node_id, top in self._top.items() if top in units}


def _reach(start: str, ways: Mapping[str, set[str]]) -> set[str]:
    found, todo = {start}, [start]
    while todo:
        for other in ways.get(todo.pop(), ()):
            if other not in found:
                found.add(other)
                todo.append(other)
    return found


def names_read(value: Json) -> set[str]:
    """Names that expressions anywhere in a configuration begin with; texts that are no expressions of
    ours read nothing."""
    if isinstance(value, str):
        if "{{" not in value:
            return set()
        try:
            reads = compile_handing_over(value).reads
        except SageError:
            return set()
        return {read.split(".", 1)[0].split("[", 1)[0] for read in reads}
    parts: Iterable[Json] = ()
    if isinstance(value, dict):
        parts = value.values()
    elif isinstance(value, list):
        parts = value
    return {name for part in parts for name in names_read(part)}


def _cut(document: FlowDocument, kept: set[str]) -> FlowDocument:
    """The flow with these nodes only; outputs that read others are left out."""
    nodes = [node for node in document.nodes if node.id in kept]
    edges = [edge for edge in document.edges if edge.source in kept and edge.target in kept]
    gone = {node.id for node in document.nodes} - kept
    outputs = [output for output in document.outputs if not names_read(output.get("value")) & gone]
    return document.model_copy(update={"nodes": nodes, "edges": edges, "outputs": outputs})


def _alone(
    document: FlowDocument,
    node_id: str,
    inputs: Mapping[str, Json],
    units: _Units,
    specs: Mapping[str, NodeSpec],
) -> PartialFlow:
    """One node (a container with its body) on recorded or given values, lifted to the top."""
    own = {node_id} | {other for other in units.nodes if _is_inside(units.nodes, other, node_id)}
    edges = [
        edge
        for edge in document.edges
        if edge.target in own
        and edge.source in units.nodes
        and (edge.source in own or edge.target != node_id or edge.target_port not in inputs)
    ]
    read = {name for other in own for name in names_read(units.nodes[other].config)}
    sources = ({edge.source for edge in edges} | (read & units.nodes.keys())) - own
    around = {other for other in sources if _is_inside(units.nodes, node_id, other)}
    if around or (read & _OF_AN_ITERATION and units.nodes[node_id].parent is not None):
        # What a container gives to one iteration is in no record.
        raise SageError(PART_NO_DATA, {"nodes": ", ".join(sorted(around)) or "item"})
    # A node before this one is only a name for its recorded outputs: its own wires do not matter.
    nodes = [
        _lifted(units.nodes[other]) if other in sources or other == node_id else units.nodes[other]
        for other in units.nodes
        if other in sources or other in own
    ]
    given: dict[str, Mapping[str, Json]] = {}
    if inputs:
        giver = _free_id(units.nodes)
        spec = specs.get(units.nodes[node_id].type)
        wires, values = _given_wires(giver, node_id, inputs, spec)
        nodes.insert(0, FlowNode(id=giver, type=_GIVER_TYPE))
        edges = [*edges, *wires]
        given[giver] = values
    cut = document.model_copy(update={"nodes": nodes, "edges": edges, "outputs": []})
    return PartialFlow(cut, frozenset(sources), frozenset(sources), given)


def _lifted(node: FlowNode) -> FlowNode:
    return node if node.parent is None else node.model_copy(update={"parent": None})


def _is_inside(nodes: Mapping[str, FlowNode], node_id: str, container: str) -> bool:
    seen: set[str] = set()
    parent = nodes[node_id].parent
    while parent is not None and parent in nodes and parent not in seen:
        if parent == container:
            return True
        seen.add(parent)
        parent = nodes[parent].parent
    return False


def _free_id(taken: Iterable[str]) -> str:
    names = set(taken)
    number = 1
    name = GIVEN
    while name in names:
        number += 1
        name = f"{GIVEN}_{number}"
    return name


def _given_wires(
    giver: str, node_id: str, inputs: Mapping[str, Json], spec: NodeSpec | None
) -> tuple[list[FlowEdge], dict[str, Json]]:
    """Connections that bring the given values; a port that takes several gets one for each item."""
    several = {port.name for port in spec.inputs if port.multiple} if spec else set()
    wires, values = [], {}
    for port, value in inputs.items():
        items = value if port in several and isinstance(value, list) else [value]
        for number, item in enumerate(items):
            source_port = port if len(items) == 1 else f"{port}.{number}"
            values[source_port] = item
            wires.append(FlowEdge(source=giver, source_port=source_port, target=node_id, target_port=port))
    return wires, values
