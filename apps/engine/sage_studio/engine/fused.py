"""Cheap nodes taken one after another by bare calls, as the optimiser allows (``Hints.cheap``).

Such a node has no effects, hooks, threads or limits, so taking it to its end needs neither a task nor a
time limit: its coroutine is stepped once, and most end right there. What they gave is noted in a
*span* and spelled out as events and records when somebody reads or stores them, which is off the path
from one node to the next. A node that waits or fails after all leaves the span and goes on as any other.
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from sage_studio.engine.attempt import Attempt
from sage_studio.engine.context import RunContext
from sage_studio.engine.inputs import NOTHING, gather
from sage_studio.engine.plan import NodeClass, Plan, PlanNode
from sage_studio.engine.spans import Row, Span
from sage_studio.engine.stepping import checked

if TYPE_CHECKING:
    from sage_studio.engine.scope import Scope

# A span ends after so long or so many, to let sockets and other runs have the loop.
SPAN_S = 0.005
MOST_ROWS = 1_000
_LONG_AGO = float("-inf")

Wire: TypeAlias = tuple[str, int, str]
Step: TypeAlias = tuple[PlanNode, str, NodeClass, Mapping[str, Any] | None, Wire | None, tuple[int, ...]]
"""What the loop needs of a node, looked up once per plan: the node, its id and class, its configuration when
that is constant, (port, source slot, source port) when that is its one input, and its successors."""


class Stuck(NamedTuple):
    """A cheap node that did not end by a bare call: it waits (``awaited``) or failed (``error``)."""

    attempt: Attempt
    coroutine: Coroutine[Any, Any, Any] | None
    awaited: Any
    error: Exception | None


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

    __slots__ = ("context", "is_detached", "is_interrupted", "rows", "scope")

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.rows: list[Row] = []
        self.context: CheapContext | None = None
        self.is_interrupted = False
        self.is_detached = False
        scope.run.journal.open_span = self

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

    def skip(self, node: PlanNode) -> None:
        """No edge of a node was taken."""
        self.context = None
        self.scope.skip(node, "branch_not_taken")
        self._reopen()

    def complete(self, context: CheapContext, outputs: Mapping[str, Any]) -> None:
        """A node that journalled something itself is recorded by itself."""
        self.scope.note_completed(context.node, 1, context.began, outputs)
        self.scope.settle(context.node, outputs)
        self._reopen()

    def failed(self, context: CheapContext, error: Exception) -> Stuck:
        if not self.is_interrupted:
            self.interrupt()
        return Stuck(context.made(), None, None, error)

    def detached(self, calls: Coroutine[Any, Any, Any], awaited: Any) -> Stuck:
        """The node being called waits for ``awaited``; going on with ``calls`` goes on with the node."""
        assert self.context is not None, "nothing else in there waits"
        if not self.is_interrupted:
            self.interrupt()
        self.is_detached = True
        return Stuck(self.context.made(), calls, awaited, None)


def may_fuse(scope: Scope) -> bool:
    """Whether the next node, a cheap one, may be called barely right now: nobody debugs, no limit on how
    many nodes are at work has to be kept, and it has no past."""
    run = scope.run
    return run.debugger is None and run.slots is None and scope.ready[0] not in scope.past


def run_cheap(scope: Scope) -> Stuck | None:
    """Call ready nodes as long as the next is cheap; the one that got stuck, if one did."""
    fusion = Fusion(scope)
    calls = _calls(scope, fusion)
    try:
        awaited = calls.send(None)
    except StopIteration as stop:
        stuck: Stuck | None = stop.value
        return stuck
    else:
        return fusion.detached(calls, awaited)
    finally:
        fusion.close()


def _steps(plan: Plan) -> list[Any]:
    """The steps of a plan by slot, as far as they have been looked up; shared by all its runs."""
    steps: list[Any] | None = plan.kept.get("steps")
    if steps is None:
        steps = plan.kept["steps"] = [None] * len(plan.nodes)
    return steps


def _looked_up(plan: Plan, slot: int) -> Step:
    node = plan.nodes[slot]
    assert node.node_class is not None, "cheap nodes have one"
    is_constant = node.binding.is_constant and not node.wired_fields
    wire: Wire | None = None
    if len(node.inputs) == 1 and not node.inputs[0].multiple:
        wire = node.inputs[0].port, *node.inputs[0].sources[0]
    config = node.binding.constants if is_constant else None
    step = node, node.id, node.node_class, config, wire, node.successors
    _steps(plan)[slot] = step
    return step


async def _calls(scope: Scope, fusion: Fusion) -> Any:  # noqa: C901, PLR0912 - see below
    """The inner loop, in one piece and with local names: a call per node costs as much as the node.

    Awaiting a node that ends at once costs nothing; when one waits, ``run_cheap`` sees it, and from then on
    this is no more than that node: its outputs are returned, its failure is raised.
    """
    run, plan, ready, outputs = scope.run, scope.plan, scope.ready, scope.outputs
    names, waits, cheap, past, steps = scope.names, scope.waits, scope.cheap or (), scope.past, _steps(plan)
    preparing = run.preparing if scope.parent is None else None
    now = run.now
    began = now()
    until = began + SPAN_S
    for _ in range(MOST_ROWS):
        if not ready or began > until or not cheap[ready[0]] or ready[0] in past:
            break
        slot = ready.popleft()
        node, node_id, node_class, config, wire, successors = steps[slot] or _looked_up(plan, slot)
        inputs: Mapping[str, Any] | None = NOTHING
        if wire is not None:
            port, source, taken = wire
            produced = outputs[source]
            inputs = {port: produced[taken]} if produced is not None and taken in produced else None
        elif node.inputs:
            inputs = gather(node, plan.ids, outputs)
        if inputs is None:
            fusion.skip(node)
            continue
        fusion.context = context = CheapContext(scope, node, config or NOTHING, inputs, began)
        try:
            if config is None:
                context.config = scope.config_of(node, inputs)
            given = await node_class().run(context, inputs)  # type: ignore[arg-type]
            if type(given) is not dict:
                given = checked(given)
        except Exception as error:
            # The edge to node code: failures are outcomes here.
            if fusion.is_detached:
                raise
            return fusion.failed(context, error)
        if fusion.is_detached:
            return given
        finished = now()
        if fusion.is_interrupted:
            fusion.complete(context, given)
        else:
            fusion.rows.append((node, began, finished, given))
            outputs[slot] = names[node_id] = given
            if preparing is not None:
                preparing.decided(node, given)
            for successor in successors:
                waits[successor] -= 1
                if not waits[successor]:
                    ready.append(successor)
        began = finished
    return None
