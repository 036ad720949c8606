"""Cheap nodes taken one after another by bare calls, as the optimiser allows (``Hints.cheap``).

Such a node has no effects, hooks, threads or limits, so taking it to its end needs neither a task nor a
time limit: its coroutine is stepped once, and most end right there. Cheap nodes of which each waits for
nothing but the one before it are a *line*, looked up once per plan, which is gone along without asking what
is ready. What they gave is noted in a *span* and spelled out as events and records when somebody reads or
stores them, which is off the path from one node to the next. A node that waits or fails after all leaves
the span and goes on as any other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from sage_studio.engine.attempt import Attempt
from sage_studio.engine.context import RunContext
from sage_studio.engine.inputs import NOTHING, gather
from sage_studio.engine.plan import NodeClass, Plan, PlanNode
from sage_studio.engine.spans import Row, Span
from sage_studio.engine.stepping import checked

if TYPE_CHECKING:
    from sage_studio.engine.scope import Scope

# A span ends after so long, to let sockets and other runs have the loop.
SPAN_S = 0.005
# A line is looked up from wherever somebody enters it, so it must not be long.
LONGEST_LINE = 128
_LONG_AGO = float("-inf")

Wire: TypeAlias = tuple[str, int, str]
Step: TypeAlias = tuple[PlanNode, int, str, NodeClass, Mapping[str, Any] | None, Wire | None]
"""What is needed of a node, looked up once per plan: the node, its slot, id and class, its configuration when
that is constant, and (port, source slot, source port) when that is its one input."""


class Stuck(NamedTuple):
    """A cheap node that did not end by a bare call: it waits (``awaited``) or failed (``error``)."""

    attempt: Attempt
    coroutine: Coroutine[Any, Any, Any] | None
    awaited: Any
    error: BaseException | None


class CheapContext(RunContext):
    """A context that makes its attempt when it is first asked for: most cheap nodes never do."""

    __slots__ = ("_inputs", "_made", "_scope", "began", "node")

    def __init__(
        self, scope: Scope, node: PlanNode, config: Mapping[str, Any], inputs: Mapping[str, Any], began: float
    ) -> None:
        self._scope = scope
        self.node = node
        self._inputs = inputs
        self.began = began
        self.config = config

    def __getattr__(self, name: str) -> Any:
        """What has not been set yet: nobody has asked for the attempt, or said how far it is."""
        if name == "_made":
            self._made = Attempt(self._scope, self.node, 1, self.began, self._inputs, None)
            return self._made
        if name == "_progress_at":
            return _LONG_AGO
        raise AttributeError(name)

    @property
    def _attempt(self) -> Attempt:  # type: ignore[override]
        made: Attempt = self._made
        return made

    @property
    def node_id(self) -> str:  # type: ignore[override]
        return self.node.id

    @property
    def _run(self) -> Any:  # type: ignore[override]
        return self._scope.run

    @property
    def _deadline_at(self) -> float:  # type: ignore[override]
        return self.began + self.node.timeout_s

    @property
    def attempt(self) -> int:  # type: ignore[override]
        return 1

    @property
    def iteration_path(self) -> str:  # type: ignore[override]
        return self._scope.path

    def made(self) -> Attempt:
        """The attempt, for whoever takes the node on."""
        return self._attempt


class Fusion:
    """The span being written, open while cheap nodes are called. Whoever journals something meanwhile
    closes it first (``interrupt``), so that the numbers of events stay in order.

    ``context`` is that of the node being called, None between two; ``is_detached`` says that this node
    turned out to wait: the loop it was called in does nothing more but hand on what it gives.
    """

    __slots__ = ("at", "context", "is_detached", "is_interrupted", "preparing", "rows", "scope", "until")

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.rows: list[Row] = []
        self.context: CheapContext | None = None
        self.is_interrupted = False
        self.is_detached = False
        self.preparing = scope.preparing
        self.at = scope.run.now()
        self.until = self.at + SPAN_S
        scope.run.journal.open_span = self

    async def work(self) -> Any:
        """Call ready nodes as long as the next is cheap: None, or what became of the last one.

        Awaiting a node that ends at once costs nothing; when one waits, ``run_cheap`` sees it, and from then
        on this is no more than that node: its outputs are returned, its failure is raised.
        """
        scope = self.scope
        ready, cheap, past, plan = scope.ready, scope.cheap or (), scope.past, scope.plan
        is_as_planned = not past and plan.hints is not None and cheap is plan.hints.cheap
        line_from = _line_from if is_as_planned else _one_step
        while ready and self.at < self.until and cheap[ready[0]] and ready[0] not in past:
            last = await self._along(line_from(plan, ready.popleft()))
            if last is not None:
                return last
        return None

    async def _along(self, line: Sequence[Step]) -> Any:
        """Go along a line as far as it can be gone by bare calls; see ``work``. One function with local
        names: a call per node costs as much as the node."""
        scope, rows, at = self.scope, self.rows, self.at
        outputs, names, now = scope.outputs, scope.names, scope.run.now
        for node, slot, node_id, node_class, config, wire in line:
            inputs: Mapping[str, Any] | None
            if wire is None:
                inputs = gather(node, scope.plan.ids, outputs)
            else:
                port, source, taken = wire
                produced = outputs[source]
                inputs = {port: produced[taken]} if produced is not None and taken in produced else None
            if inputs is None:
                return self._skip(node)
            self.context = context = CheapContext(scope, node, config or NOTHING, inputs, at)
            try:
                if config is None:
                    context.config = scope.config_of(node, inputs)
                given = await node_class().run(context, inputs)  # type: ignore[arg-type]
                if type(given) is not dict:
                    given = checked(given)
            except (Exception, asyncio.CancelledError, SystemExit) as error:  # noqa: BLE001 - the edge to node code
                return self._failed(context, error)
            if self.is_interrupted:
                return self._complete(context, given)
            began = at
            self.at = at = now()
            rows.append((node, began, at, given))
            outputs[slot] = names[node_id] = given
            if self.preparing is not None:
                self.preparing.decided(node, given)
            if at > self.until:
                break
        scope.ready.extend(scope.free(node))
        return None

    def interrupt(self) -> None:
        """Journal what is noted so far, and that the node being called has begun."""
        self.close()
        self.is_interrupted = True
        if self.context is not None:
            scope, context = self.scope, self.context
            scope.run.journal.event("node_started", context.began, context.node_id, 1, None, scope.path)

    def close(self) -> None:
        scope, rows = self.scope, self.rows
        journal = scope.run.journal
        journal.open_span = None
        if rows:
            self.rows = []
            scope.unsettled -= len(rows)
            span = Span(scope.path, rows, scope.run.masks)
            scope.unread_spans.append(span)
            journal.span(span)

    def _reopen(self) -> None:
        self.context = None
        self.is_interrupted = False
        self.scope.run.journal.open_span = self

    # What is off the path from one node to the next

    def _skip(self, node: PlanNode) -> None:
        """No edge of a node was taken."""
        self.context = None
        self.scope.skip(node, "branch_not_taken")
        self._reopen()

    def _complete(self, context: CheapContext, outputs: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """A node that journalled something itself is recorded by itself; one that waited, by who waited."""
        if self.is_detached:
            return outputs
        self.scope.note_completed(context.node, 1, context.began, outputs)
        self.scope.settle(context.node, outputs)
        self.at = self.scope.run.now()
        self._reopen()
        return None

    def _failed(self, context: CheapContext, error: BaseException) -> Stuck:
        if self.is_detached:
            raise error
        if not self.is_interrupted:
            self.interrupt()
        return Stuck(context.made(), None, None, error)

    def detached(self, work: Coroutine[Any, Any, Any], awaited: Any) -> Stuck:
        """The node being called waits for ``awaited``; going on with ``work`` goes on with the node."""
        assert self.context is not None, "nothing else in there waits"
        if not self.is_interrupted:
            self.interrupt()
        self.is_detached = True
        return Stuck(self.context.made(), work, awaited, None)


def may_fuse(scope: Scope) -> bool:
    """Whether the next node, a cheap one, may be called barely right now: nobody debugs, no limit on how
    many nodes are at work has to be kept, and it has no past."""
    run = scope.run
    return run.debugger is None and run.slots is None and scope.ready[0] not in scope.past


def run_cheap(scope: Scope) -> Stuck | None:
    """Call ready nodes as long as the next is cheap; the one that got stuck, if one did."""
    fusion = Fusion(scope)
    work = fusion.work()
    try:
        awaited = work.send(None)
    except StopIteration as stop:
        stuck: Stuck | None = stop.value
        return stuck
    else:
        return fusion.detached(work, awaited)
    finally:
        fusion.close()


def _one_step(plan: Plan, slot: int) -> Sequence[Step]:
    """A line that ends where it begins, for a run in which not all that is cheap may be called barely."""
    return (_step(plan, slot),)


def _line_from(plan: Plan, slot: int) -> Sequence[Step]:
    """The line that begins at a slot, looked up once for all runs of a plan."""
    lines: list[Sequence[Step] | None] | None = plan.kept.get("lines")
    if lines is None:
        lines = plan.kept["lines"] = [None] * len(plan.nodes)
    line = lines[slot]
    if line is None:
        line = lines[slot] = tuple(_step(plan, following) for following in _slots_along(plan, slot))
    return line


def _slots_along(plan: Plan, slot: int) -> Iterator[int]:
    assert plan.hints is not None, "a plan without hints has no cheap nodes"
    for _ in range(LONGEST_LINE):
        yield slot
        successors = plan.nodes[slot].successors
        if len(successors) != 1 or plan.nodes[successors[0]].waits > 1 or not plan.hints.cheap[successors[0]]:
            return
        slot = successors[0]


def _step(plan: Plan, slot: int) -> Step:
    node = plan.nodes[slot]
    assert node.node_class is not None, "cheap nodes have one"
    is_constant = node.binding.is_constant and not node.wired_fields
    wire: Wire | None = None
    if len(node.inputs) == 1 and not node.inputs[0].multiple:
        wire = node.inputs[0].port, *node.inputs[0].sources[0]
    config = node.binding.constants if is_constant else None
    return node, slot, node.id, node.node_class, config, wire
