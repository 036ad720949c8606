"""Equal work done once: twins on one level, and nodes of a loop's body that do not depend on the turn.

Both rest on ``is_deterministic``: such a node's outputs follow from its settings and inputs alone. A twin
takes over what its leader gave; a node that does not depend on the turn takes over what it gave in the
first turn that needed it. Every one is still recorded, and does its own work when the other failed.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence, Set as AbstractSet

from sage_studio.engine.optimise.facts import is_effect_free, is_repeatable, named_nodes
from sage_studio.engine.plan import Plan, PlanNode
from sage_studio.flow.document import FlowNode

_OF_THE_TURN = frozenset({"item", "index"})


def twins(plan: Plan, drawn: Mapping[str, FlowNode], worth: AbstractSet[int]) -> dict[int, int]:
    """Node → the earlier node of the level that does exactly the same; only for those ``worth`` it."""
    if not worth:
        return {}
    number: dict[int, int] = {}
    leaders = _Leaders(plan, drawn)
    found: dict[int, int] = {}
    for slot in plan.order:
        node = plan.nodes[slot]
        number[slot] = slot
        if not is_repeatable(node):
            continue
        same = leaders.leader_of(node, number)
        if same != slot:
            number[slot] = same
            # What a twin took on record says nothing: it took over what its leader gave.
            if same in worth:
                found[slot] = same
    return found


class _Leaders:
    """The first node of every kind of work. Settings are spelled out only where all else is equal, which
    in most flows is nowhere."""

    def __init__(self, plan: Plan, drawn: Mapping[str, FlowNode]) -> None:
        self._plan = plan
        self._drawn = drawn
        self._first: dict[Hashable, int] = {}
        self._exact: dict[Hashable, int] = {}

    def leader_of(self, node: PlanNode, number: Mapping[int, int]) -> int:
        """The first node that does exactly the same; the node itself when there is none before it."""
        work = _work_of(node, self._drawn[node.id], number)
        first = self._first.setdefault(work, node.index)
        if first == node.index:
            return first
        self._exact.setdefault((work, self._settings_of(first)), first)
        return self._exact.setdefault((work, self._settings_of(node.index)), node.index)

    def _settings_of(self, slot: int) -> str:
        return _settings(self._drawn[self._plan.nodes[slot].id].config)


_settings = json.JSONEncoder(sort_keys=True, ensure_ascii=False).encode


def _work_of(node: PlanNode, drawn: FlowNode, number: Mapping[int, int]) -> Hashable:
    """All that a repeatable node's outcome depends on but its settings; equal behind twins as well."""
    # A port with many edges is told the sources' ids, so there they must be the very same.
    wires = [
        (
            one.port,
            tuple([(slot if one.multiple else number.get(slot, slot), port) for slot, port in one.sources]),
        )
        for one in node.inputs
    ]
    rest = (drawn.version, node.timeout_s, node.retry.count, node.on_error, node.cache, node.is_trigger)
    return node.node_class, tuple(sorted(wires)), rest


def same_in_every_turn(plan: Plan, drawn: Mapping[str, FlowNode]) -> frozenset[int]:
    """Nodes of a body whose outcome cannot differ between the turns of its container."""
    if plan.container is None:
        return frozenset()
    found: set[int] = set()
    for slot in plan.order:
        node = plan.nodes[slot]
        if not is_repeatable(node) or node.binding.roots & _OF_THE_TURN:
            continue
        reads = named_nodes(node, plan) | {source for wired in node.inputs for source, _ in wired.sources}
        if all(read in found or _is_from_outside(plan, read, drawn) for read in reads):
            found.add(slot)
    return frozenset(found)


def _is_from_outside(plan: Plan, slot: int, drawn: Mapping[str, FlowNode]) -> bool:
    """Whether a slot holds what a level around the container gave before its first turn (and not the
    container itself, or a node of another section of the same turn)."""
    if slot < len(plan.nodes):
        return False
    imported = plan.imports[slot - len(plan.nodes)]
    return imported != plan.container and drawn[imported].parent != plan.container


def unread(plan: Plan, nodes: Sequence[PlanNode]) -> list[int]:
    """Effect-free nodes whose outputs nobody reads: neither a node that is read itself nor the flow's
    declared outputs. ``nodes`` are those of the level with the waits it will run with. Nothing is unread
    in a flow that declares no outputs: there the last nodes are the result."""
    if not plan.outputs or plan.container is not None:
        return []
    wanted = {plan.index[root] for output in plan.outputs for root in output.roots if root in plan.index}
    idle: set[int] = set()
    for slot in reversed(plan.order):
        node = nodes[slot]
        if (
            is_effect_free(node)
            and not node.is_joined
            and slot not in wanted
            and idle.issuperset(node.successors)
        ):
            idle.add(slot)
    return sorted(idle)
