"""Which nodes of a plan work together on streams, and the plan rewritten so that each such group
starts as one unit.

An edge is *live* when both its ports carry streams and the flow streams (``settings.mode``), or both
are declared as streams. Nodes joined by live edges make a pipeline. Its first node stands for it in
the plan: it waits for everything any of them needs from outside. Where a live edge would make a
pipeline wait for itself (a node inside needs, by another way, the whole of what another one inside
gives), the edge carries a list after all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType

from sage_studio.engine.plan import BodyPlan, Member, NodeClass, PipelinePlan, Plan, PlanInput, PlanNode, Wire
from sage_studio.sdk import Port, StreamNode


def join_streams(plan: Plan) -> Plan:
    """The plan with its pipelines, on every level; the very same plan when there are none."""
    nodes = list(plan.nodes)
    has_inner = False
    for node in plan.nodes:
        if node.body is not None:
            sections = {name: join_streams(part) for name, part in node.body.sections.items()}
            if any(sections[name] is not part for name, part in node.body.sections.items()):
                body = BodyPlan(MappingProxyType(sections), node.body.fields, node.body.is_loop)
                nodes[node.index] = replace(node, body=body)
                has_inner = True
    live = _live_edges(plan)
    streaming = {cls: _has_streams_only(cls) for cls in {node.node_class for node in plan.nodes}}
    solos = {node.index for node in plan.nodes if streaming[node.node_class] and _can_stream(node)}
    if not live and not solos:
        return replace(plan, nodes=tuple(nodes)) if has_inner else plan
    live = _without_circles(plan, live)
    groups = _groups(live, solos)
    return replace(plan, nodes=tuple(_rewired(plan, nodes, groups, live)))


# What can stream


def _can_stream(node: PlanNode) -> bool:
    if node.node_class is None or node.disabled or node.pinned is not None or node.body is not None:
        return False
    return issubclass(node.node_class, StreamNode) or not node.blocking


def _has_streams_only(cls: NodeClass | None) -> bool:
    """Whether a node has no way of its own to work on plain lists."""
    return cls is not None and issubclass(cls, StreamNode) and cls.run is StreamNode.run


def is_stream(port: Port) -> bool:
    return port.type.startswith("stream")


def _carries(node: PlanNode, port: Port) -> bool:
    if is_stream(port):
        return True
    return port.streams and node.node_class is not None and issubclass(node.node_class, StreamNode)


def _ports(node: PlanNode, *, outputs: bool) -> dict[str, Port]:
    if node.spec is None or not _can_stream(node):
        return {}
    ports = node.spec.outputs if outputs else node.spec.inputs
    return {port.name: port for port in ports if _carries(node, port)}


Edge = tuple[int, str, int, str]


def _live_edges(plan: Plan) -> set[Edge]:
    streams = plan.document.settings.mode != "batch"
    found: set[Edge] = set()
    for target in plan.nodes:
        if not streams and (target.spec is None or not target.spec.takes_streams):
            continue
        into = _ports(target, outputs=False)
        for wired in target.inputs:
            port = into.get(wired.port)
            if port is None:
                continue
            for slot, source_port in wired.sources:
                if slot >= len(plan.nodes):
                    continue
                given = _ports(plan.nodes[slot], outputs=True).get(source_port)
                if given is not None and (streams or (is_stream(given) and is_stream(port))):
                    found.add((slot, source_port, target.index, wired.port))
    return found


# Pipelines must not wait for themselves


def _groups(live: set[Edge], solos: set[int]) -> list[set[int]]:
    group_of: dict[int, set[int]] = {index: {index} for index in solos}
    for source, _port, target, _into in live:
        joined = group_of.get(source, {source}) | group_of.get(target, {target})
        for index in joined:
            group_of[index] = joined
    unique: list[set[int]] = []
    for group in group_of.values():
        if group not in unique:
            unique.append(group)
    return unique


def _whole_needs(plan: Plan, live: set[Edge]) -> list[set[int]]:
    """For every node, those that need its outputs whole: by another edge, or by an expression."""
    wired = {(source, port, target, into) for source, port, target, into in live}
    joined = {(source, target) for source, _port, target, _into in live}
    needs: list[set[int]] = [set() for _ in plan.nodes]
    for node in plan.nodes:
        for successor in node.successors:
            if (node.index, successor) not in joined:
                needs[node.index].add(successor)
    for target in plan.nodes:
        for root in target.binding.roots:
            slot = plan.index.get(root)
            if slot is not None and slot < len(plan.nodes) and slot != target.index:
                needs[slot].add(target.index)
        for one in target.inputs:
            for slot, port in one.sources:
                if slot < len(plan.nodes) and (slot, port, target.index, one.port) not in wired:
                    needs[slot].add(target.index)
    return needs


def _without_circles(plan: Plan, live: set[Edge]) -> set[Edge]:
    while True:
        needs = _whole_needs(plan, live)
        bad: set[int] = set()
        for group in _groups(live, set()):
            bad |= group & _reached(plan, group, needs)
        if not bad:
            return live
        into = {edge for edge in live if edge[2] in bad}
        live = live - (into or {edge for edge in live if edge[0] in bad})


def _reached(plan: Plan, group: set[int], needs: list[set[int]]) -> set[int]:
    """What hangs on the whole outputs of a group's members, directly or further on."""
    found: set[int] = set()
    waiting = deque(target for member in group for target in needs[member])
    while waiting:
        index = waiting.popleft()
        if index not in found:
            found.add(index)
            waiting.extend(plan.nodes[index].successors)
    return found


