"""What an optimised flow is expected to save, and how much parallelism a time budget asks for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from sage_studio.engine.optimise.durations import ITERATIONS
from sage_studio.engine.optimise.passes import LevelChanges
from sage_studio.engine.optimise.timing import makespan
from sage_studio.engine.plan import PlanNode


class Times(NamedTuple):
    """Milliseconds a level is expected to take: one node after the other, as drawn, and optimised."""

    serial_ms: float
    drawn_ms: float
    optimised_ms: float


def times_of(level: LevelChanges, at_once: int | None = None) -> Times:
    """For a level and the bodies in it, with at most ``at_once`` nodes at work."""
    as_drawn = [one.ms for one in level.expected]
    one_by_one = list(as_drawn)
    for slot, sections in level.bodies.items():
        if level.expected[slot].source != "learned":
            turns = _turns(level.plan.nodes[slot])
            below = [times_of(section, at_once) for section in sections]
            as_drawn[slot] = turns * sum(times.drawn_ms for times in below)
            one_by_one[slot] = turns * sum(times.serial_ms for times in below)
    return Times(
        sum(one_by_one),
        makespan(level.drawn.nodes, as_drawn, at_once=at_once),
        makespan(level.plan.nodes, level.work_ms, at_once=at_once, priority=level.hints.rank),
    )


def _turns(node: PlanNode) -> int:
    return ITERATIONS if node.body is not None and node.body.is_loop else 1


class Choice(NamedTuple):
    """How many nodes to run at once (None: as many as are ready), and the milliseconds that takes."""

    at_once: int | None
    expected_ms: float
    is_enough: bool


def least_parallel(level: LevelChanges, time_ms: float, *, most: int | None = None) -> Choice:
    """The smallest number of nodes at once that keeps a time budget: more would only take resources
    from other runs. ``is_enough`` is False when even all at once (or ``most``) will not do."""
    widest = most or max(len(level.plan.nodes), 1)
    best = _expected(level, widest)
    if best > time_ms:
        return Choice(most, best, is_enough=False)
    low, high = 1, widest
    while low < high:
        middle = (low + high) // 2
        if _expected(level, middle) <= time_ms:
            high = middle
        else:
            low = middle + 1
    return Choice(high, _expected(level, high), is_enough=True)


def _expected(level: LevelChanges, at_once: int) -> float:
    return makespan(level.plan.nodes, level.work_ms, at_once=at_once, priority=level.hints.rank)


def saved_by(level: LevelChanges, pairs: Sequence[tuple[int, int]]) -> float:
    """What not waiting along these pairs (first, then) saves: the level's time with those waits, less
    its time without."""
    nodes = list(level.plan.nodes)
    for first, then in pairs:
        if then not in nodes[first].successors:
            nodes[first] = replace(nodes[first], successors=(*nodes[first].successors, then))
            nodes[then] = replace(nodes[then], waits=nodes[then].waits + 1)
    return max(makespan(nodes, level.work_ms) - makespan(level.plan.nodes, level.work_ms), 0.0)
