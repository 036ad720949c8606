"""All changes to a plan, level by level. What they are expected to save is worked out in ``forecast``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from sage_studio.engine.optimise.durations import ITERATIONS, Durations, Expected
from sage_studio.engine.optimise.relaxing import Relaxed, relax, still_waited_for
from sage_studio.engine.optimise.sharing import same_in_every_turn, twins, unread
from sage_studio.engine.optimise.timing import makespan, predecessors, ranks, topological
from sage_studio.engine.plan import Hints, Plan, PlanNode
from sage_studio.flow.document import FlowNode

Wires = Sequence[Sequence[int]]
WORTH_SHARING_MS = 0.5
"""Quicker work is done again: looking for what another gave would take as long."""


@dataclass(frozen=True, slots=True)
class LevelChanges:
    """What was done to one level. ``plan`` is the outcome, ``drawn`` what it was made of; slots are the
    same in both. ``bodies`` are the levels inside containers, by the container's slot."""

    drawn: Plan
    plan: Plan
    relaxed: Relaxed
    hints: Hints
    unread: Sequence[int]
    expected: Sequence[Expected]
    bodies: Mapping[int, Sequence[LevelChanges]]

    def whole(self) -> list[LevelChanges]:
        """This level and all below it."""
        below = [level for levels in self.bodies.values() for level in levels]
        return [self, *(level for body in below for level in body.whole())]

    @property
    def work_ms(self) -> list[float]:
        """What every node adds: its expected time, nothing for one that takes over what another gave."""
        return [0.0 if slot in self.hints.twin_of else one.ms for slot, one in enumerate(self.expected)]


def optimise(plan: Plan, durations: Durations | None = None) -> LevelChanges:
    """Rework a compiled flow (``.plan`` of what is returned) so that the results and states of its runs
    stay what they were. With ``settings.optimise: off`` it is only looked at."""
    drawn = {node.id: node for node in plan.document.nodes}
    return _Optimiser(plan, drawn, durations or Durations()).level(plan)


class _Optimiser:
    def __init__(self, plan: Plan, drawn: Mapping[str, FlowNode], durations: Durations) -> None:
        settings = plan.document.settings
        self._drawn = drawn
        self._durations = durations
        self._is_on = settings.optimise != "off"
        self._skips_unread = self._is_on and settings.unread_nodes == "skip"
        self._at_once = settings.concurrency

    def level(self, plan: Plan, *, is_loop: bool = False) -> LevelChanges:
        """One level and, first, the bodies in it."""
        bodies: dict[int, list[LevelChanges]] = {}
        for node in plan.nodes:
            if node.body is not None:
                sections = node.body.sections.values()
                bodies[node.index] = [self.level(one, is_loop=node.body.is_loop) for one in sections]
        reworked = self._with_bodies(plan, bodies)
        before = predecessors(plan.nodes)
        expected = [self._expected(node, bodies.get(node.index, ())) for node in plan.nodes]
        worth = frozenset(slot for slot, one in enumerate(expected) if one.ms >= WORTH_SHARING_MS)
        relaxed = relax(plan, before) if self._is_on else Relaxed()
        same = twins(plan, self._drawn, worth) if self._is_on else {}
        if relaxed.gone or same:
            reworked = _rewired(reworked, _waits_for(plan, before, relaxed, same), relaxed)
        idle = unread(plan, reworked.nodes)
        invariant = same_in_every_turn(plan, self._drawn) if self._is_on and is_loop else frozenset()
        hints = Hints(
            rank=ranks(reworked.nodes, reworked.order, [one.ms for one in expected]),
            twin_of=MappingProxyType(same),
            invariant=invariant & worth,
            unread=frozenset(idle) if self._skips_unread else frozenset(),
            cheap=(),
        )
        special = hints.invariant | hints.unread | same.keys()
        hints = replace(hints, cheap=_cheap(reworked, special))
        if self._is_on:
            reworked = replace(reworked, hints=hints, special=special)
        return LevelChanges(plan, reworked, relaxed, hints, idle, expected, bodies)

    def _with_bodies(self, plan: Plan, below: Mapping[int, Sequence[LevelChanges]]) -> Plan:
        if not below or not self._is_on:
            return plan
        nodes = list(plan.nodes)
        for slot, sections in below.items():
            node = nodes[slot]
            assert node.body is not None
            names = node.body.sections
            plans = {name: level.plan for name, level in zip(names, sections, strict=True)}
            nodes[slot] = replace(node, body=replace(node.body, sections=MappingProxyType(plans)))
        return replace(plan, nodes=tuple(nodes))

    def _expected(self, node: PlanNode, sections: Sequence[LevelChanges]) -> Expected:
        known = self._durations.expected(node)
        if node.body is None or known.source == "learned":
            return known
        turn_ms = sum(makespan(level.plan.nodes, level.work_ms, at_once=self._at_once) for level in sections)
        return Expected(turn_ms * (ITERATIONS if node.body.is_loop else 1), "type")


def _cheap(plan: Plan, special: frozenset[int]) -> tuple[bool, ...]:
    """The nodes that may be run by a bare call."""
    return tuple(
        node.is_simple and node.index not in special and not node.binding.handed for node in plan.nodes
    )


def _waits_for(plan: Plan, before: Wires, relaxed: Relaxed, same: Mapping[int, int]) -> list[set[int]]:
    """For every node those it waits for after the changes."""
    waits = [set(slots) for slots in before]
    for slot, gone in relaxed.gone.items():
        waits[slot] = still_waited_for(plan, plan.nodes[slot], gone)
    for first, then in relaxed.waits:
        waits[then].add(first)
    for twin, leader in same.items():
        waits[twin].add(leader)
    return waits


def _rewired(plan: Plan, waits_for: Sequence[set[int]], relaxed: Relaxed) -> Plan:
    """The plan with other waits; nodes nothing changes for are the very same objects."""
    after: list[list[int]] = [[] for _ in plan.nodes]
    for slot in plan.order:
        for earlier in waits_for[slot]:
            after[earlier].append(slot)
    nodes = list(plan.nodes)
    for slot, node in enumerate(plan.nodes):
        gone = relaxed.gone.get(slot, ())
        successors = tuple(after[slot])
        if gone or len(waits_for[slot]) != node.waits or set(successors) != set(node.successors):
            inputs = tuple(one for one in node.inputs if one not in gone)
            nodes[slot] = replace(node, inputs=inputs, successors=successors, waits=len(waits_for[slot]))
    order = topological(nodes, plan.order)
    return replace(plan, nodes=tuple(nodes), order=order)
