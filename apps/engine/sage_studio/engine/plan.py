"""A flow made ready to run: immutable, indexed by integers, shared by all its runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from sage_studio.engine.bindings import Binding, BoundValue
from sage_studio.flow.document import FlowDocument, Retry
from sage_studio.flow.spec import Effect, Needs, NodeSpec
from sage_studio.kernel.sealed import sealed
from sage_studio.sdk import Node

Wire: TypeAlias = tuple[int, str]
NO_RETRY = Retry(count=0)
_ONE_CPU = Needs(cpu=1)
NodeClass: TypeAlias = type[Node]


@sealed(frozen=True, slots=True)
class PlanInput:
    """One wired input port: where its values come from, in edge order.

    ``is_field`` ports are configuration fields that are wired: the edge wins over the field.
    """

    port: str
    multiple: bool
    required: bool
    is_field: bool
    sources: tuple[tuple[int, str], ...]


@sealed(frozen=True, slots=True)
class PlanNode:
    """One node with everything looked up that a run would otherwise look up again.

    ``successors`` are the nodes that wait for this one (each counted once, by edge or by
    expression); ``waits`` is how many this one waits for. ``is_plain`` nodes have neither
    ``prepare`` nor ``close`` and give all outputs at once. ``node_class`` and ``spec`` are None
    only for disabled nodes of an unknown type. ``pipeline`` is set on the node that stands for one.
    """

    index: int
    id: str
    name: str
    type: str
    node_class: NodeClass | None
    spec: NodeSpec | None
    binding: Binding
    inputs: tuple[PlanInput, ...]
    wired_fields: tuple[str, ...]
    successors: tuple[int, ...]
    waits: int
    effect: Effect
    is_plain: bool
    blocking: bool
    is_trigger: bool
    timeout_s: float
    retry: Retry
    on_error: Literal["fail", "continue", "route"]
    disabled: bool
    pinned: Mapping[str, Any] | None
    stream_ports: frozenset[str]
    body: BodyPlan | None = None
    cache: bool = False
    concurrency: int | None = None
    executor: str | None = None
    is_deterministic: bool = False
    pipeline: PipelinePlan | None = None
    is_joined: bool = False
    """Whether it works in a pipeline, its own or the one of the node that stands for it."""

    @property
    def is_at_most_once(self) -> bool:
        return self.effect == "at_most_once"

    @property
    def needs(self) -> Needs | None:
        """What an attempt takes of its worker, when it says so."""
        if self.spec is None or self.body is not None:
            return None
        return self.spec.needs or (_ONE_CPU if self.spec.cpu_bound else None)

    @property
    def is_simple(self) -> bool:
        """Whether running it takes nothing but calling its code: no hooks, threads, limits or effects."""
        plain = self.is_plain and self.effect == "pure" and self.pinned is None and self.body is None
        bare = not (self.blocking or self.disabled or self.cache or self.is_trigger or self.stream_ports)
        free = self.executor is None and self.concurrency is None and self.needs is None
        free = free and not self.is_joined
        return plain and bare and free


@dataclass(frozen=True, slots=True)
class Member:
    """A node of a pipeline. ``node.inputs`` are those that come as values; ``reads`` are its live
    inputs (port → sources as (slot, port)); ``fed`` are inputs that come as lists and are read as
    streams; ``outputs`` its stream ports, ``gathered`` those of them a node outside takes as a list."""

    node: PlanNode
    reads: Mapping[str, tuple[Wire, ...]] = field(default_factory=dict)
    fed: frozenset[str] = frozenset()
    outputs: frozenset[str] = frozenset()
    gathered: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PipelinePlan:
    """Members in topological order. Only when ``is_resumable`` are checkpoints taken: all members say
    their state, and every source its position. ``timeout_s`` is what people set on a member."""

    members: tuple[Member, ...]
    is_resumable: bool
    timeout_s: float | None


@dataclass(frozen=True, slots=True)
class BodyPlan:
    """The inside of a container: a plan for each section (one, called ``""``, without sections), and
    the container's fields that are evaluated in there."""

    sections: Mapping[str, Plan]
    fields: tuple[BoundValue, ...]
    is_loop: bool


@dataclass(frozen=True, slots=True)
class Hints:
    """What the optimiser found out about the nodes of a level, by slot.

    ``rank`` is the expected time from a node's start to the end of the level: the higher, the sooner it
    should run. ``twin_of`` maps nodes to earlier ones that do exactly the same; ``invariant`` nodes give
    the same in every turn of their container; ``cheap`` ones may be run by a bare call; ``unread`` ones
    are to be skipped.
    """

    rank: tuple[float, ...]
    cheap: tuple[bool, ...]
    twin_of: Mapping[int, int] = field(default_factory=dict)
    invariant: frozenset[int] = frozenset()
    unread: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Plan:
    """One compiled level: the whole flow, or a section of a container's body.

    ``order`` is one topological order; ``sinks`` are nodes nobody waits for. ``imports`` are ids of
    nodes outside of this level that something in it reads; ``index`` maps the ids of its own nodes and
    then of the imports to slots, ``ids`` are the same by slot. ``results`` says what a body hands to its
    container, by port. ``exports`` are ids of own nodes that other sections of the same body read.
    ``hints`` is None for a plan in drawn order; ``special`` are its nodes that may settle without work
    of their own.
    """

    document: FlowDocument
    nodes: tuple[PlanNode, ...]
    order: tuple[int, ...]
    sinks: tuple[int, ...]
    outputs: tuple[BoundValue, ...]
    index: Mapping[str, int]
    ids: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    results: Mapping[str, tuple[tuple[int, str], ...]] = field(default_factory=dict)
    exports: tuple[str, ...] = ()
    container: str | None = None
    hints: Hints | None = None
    special: frozenset[int] = frozenset()
    # What its runs have looked up, by who needs it: the same for all of them, and no part of its meaning.
    kept: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def whole(self) -> Iterator[PlanNode]:
        """The nodes of this level and of all below it."""
        for node in self.nodes:
            yield node
            for section in node.body.sections.values() if node.body is not None else ():
                yield from section.whole()

    def levels(self) -> list[list[str]]:
        """Node ids by depth: those of one level depend only on earlier ones and may run at once."""
        depth = [0] * len(self.nodes)
        for i in self.order:
            for successor in self.nodes[i].successors:
                depth[successor] = max(depth[successor], depth[i] + 1)
        rows: list[list[str]] = [[] for _ in range(max(depth, default=-1) + 1)]
        for i in self.order:
            rows[depth[i]].append(self.nodes[i].id)
        return rows
