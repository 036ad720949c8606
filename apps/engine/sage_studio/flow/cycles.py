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
"""Edges looked at before giving up; after that every remaining edge of the core is left out.
Only a document made to hurt gets there."""


def cycle_losers(arcs: Sequence[Arc]) -> list[int]:
    """Indexes of the arcs that lose; ``arcs`` are (source, target), oldest first."""
    core = _core(arcs)
    losers: list[int] = []
    taken = _Taken()
    for index, (source, target) in enumerate(arcs):
        if source not in core or target not in core:
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


def _core(arcs: Iterable[Arc]) -> set[str]:
    """The nodes left after peeling off, again and again, those that nothing enters or nothing leaves.

    Empty for a graph without cycles, which is nearly every graph; an arc with an end outside the
    core is on no cycle.
    """
    after: dict[str, list[str]] = {}
    before: dict[str, list[str]] = {}
    for source, target in arcs:
        after.setdefault(source, []).append(target)
        before.setdefault(target, []).append(source)
    core = after.keys() | before.keys()
    for leaving, entering in ((after, before), (before, after)):
        degree = {node: sum(other in core for other in entering.get(node, ())) for node in core}
        bare = [node for node, count in degree.items() if count == 0]
        while bare:
            node = bare.pop()
            core.discard(node)
            for other in leaving.get(node, ()):
                if other in core:
                    degree[other] -= 1
                    if degree[other] == 0:
                        bare.append(other)
    return core
