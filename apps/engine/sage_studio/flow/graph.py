"""A flow as a graph: who feeds whom, in which order, and where it runs in circles.

``incoming`` and ``outgoing`` are the connections as drawn; order and circles are those of each level
(``flow.levels``).
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from functools import cached_property

from sage_studio.flow.document import FlowDocument, FlowEdge, FlowNode
from sage_studio.flow.levels import containers_of, lifted
from sage_studio.flow.sections import sections_of
from sage_studio.flow.spec import Body


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
        self.parents: dict[str, str | None] = {
            node.id: node.parent if node.parent in self.nodes else None for node in self.nodes.values()
        }
        self._containers = {parent for parent in self.parents.values() if parent is not None}
        self._is_flat = not self._containers
        self._wired: dict[str, frozenset[str]] = {}
        self._before_edges, self._after_nodes = self._ordering()
        self.rank = self._ranks()

    def _ordering(self) -> tuple[Mapping[str, list[tuple[str, FlowEdge]]], Mapping[str, list[str]]]:
        """For every node what it waits for, with the edge that says so, and what waits for it."""
        if self._is_flat:
            return (
                {target: [(edge.source, edge) for edge in edges] for target, edges in self.incoming.items()},
                {source: [edge.target for edge in edges] for source, edges in self.outgoing.items()},
            )
        before: Mapping[str, list[tuple[str, FlowEdge]]] = defaultdict(list)
        after: Mapping[str, list[str]] = defaultdict(list)
        for target, edges in self.incoming.items():
            for edge in edges:
                arc = lifted(edge.source, target, self.parents)
                if arc is not None:
                    before[arc[1]].append((arc[0], edge))
                    after[arc[0]].append(arc[1])
        return before, after

    def has_children(self, node_id: str) -> bool:
        return node_id in self._containers

    def wired_ports(self, node_id: str) -> frozenset[str]:
        """Inputs something is connected to; what a container's own children hand it is no input."""
        wired = self._wired.get(node_id)
        if wired is None:
            edges, parents = self.incoming.get(node_id, ()), self.parents
            wired = frozenset([edge.target_port for edge in edges if parents[edge.source] != node_id])
            self._wired[node_id] = wired
        return wired

    def is_inside(self, node_id: str, container: str) -> bool:
        """Whether a node stands in a container, at any depth."""
        return not self._is_flat and container in containers_of(node_id, self.parents)

    def _ranks(self) -> dict[str, int]:
        """Position of every node in one topological order; nodes on or behind a cycle have none."""
        waiting = {node_id: len(self._before_edges.get(node_id, ())) for node_id in self.nodes}
        ready = deque(node_id for node_id, count in waiting.items() if count == 0)
        rank: dict[str, int] = {}
        while ready:
            node_id = ready.popleft()
            rank[node_id] = len(rank)
            for target in self._after_nodes.get(node_id, ()):
                waiting[target] -= 1
                if waiting[target] == 0:
                    ready.append(target)
        return rank

    def sees(self, node_id: str, other: str) -> bool:
        """Whether a node can be given what ``other`` gives: that one stands on its level or on one around
        it, or is a container around it."""
        if self._is_flat:
            return True
        above = containers_of(node_id, self.parents)
        return other in above or self.parents.get(other) in {*above, None}

    def sections(self, container: str, body: Body) -> Mapping[str, str]:
        """The section each child of a container belongs to."""
        children = [node_id for node_id, parent in self.parents.items() if parent == container]
        inside = set(children)
        links = [
            (source, child)
            for child in children
            for source, _ in self._before_edges.get(child, ())
            if source in inside
        ]
        entries = [
            (edge.source_port, child)
            for edge in self.outgoing.get(container, ())
            for child in (edge.target, *containers_of(edge.target, self.parents))
            if child in inside
        ]
        parts = sections_of(body, children, links, entries)
        return {child: name for name, members in parts.items() for child in members}

    def is_upstream(self, source: str, target: str) -> bool:
        """Whether ``target`` can only run after ``source``, or inside it."""
        for edge in self.incoming.get(target, ()):
            if edge.source == source:
                return True
        if not self._is_flat:
            if self.is_inside(target, source):
                return True
            arc = lifted(source, target, self.parents)
            if arc is None or arc[0] != source:
                return False
            target = arc[1]
        if source not in self.rank or target not in self.rank:
            return self._reaches_back(target, source)
        return bool(self._before[target] >> self.rank[source] & 1)

    @cached_property
    def _before(self) -> dict[str, int]:
        """For every ranked node the ranks of all nodes before it, as bits: one pass, a few bytes each."""
        before: dict[str, int] = {}
        for node_id in self.rank:
            bits = 0
            for source, _ in self._before_edges.get(node_id, ()):
                bits |= before[source] | 1 << self.rank[source]
            before[node_id] = bits
        return before

    def _reaches_back(self, target: str, source: str) -> bool:
        """The same question around a cycle, by searching."""
        seen: set[str] = set()
        todo = [target]
        while todo:
            for other, _ in self._before_edges.get(todo.pop(), ()):
                if other == source:
                    return True
                if other not in seen:
                    seen.add(other)
                    todo.append(other)
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
            node, edge = next(arc for arc in self._before_edges[node] if arc[0] not in self.rank)
            steps.append(edge)
        done.update(at)
        return list(reversed(steps[at[node] :]))
