"""What a level of a run knows, and how it comes to rest.

A level is the flow itself, or one iteration of a container's body. Here are its state and its end;
``Settling`` adds what becomes of its nodes, ``Scope`` how they are visited.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sage_studio.engine.attempt import Attempt
from sage_studio.engine.bindings import BoundValue
from sage_studio.engine.handing_over import settled_value
from sage_studio.engine.inputs import NOTHING
from sage_studio.engine.plan import Plan, PlanNode
from sage_studio.engine.records import FlowState, NodeRecord, RunOutcome, iso
from sage_studio.engine.shared_work import Turns
from sage_studio.engine.spans import Span
from sage_studio.engine.strands import Strands
from sage_studio.kernel import Problem
from sage_studio.sdk import Leave

if TYPE_CHECKING:
    from sage_studio.engine.preparing import Preparing
    from sage_studio.engine.run import ActiveRun
    from sage_studio.engine.scope import Scope

T = TypeVar("T")
DEFAULT_CONCURRENCY = 100
_NODE_ID = itemgetter(0)


class Level(ABC):
    """State of one level.

    ``outputs`` has a slot for every node of the level and, behind them, for what it imports. ``names``
    are the values its expressions see. A level ends with a ``problem`` (a node failed and nothing dealt
    with it), by being ``left`` (a stop node), or when all is settled (``is_finished``).
    """

    def __init__(
        self,
        run: ActiveRun,
        plan: Plan,
        *,
        path: str = "",
        parent: Scope | None = None,
        shared: Mapping[str, Mapping[str, Any]] = NOTHING,
        given: Mapping[str, Any] = NOTHING,
    ) -> None:
        self.run = run
        self.plan = plan
        self.path = path
        self.parent = parent
        self.is_stopping = False
        self.is_interrupted = False
        self.problem: Problem | None = None
        self.left: Leave | None = None
        self._records: dict[str, NodeRecord] = {}
        self.unread_spans: list[Span] = []
        # Attempts that ended with their worker: they do not use up a node's retries.
        self.lost: dict[str, int] = {}
        self.cached: set[str] = set()
        self.cpu_s: dict[str, float] = {}
        self.costs: dict[str, tuple[int, str]] = {}
        self.turns: Turns | None = None
        self.outputs: list[Mapping[str, Any] | None] = [None] * len(plan.nodes)
        self.waits = [node.waits for node in plan.nodes]
        self.unsettled = len(plan.nodes)
        self.ready: deque[int] = deque()
        self.at_work: dict[asyncio.Task[None], Attempt] = {}
        self.names: dict[str, Any]
        if parent is None:
            self.names = self._own_names()
        else:
            self._import(parent, shared, given)
        self.cheap = run.cheap_of(plan)
        self._priority = 0.0
        if parent is not None and plan.container is not None:
            self._priority = parent.priority_of(parent.plan.nodes[parent.plan.index[plan.container]])
        # Nodes with a past in the records are never called barely: their attempts go on counting.
        self.past: set[int] = set()
        self._strands = Strands(self._strand, DEFAULT_CONCURRENCY)

    def _own_names(self) -> dict[str, Any]:
        run = self.run
        document = self.plan.document
        return {
            "flow": {"id": run.flow_id, "name": document.name, "inputs": dict(run.inputs)},
            "run": {"id": run.run_id, "started_at": iso(run.started_at)},
            "vars": {**run.options.variables, **document.variables},
        }

    def _import(
        self, parent: Scope, shared: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any]
    ) -> None:
        """Take over what this level reads from those around it and from its container."""
        above = parent.names
        self.names = {name: above[name] for name in ("flow", "run", "vars", "item", "index") if name in above}
        for name in ("item", "index"):
            if name in given:
                self.names[name] = given[name]
        container = self.plan.container
        for node_id in self.plan.imports:
            if node_id == container:
                value: Mapping[str, Any] | None = given
            elif node_id in shared:
                value = shared[node_id]
            else:
                value = parent.outputs_of(node_id)
            self.outputs.append(value)
            if value is not None:
                self.names[node_id] = value

    def outputs_of(self, node_id: str) -> Mapping[str, Any] | None:
        """What a node of this level, or one it imports, gave."""
        slot = self.plan.index.get(node_id)
        return None if slot is None else self.outputs[slot]

    @property
    def preparing(self) -> Preparing | None:
        """Who looks ahead; at the top level only."""
        return self.run.preparing if self.parent is None else None

    @property
    def records(self) -> dict[str, NodeRecord]:
        """The newest attempt of every node of this level that has one."""
        if self.unread_spans:
            for span in self.unread_spans:
                self._records.update(zip(map(_NODE_ID, span.records), span.records, strict=True))
            self.unread_spans.clear()
        return self._records

    @property
    def is_finished(self) -> bool:
        return self.unsettled == 0

    @property
    def is_idle(self) -> bool:
        """Whether no strand is between nodes: each waits for the node it is at. A level without a strand
        has ended, and its container is about to go on."""
        return not self.ready and 0 < self._strands.count == len(self.at_work)

    @property
    def bodies_are_loop(self) -> bool:
        """Whether this level is an iteration of a loop."""
        container = self.plan.container
        if self.parent is None or container is None:
            return False
        body = self.parent.plan.nodes[self.parent.plan.index[container]].body
        return body is not None and body.is_loop

    def _is_in_loop(self) -> bool:
        level: Level | None = self
        while level is not None and level.parent is not None:
            if level.bodies_are_loop:
                return True
            level = level.parent
        return False

    def priority_of(self, node: PlanNode) -> float:
        """Milliseconds of expected work from this node to the end of its level, and of those around it."""
        hints = self.plan.hints
        return self._priority + (hints.rank[node.index] if hints is not None else 0.0)

    # What its nodes read

    def config_of(self, node: PlanNode, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """The node's configuration for these inputs. Raises SageError when an expression fails."""
        binding = node.binding
        if binding.is_constant and not node.wired_fields:
            return binding.constants
        config = binding.resolve(self.scope_of(binding.roots, inputs))
        for name in node.wired_fields:
            if name in inputs:
                config[name] = inputs[name]
        return config

    def scope_of(self, roots: frozenset[str], inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The names an expression reads; a node that gave nothing reads as an empty object."""
        known = self.names
        index = self.plan.index
        scope = {root: known.get(root, NOTHING) for root in roots if root in known or root in index}
        scope["inputs"] = inputs
        return scope

    async def flow_outputs(self) -> dict[str, Any]:
        """The declared outputs, or what every last node gave, by node id."""
        if not self.plan.outputs:
            nodes = self.plan.nodes
            return {nodes[i].id: dict(given) for i in self.plan.sinks if (given := self.outputs[i])}
        return await self.values_of(self.plan.outputs)

    async def values_of(self, fields: Sequence[BoundValue]) -> dict[str, Any]:
        """Fields that are evaluated at the level's end. Raises SageError when an expression fails."""
        values: dict[str, Any] = {}
        for field in fields:
            value = field.evaluate(self.scope_of(field.roots, NOTHING))
            values[field.name] = value if field.handed is None else await settled_value(value, field.handed)
        return values

    @abstractmethod
    async def _strand(self) -> None:
        """Take ready nodes one after another until none is left."""

    # How it ends

    def halt(self, *, lets_finish: bool = False) -> None:
        """Start nothing more here and in the levels below; see ``ActiveRun.stop``."""
        self.is_stopping = True
        self.ready.clear()
        current = asyncio.current_task() if self.at_work else None
        for task, attempt in list(self.at_work.items()):
            if attempt.bodies is not None and (attempt.bodies.live or attempt.bodies.away):
                attempt.bodies.halt(lets_finish=lets_finish)
            elif attempt.pipeline is not None:
                attempt.pipeline.halt(task, lets_finish=lets_finish)
            elif task is not current and not self._goes_on(attempt, lets_finish=lets_finish):
                task.cancel()
        self._strands.cancel_between(self.at_work, only_resting=lets_finish)

    def _goes_on(self, attempt: Attempt, *, lets_finish: bool) -> bool:
        if attempt.is_waiting or attempt.bodies is not None:
            return False
        return lets_finish or self.run.is_spared(is_at_most_once=attempt.node.is_at_most_once)

    def abandon(self) -> None:
        """Cancel everything here and below, and stop waiting for what does not listen."""
        for attempt in list(self.at_work.values()):
            if attempt.bodies is not None:
                attempt.bodies.abandon()
        self._strands.abandon()

    def fail(self, problem: Problem) -> None:
        """A failure that nothing on this level deals with: the flow fails, or the container decides."""
        if self.parent is None:
            self.run.stop(RunOutcome(FlowState.FAILED, error=problem))
        elif not self.is_stopping:
            self.problem = problem
            self._end_early()

    def leave(self, left: Leave) -> None:
        """A stop node ends the run, the loop or the iteration."""
        if left.what == "run":
            if left.problem is not None:
                self.run.stop(RunOutcome(FlowState.FAILED, error=left.problem))
            else:
                outputs = left.value if isinstance(left.value, dict) else {"result": left.value}
                self.run.stop(RunOutcome(FlowState.COMPLETED, outputs=outputs))
        elif not self.is_stopping:
            self.left = left
            self._end_early()

    def _end_early(self) -> None:
        self.halt()
        self.run.loop.call_later(self.run.controls.grace_s, self.abandon)

    # How it waits

    def open_time_limits(self) -> None:
        """Containers at work may take as long as they like from now on."""
        for attempt in self.at_work.values():
            if attempt.limit is not None and attempt.node.body is not None:
                attempt.limit.reschedule(None)

    def step_aside(self) -> None:
        """A node waits for somebody else: it does not count against this level's limit meanwhile."""
        self._strands.exempt += 1
        if self.ready:
            self._strands.spawn()

    def step_back(self) -> None:
        self._strands.exempt -= 1

    async def rest(self, awaited: Awaitable[T]) -> T | None:
        """Wait between attempts, or for leave to begin one, while others go on; None when the level
        stopped meanwhile."""
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self.step_aside()
        self._strands.resting.add(task)
        try:
            return await awaited
        except asyncio.CancelledError:
            if not self.is_stopping:
                raise
            return None
        finally:
            self._strands.resting.discard(task)
            self.step_back()

    async def pause_between(self, wait_s: float) -> bool:
        """Wait before the next attempt while others go on; False when the run stopped."""
        if self.ready:
            self._strands.spawn()
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._strands.resting.add(task)
        try:
            await self.run.clock.sleep(wait_s)
        except asyncio.CancelledError:
            if not self.is_stopping:
                raise
        finally:
            self._strands.resting.discard(task)
        return not self.is_stopping