# The plan rewritten


def _rewired(
    plan: Plan, nodes: list[PlanNode], groups: list[set[int]], live: set[Edge]
) -> Sequence[PlanNode]:
    stands_for: dict[int, int] = {}
    members_of: dict[int, list[int]] = {}
    for group in groups:
        members = [index for index in plan.order if index in group]
        members_of[members[0]] = members
        stands_for.update(dict.fromkeys(members, members[0]))
    needed_by: dict[int, set[int]] = {leader: set() for leader in members_of}
    rewired: list[PlanNode] = []
    for node in nodes:
        mine = stands_for.get(node.index)
        successors: dict[int, None] = {}
        for successor in node.successors:
            leader = stands_for.get(successor, successor)
            if leader != mine or mine is None:
                successors[leader] = None
                if leader in needed_by:
                    needed_by[leader].add(node.index)
        rewired.append(replace(node, successors=tuple(successors), is_joined=mine is not None))
    for leader, members in members_of.items():
        pipeline = _pipeline(plan, [rewired[index] for index in members], live)
        for index in members[1:]:
            rewired[index] = replace(rewired[index], waits=1)  # nobody frees it: its pipeline settles it
        waits = len(needed_by[leader])
        rewired[leader] = replace(rewired[leader], waits=waits, pipeline=pipeline)
    return rewired


def _pipeline(plan: Plan, nodes: list[PlanNode], live: set[Edge]) -> PipelinePlan:
    members = tuple(_member(plan, node, live) for node in nodes)
    drawn = {node.id: node.timeout_s for node in plan.document.nodes}
    limits = [limit for node in nodes if (limit := drawn.get(node.id)) is not None]
    return PipelinePlan(
        members=members,
        is_resumable=all(map(_says_its_state, members)),
        timeout_s=min(limits, default=None),
    )


def _says_its_state(member: Member) -> bool:
    cls = member.node.node_class
    if cls is None or not issubclass(cls, StreamNode):
        return False
    is_source = not member.reads and not member.fed
    return not is_source or cls.snapshot is not StreamNode.snapshot


def _member(plan: Plan, node: PlanNode, live: set[Edge]) -> Member:
    into, out = _ports(node, outputs=False), _ports(node, outputs=True)
    reads: dict[str, tuple[Wire, ...]] = {}
    settled: list[PlanInput] = []
    required: set[str] = set()
    for wired in node.inputs:
        sources = [
            (slot, port) for slot, port in wired.sources if (slot, port, node.index, wired.port) in live
        ]
        if sources:
            reads[wired.port] = tuple(sources)
            if wired.required:
                required.add(wired.port)
        else:
            settled.append(wired)
    taken = {
        port
        for other in plan.nodes
        for wired in other.inputs
        for slot, port in wired.sources
        if slot == node.index and (slot, port, other.index, wired.port) not in live
    }
    taken |= {port for sources in plan.results.values() for slot, port in sources if slot == node.index}
    return Member(
        node=replace(node, inputs=tuple(settled)),
        reads=MappingProxyType(reads),
        fed=frozenset(wired.port for wired in settled if wired.port in into and not wired.multiple),
        outputs=frozenset(out),
        gathered=frozenset(taken & set(out)),
        required=frozenset(required),
    )
