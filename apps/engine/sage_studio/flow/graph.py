"""A flow as a graph: who feeds whom, in which order, and where it runs in circles."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from functools import cached_property

from sage_studio.flow.document import FlowDocument, FlowEdge, FlowNode


class Graph:
    """Nodes by id and the edges between nodes that exist. With two nodes of one id the first counts."""

    def __init__(self, document: FlowDocument) -> None:
        self.nodes: dict[str, FlowNode] = {}
        for node in document.nodes:
            self.nodes.setdefault(node.id, node)
        self.incoming: Mapping[str, list[FlowEdge]] = defaultdict(list)
        self.outgoing: Mapping[str, list[FlowEdge]] = defaultdict(list)
        for edge in document.edges:
            if edge.source in self.nodes and edge.target in self.nodes:
                self.incoming[edge.target].append(edge)
                self.outgoing[edge.source].append(edge)
        self.rank = self._ranks()

    def _ranks(self) -> dict[str, int]:
        """Position of every node in one topological order; nodes on or behind a cycle have none."""
        waiting = {node_id: len(self.incoming.get(node_id, ())) for node_id in self.nodes}
        ready = deque(node_id for node_id, count in waiting.items() if count == 0)
        rank: dict[str, int] = {}
        while ready:
            node_id = ready.popleft()
            rank[node_id] = len(rank)
            for edge in self.outgoing.get(node_id, ()):
                waiting[edge.target] -= 1
                if waiting[edge.target] == 0:
                    ready.append(edge.target)
        return rank

    def is_upstream(self, source: str, target: str) -> bool:
        """Whether ``target`` can only run after ``source``."""
        if any(edge.source == source for edge in self.incoming.get(target, ())):
            return True
        if source not in self.rank or target not in self.rank:
            return self._reaches_back(target, source)
        return bool(self._before[target] >> self.rank[source] & 1)

    @cached_property
    def _before(self) -> dict[str, int]:
        """For every ranked node the ranks of all nodes before it, as bits: one pass, a few bytes each."""
        before: dict[str, int] = {}
        for node_id in self.rank:
            bits = 0
            for edge in self.incoming.get(node_id, ()):
                bits |= before[edge.source] | 1 << self.rank[edge.source]
            before[node_id] = bits
        return before

    def _reaches_back(self, target: str, source: str) -> bool:
        """The same question around a cycle, by searching."""
        seen: set[str] = set()
        todo = [target]
        while todo:
            for edge in self.incoming.get(todo.pop(), ()):
                if edge.source == source:
                    return True
                if edge.source not in seen:
                    seen.add(edge.source)
                    todo.append(edge.source)
        return False

    def cycles(self, *, most: int = 20) -> list[Sequence[FlowEdge]]:
        """Some cycle for every node that is on one, at most ``most``; each closed by its last edge."""
        found: list[Sequence[FlowEdge]] = []
        done: set[str] = set()
        for start in self.nodes:
            if start in self.rank or start in done or len(found) >= most:
                continue
            cycle = self._cycle_from(start, done)
            if cycle:
                found.append(cycle)
        return found

    def _cycle_from(self, start: str, done: set[str]) -> list[FlowEdge]:
        """Walk backwards over unranked nodes until one repeats: every one of them has such a predecessor
        unless it was looked at before."""
        steps: list[FlowEdge] = []
        at: dict[str, int] = {}
        node = start
        while node not in at:
            if node in done:
                done.update(at)
                return []
            at[node] = len(steps)
            edge = next(edge for edge in self.incoming[node] if edge.source not in self.rank)
            steps.append(edge)
            node = edge.source
        done.update(at)
        return list(reversed(steps[at[node] :]))
