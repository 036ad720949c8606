"""Cheap nodes taken one after another by bare calls, as the optimiser allows (``Hints.cheap``).

Such a node has no effects, hooks, threads or limits, so taking it to its end needs neither a task nor a
time limit: its coroutine is stepped once, and most end right there. What they gave is noted in a
*span* and spelled out as events and records when somebody reads or stores them, which is off the path
from one node to the next. A node that waits or fails after all leaves the span and goes on as any other.
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from sage_studio.engine.attempt import Attempt
from sage_studio.engine.context import RunContext
from sage_studio.engine.inputs import NOTHING, gather
from sage_studio.engine.plan import PlanNode
from sage_studio.engine.spans import Row, Span
from sage_studio.engine.stepping import checked

if TYPE_CHECKING:
    from sage_studio.engine.scope import Scope

# A span ends after so long or so many, to let sockets and other runs have the loop.
SPAN_S = 0.005
MOST_ROWS = 1_000
_LONG_AGO = float("-inf")


class Stuck(NamedTuple):
    """A cheap node that did not end by a bare call: it waits (``awaited``) or failed (``error``)."""

    attempt: Attempt
    coroutine: Coroutine[Any, Any, Any] | None
    awaited: Any
    error: Exception | None


class CheapContext(RunContext):
    """A context that makes its attempt when it is first asked for: most cheap nodes never do."""

    __slots__ = ("_began", "_inputs", "_made", "_node", "_scope")

    def __init__(
        self,
        scope: Scope,
        node: PlanNode,
        config: Mapping[str, Any],
        inputs: Mapping[str, Any],
        began: float,
    ) -> None:
        self._scope = scope
        self._node = node
        self._inputs = inputs
        self._began = began
        self._made: Attempt | None = None
        self._progress_at = _LONG_AGO
        self.config = config
        self.node_id = node.id

    @property
    def _attempt(self) -> Attempt:  # type: ignore[override]
        made = self._made
        if made is None:
            made = self._made = Attempt(self._scope, self._node, 1, self._began, self._inputs, None)
        return made

    @property
    def _run(self) -> Any:  # type: ignore[override]
        return self._scope.run

    @property
    def _deadline_at(self) -> float:  # type: ignore[override]
        return self._began + self._node.timeout_s

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
    closes it first (``interrupt``), so that the numbers of events stay in order."""

    __slots__ = ("began", "is_interrupted", "node", "rows", "scope")

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.rows: list[Row] = []
        self.node: PlanNode | None = None
        self.began = 0.0
        self.is_interrupted = False

    def interrupt(self) -> None:
        """Journal what is noted so far, and that the node being called has begun."""
        self.close()
        self.is_interrupted = True
        if self.node is not None:
            scope = self.scope
            scope.run.journal.event("node_started", self.began, self.node.id, 1, None, scope.path)

    def close(self) -> None:
        scope, rows = self.scope, self.rows
        journal = scope.run.journal
        journal.open_span = None
        if rows:
            self.rows = []
            span = Span(scope.path, rows, scope.run.masks)
            scope.unread_spans.append(span)
            journal.span(span)


def may_fuse(scope: Scope) -> bool:
    """Whether the next node, a cheap one, may be called barely right now: nobody debugs, no limit on how
    many nodes are at work has to be kept, and it has no past."""
    run = scope.run
    return run.debugger is None and run.slots is None and scope.ready[0] not in scope.past


def run_cheap(scope: Scope) -> Stuck | None:
    """Call ready nodes as long as the next is cheap; the one that got stuck, if one did."""
    fusion = Fusion(scope)
    try:
        return _calls(scope, fusion)
    finally:
        fusion.close()


def _calls(scope: Scope, fusion: Fusion) -> Stuck | None:  # noqa: C901, PLR0912, PLR0915 - see below
    """The inner loop, in one piece and with local names: a call per node costs as much as the node."""
    run, plan, ready, outputs = scope.run, scope.plan, scope.ready, scope.outputs
    nodes, ids, names, waits = plan.nodes, plan.ids, scope.names, scope.waits
    cheap, past = scope.cheap or (), scope.past
    preparing = run.preparing if scope.parent is None else None
    journal, now = run.journal, run.now
    began = now()
    until = began + SPAN_S
    journal.open_span = fusion
    while ready and cheap[ready[0]] and began <= until and len(fusion.rows) < MOST_ROWS:
        slot = ready[0]
        if slot in past:
            break
        ready.popleft()
        node = nodes[slot]
        gathered = gather(node, ids, outputs) if node.inputs else NOTHING
        if gathered is None:
            scope.skip(node, "branch_not_taken")
            fusion.is_interrupted = False
            journal.open_span = fusion
            continue
        inputs = gathered
        assert node.node_class is not None, "cheap nodes have one"
        fusion.node, fusion.began = node, began
        context = CheapContext(scope, node, NOTHING, inputs, began)
        coroutine: Coroutine[Any, Any, Any] | None = None
        try:
            binding = node.binding
            if binding.is_constant and not node.wired_fields:
                context.config = binding.constants
            else:
                context.config = scope.config_of(node, inputs)
            coroutine = cast("Coroutine[Any, Any, Any]", node.node_class().run(context, inputs))  # type: ignore[arg-type]
            awaited = coroutine.send(None)
        except StopIteration as stop:
            given = stop.value
            if type(given) is not dict:
                try:
                    given = checked(given)
                except Exception as error:  # noqa: BLE001 - a wrong output is the node's failure
                    return _stuck(fusion, context, None, None, error)
        except Exception as error:  # noqa: BLE001 - the edge to node code: failures are outcomes
            return _stuck(fusion, context, None, None, error)
        else:
            return _stuck(fusion, context, coroutine, awaited, None)
        finished = now()
        if fusion.is_interrupted:
            scope.note_completed(node, 1, began, given)
            scope.settle(node, given)
            fusion.is_interrupted = False
            journal.open_span = fusion
        else:
            fusion.rows.append((node, began, finished, given))
            outputs[slot] = given
            names[node.id] = given
            scope.unsettled -= 1
            if preparing is not None:
                preparing.decided(node, given)
            for successor in node.successors:
                left = waits[successor] = waits[successor] - 1
                if not left:
                    ready.append(successor)
        began = finished
        fusion.node = None
    return None


def _stuck(
    fusion: Fusion,
    context: CheapContext,
    coroutine: Coroutine[Any, Any, Any] | None,
    awaited: Any,
    error: Exception | None,
) -> Stuck:
    if not fusion.is_interrupted:
        fusion.interrupt()
    return Stuck(context.made(), coroutine, awaited, error)
