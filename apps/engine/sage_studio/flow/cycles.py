"""Which edges to leave out so that a graph has no cycle: every replica gives the same answer.

Edges are taken in the order given (oldest first); one that would close a cycle over those already
taken is left out. So the latest edge on a cycle loses, and no edge is lost to a cycle that is
broken already.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import TypeAlias

Arc: TypeAlias = tuple[str, str]

MAX_STEPS = 1_000_000
"""Edges looked at before giving up; after that every remaining edge inside a knot is left out.
Only a document made to hurt gets there."""


def cycle_losers(arcs: Sequence[Arc]) -> list[int]:
    """Indexes of the arcs that lose; ``arcs`` are (source, target), oldest first."""
    knot = _knots(arcs)
    losers: list[int] = []
    taken = _Taken()
    for index, (source, target) in enumerate(arcs):
        if knot.get(source) != knot.get(target) or source not in knot:
            continue
        if taken.steps > MAX_STEPS or taken.closes_cycle(source, target):
            losers.append(index)
        else:
            taken.add(source, target)
    return losers


class _Taken:
    """The arcs taken so far, searched from both ends at once."""

    def __init__(self) -> None:
        self.after: dict[str, list[str]] = {}
        self.before: dict[str, list[str]] = {}
        self.steps = 0

    def add(self, source: str, target: str) -> None:
        self.after.setdefault(source, []).append(target)
        self.before.setdefault(target, []).append(source)

    def closes_cycle(self, source: str, target: str) -> bool:
        """Whether ``source`` can already be reached from ``target``.

        Forward from the target and backward from the source, one node each in turn: the search
        ends as soon as the smaller side is exhausted.
        """
        if source == target:
            return True
        ahead, behind = {target}, {source}
        forward, backward = deque([target]), deque([source])
        while forward and backward:
            if self._widen(self.after, forward, ahead, behind):
                return True
            if self._widen(self.before, backward, behind, ahead):
                return True
        return False

    def _widen(self, arcs: dict[str, list[str]], queue: deque[str], seen: set[str], other: set[str]) -> bool:
        for node in arcs.get(queue.popleft(), ()):
            self.steps += 1
            if node in other:
                return True
            if node not in seen:
                seen.add(node)
                queue.append(node)
        return False


def _knots(arcs: Iterable[Arc]) -> dict[str, int]:
    """Node → number of its strongly connected component, for components that hold a cycle.

    Tarjan's algorithm, written without recursion because flows may be thousands of nodes deep.
    """
    after: dict[str, list[str]] = {}
    loops: set[str] = set()
    for source, target in arcs:
        after.setdefault(source, []).append(target)
        if source == target:
            loops.add(source)
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    component: dict[str, int] = {}
    open_nodes: list[str] = []
    on_stack: set[str] = set()
    for root in after:
        if root in index:
            continue
        work = [(root, iter(after[root]))]
        index[root] = low[root] = len(index)
        open_nodes.append(root)
        on_stack.add(root)
        while work:
            node, targets = work[-1]
            for target in targets:
                if target not in index:
                    index[target] = low[target] = len(index)
                    open_nodes.append(target)
                    on_stack.add(target)
                    work.append((target, iter(after.get(target, ()))))
                    break
                if target in on_stack:
                    low[node] = min(low[node], index[target])
            else:
                work.pop()
                if work:
                    parent = work[-1][0]
                    low[parent] = min(low[parent], low[node])
                if low[node] == index[node]:
                    _close(node, open_nodes, on_stack, loops, component)
    return component


def _close(
    root: str, open_nodes: list[str], on_stack: set[str], loops: set[str], component: dict[str, int]
) -> None:
    members = []
    while True:
        node = open_nodes.pop()
        on_stack.discard(node)
        members.append(node)
        if node == root:
            break
    if len(members) > 1 or root in loops:
        number = len(component)
        component.update(dict.fromkeys(members, number))
