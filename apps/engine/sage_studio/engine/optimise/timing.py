"""Time and order of one level of a plan: who waits for whom, the critical path, a simulated schedule."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from sage_studio.engine.plan import PlanNode


def predecessors(nodes: Sequence[PlanNode]) -> list[list[int]]:
    """For every node those it waits for."""
    before: list[list[int]] = [[] for _ in nodes]
    for node in nodes:
        for successor in node.successors:
            before[successor].append(node.index)
    return before


def topological(nodes: Sequence[PlanNode], first: Sequence[int]) -> tuple[int, ...]:
    """An order in which every node comes behind those it waits for, and near its place in ``first``."""
    place = {slot: i for i, slot in enumerate(first)}
    waits = [node.waits for node in nodes]
    ready = [(place[slot], slot) for slot, count in enumerate(waits) if count == 0]
    heapq.heapify(ready)
    order: list[int] = []
    while ready:
        _, slot = heapq.heappop(ready)
        order.append(slot)
        for target in nodes[slot].successors:
            waits[target] -= 1
            if waits[target] == 0:
                heapq.heappush(ready, (place[target], target))
    return tuple(order)


def ranks(nodes: Sequence[PlanNode], order: Sequence[int], durations: Sequence[float]) -> tuple[float, ...]:
    """For every node the longest time from its start to the end of the level (its *upward rank*: Topcuoglu
    et al., 2002). The highest is the length of the critical path."""
    rank = [0.0] * len(nodes)
    for slot in reversed(order):
        after = nodes[slot].successors
        rank[slot] = durations[slot] + (max([rank[target] for target in after]) if after else 0.0)
    return tuple(rank)


def critical_path(nodes: Sequence[PlanNode], rank: Sequence[float]) -> list[int]:
    """The nodes whose delay would delay the end, first to last."""
    starts = [node.index for node in nodes if node.waits == 0]
    path: list[int] = []
    onward: Sequence[int] = starts
    while onward:
        path.append(max(onward, key=lambda slot: rank[slot]))
        onward = nodes[path[-1]].successors
    return path


def makespan(
    nodes: Sequence[PlanNode],
    durations: Sequence[float],
    *,
    at_once: int | None = None,
    priority: Sequence[float] | None = None,
) -> float:
    """Milliseconds a level takes with at most ``at_once`` nodes at work, the highest ``priority`` first
    among the ready (in order of becoming ready without one)."""
    waits = [node.waits for node in nodes]
    ready: list[tuple[float, int, int]] = []
    for slot, count in enumerate(waits):
        if count == 0:
            heapq.heappush(ready, (-priority[slot] if priority else 0.0, len(ready), slot))
    at_work: list[tuple[float, int]] = []
    now, turn = 0.0, len(nodes)
    while ready or at_work:
        while ready and (at_once is None or len(at_work) < at_once):
            slot = heapq.heappop(ready)[2]
            heapq.heappush(at_work, (now + durations[slot], slot))
        now, slot = heapq.heappop(at_work)
        for target in nodes[slot].successors:
            waits[target] -= 1
            if waits[target] == 0:
                turn += 1
                heapq.heappush(ready, (-priority[target] if priority else 0.0, turn, target))
    return now


def levels(nodes: Sequence[PlanNode], order: Sequence[int]) -> list[list[int]]:
    """Slots by depth: those of one row wait only for earlier rows and may run at once."""
    depth = [0] * len(nodes)
    for slot in order:
        for target in nodes[slot].successors:
            depth[target] = max(depth[target], depth[slot] + 1)
    rows: list[list[int]] = [[] for _ in range(max(depth, default=-1) + 1)]
    for slot in order:
        rows[depth[slot]].append(slot)
    return rows


def chains(nodes: Sequence[PlanNode], order: Sequence[int], cheap: Sequence[bool]) -> list[list[int]]:
    """Runs of two and more cheap nodes each of which waits only for the one before."""
    found: list[list[int]] = []
    seen: set[int] = set()
    for slot in order:
        if slot in seen or not cheap[slot]:
            continue
        chain = [slot]
        while len(nodes[chain[-1]].successors) == 1:
            after = nodes[chain[-1]].successors[0]
            if not cheap[after] or nodes[after].waits != 1:
                break
            chain.append(after)
        seen.update(chain)
        if len(chain) > 1:
            found.append(chain)
    return found
