"""One level of a run at work: the flow itself, or one iteration of a container's body.

Nodes become ready as those they wait for settle. A *strand* is a task that takes ready nodes
one after another; it steps each node's coroutine by hand, so a node that never waits costs no
task, and only when a node really waits does another strand go on with what else is ready.

Every settled node is journalled. A node with effects settles only when its record is durable;
records of pure nodes go out in shared batches, because a pure node may be repeated.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from sage_studio.engine.attempt import Attempt, Limit, Slots
from sage_studio.engine.cache import cached_outputs, remember_outputs
from sage_studio.engine.context import RunContext
from sage_studio.engine.errors import NODE_TIMEOUT, NOT_IN_LOOP
from sage_studio.engine.executors.placing import run_elsewhere
from sage_studio.engine.failures import Failure, failure_of, pause_before
from sage_studio.engine.ferry import run_in_thread
from sage_studio.engine.fused import Stuck, may_fuse, run_cheap
from sage_studio.engine.inputs import NOTHING, gather, passed_through
from sage_studio.engine.pipelines import PipelineRun, run_pipeline
from sage_studio.engine.plan import Plan, PlanNode
from sage_studio.engine.records import (
    FINAL_NODE_STATES,
    FlowState,
    NodeRecord,
    NodeState,
    RunOutcome,
    as_json_error,
    count_ports,
    iso,
)
from sage_studio.engine.resources import ONE, Amount, Share
from sage_studio.engine.restore import LEFT, close_what_is_left, is_taken_up, restore
from sage_studio.engine.shared_work import Turns, take_over
from sage_studio.engine.spans import Span
from sage_studio.engine.stepping import checked, resume, run_whole
from sage_studio.engine.strands import Strands
from sage_studio.kernel import JsonObject, Problem, SageError
from sage_studio.sdk import Context, Leave, Node

if TYPE_CHECKING:
    from sage_studio.engine.run import ActiveRun

T = TypeVar("T")
# An attempt's outputs, its failure, its way out, or None when the run stopped meanwhile.
Result: TypeAlias = Mapping[str, Any] | Failure | Leave | None
DEFAULT_CONCURRENCY = 100
# A strand of cheap nodes gives the loop a turn this often, for sockets and other runs.
TURN_S = 0.005


class Scope:
    """The moving parts of one level.

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
            "run": {"id": run.run_id, "started_at": iso(run.progress.started_at or run.now())},
            "vars": dict(document.variables),
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

    def inner(
        self,
        plan: Plan,
        *,
        path: str,
        shared: Mapping[str, Mapping[str, Any]],
        given: Mapping[str, Any],
    ) -> Scope:
        """A level for one iteration of a container of this one; ``shared`` is what finished sections
        of the same body gave."""
        return Scope(self.run, plan, path=path, parent=self, shared=shared, given=given)

    def outputs_of(self, node_id: str) -> Mapping[str, Any] | None:
        """What a node of this level, or one it imports, gave."""
        slot = self.plan.index.get(node_id)
        return None if slot is None else self.outputs[slot]

    @property
    def records(self) -> dict[str, NodeRecord]:
        """The newest attempt of every node of this level that has one."""
        if self.unread_spans:
            for span in self.unread_spans:
                self._records.update((record.node_id, record) for record in span.records)
            self.unread_spans.clear()
        return self._records

    # Beginning and end

    async def perform(self) -> None:
        """Run every ready node and those that follow, until nothing is left or the level stops."""
        self.run.scopes.add(self)
        try:
            restore(self)
            if self._records:
                self.past = {self.plan.index[node_id] for node_id in self._records}
            if self.ready and not self.is_stopping:
                self._strands.spawn()
            await self._strands.until_idle()
        except asyncio.CancelledError:
            # A container has done with this iteration, and what is at work in it is cancelled. When the run
            # itself is let go, its records stay as they are for whoever takes it up.
            if self.parent is None:
                self.run.is_let_go = True
            self.is_stopping = self.is_stopping or not self.run.is_let_go
            raise
        finally:
            self.run.scopes.discard(self)
            await self._strands.end()
            if self.run.debugger is not None:
                self.run.debugger.level_ended(self)

    @property
    def is_finished(self) -> bool:
        return self.unsettled == 0

    @property
    def is_idle(self) -> bool:
        """Whether no strand is between nodes: each waits for the node it is at. A level without a strand
        has ended, and its container is about to go on."""
        return not self.ready and 0 < self._strands.count == len(self.at_work)

    def halt(self, *, lets_finish: bool = False) -> None:
        """Start nothing more here and in the levels below; see ``ActiveRun.stop``."""
        self.is_stopping = True
        self.ready.clear()
        current = asyncio.current_task() if self.at_work else None
        for task, attempt in list(self.at_work.items()):
            if attempt.bodies is not None and attempt.bodies.live:
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

    def flow_outputs(self) -> dict[str, Any]:
        """The declared outputs, or what every last node gave, by node id."""
        if not self.plan.outputs:
            nodes = self.plan.nodes
            return {nodes[i].id: dict(given) for i in self.plan.sinks if (given := self.outputs[i])}
        return {name: evaluate(self.scope_of(roots, NOTHING)) for name, evaluate, roots in self.plan.outputs}

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

    # Nodes

    async def _strand(self) -> None:
        run, ready, nodes, loop_time = self.run, self.ready, self.plan.nodes, self.run.loop.time
        while ready:
            if self.cheap and self.cheap[ready[0]] and may_fuse(self):
                if (stuck := run_cheap(self)) is not None:
                    await self.work_on(stuck.attempt.node, stuck.attempt.inputs, 0, stuck)
            else:
                await self._visit(nodes[ready.popleft()])
            now = loop_time()
            if now > run.turn_at:
                run.turn_at = now + TURN_S
                await asyncio.sleep(0)

    async def _visit(self, node: PlanNode) -> None:
        """Take one ready node to its end: pinned, skipped, handed through, or run."""
        if node.pipeline is not None:
            await run_pipeline(self, node.pipeline)
            return
        inputs: Mapping[str, Any] | None
        if node.inputs:
            inputs = gather(node, self.plan.ids, self.outputs)
        else:
            inputs = self.run.inputs if node.is_trigger else NOTHING
        if inputs is None:
            self.skip(node, "branch_not_taken")
        elif node.disabled:
            passed = passed_through(node, inputs)
            if passed is None:
                self.skip(node, "disabled")
            else:
                await self.complete(node, 1, self.run.now(), passed, {"disabled": True})
        elif node.pinned is not None:
            await self.complete(node, 1, self.run.now(), node.pinned, {"pinned": True})
        elif node.index not in self.plan.special or not await take_over(self, node, inputs):
            await self.work(node, inputs)

    async def work(self, node: PlanNode, inputs: Mapping[str, Any]) -> None:
        """Attempts until one succeeds, none is left, or the run stops."""
        held = self.records.get(node.id)
        attempt = held.attempt if held else 0
        if is_taken_up(node, held):
            attempt -= 1
        if self.run.debugger is None:
            await self.work_on(node, inputs, attempt)
        else:
            await self.run.debugger.visit(self, node, inputs, attempt)

    async def work_on(
        self, node: PlanNode, inputs: Mapping[str, Any], attempt: int, stuck: Stuck | None = None
    ) -> None:
        """The attempts that follow number ``attempt``; the first of them may have been begun elsewhere."""
        limits = self._limits(node) if self.run.has_limits or node.concurrency is not None else None
        while True:
            attempt += 1
            began = self.run.now() if stuck is None else stuck.attempt.began
            if stuck is not None:
                result = await self._go_on(stuck)
                stuck = None
            elif limits:
                result = await self._attempt_in_turn(node, inputs, attempt, limits)
            else:
                result = await self._attempt(node, inputs, attempt, began)
            if result is None:
                return
            if isinstance(result, Leave):
                await self._complete_leaving(node, attempt, began, result)
                return
            if not isinstance(result, Failure):
                await self.complete(node, attempt, began, result)
                return
            if not result.retryable or attempt - self.lost.get(node.id, 0) > node.retry.count:
                debugger = self.run.debugger
                if debugger is None or not await debugger.deals_with(
                    self, node, inputs, attempt, began=began, problem=result.problem
                ):
                    await self._fail(node, attempt, began, result)
                return
            wait_s = pause_before(attempt, node.retry, result, random.random())  # noqa: S311 - spreads retries, guards nothing
            self.note_retry(node, attempt, began, result.problem, wait_s)
            if not await self.pause_between(wait_s):
                return

    async def _attempt_in_turn(
        self, node: PlanNode, inputs: Mapping[str, Any], number: int, limits: Sequence[Limit]
    ) -> Result:
        """An attempt that first waits until the limits it counts against let it."""
        slots = Slots(limits)
        if self.ready:
            self._strands.spawn()
        try:
            await slots.take()
            return await self._attempt(node, inputs, number, self.run.now(), slots)
        except asyncio.CancelledError:
            if not self.is_stopping:
                raise
            return None
        finally:
            slots.release()

    def _limits(self, node: PlanNode) -> list[Limit]:
        """The limits a node counts against; a container does not: its body does the work."""
        if node.body is not None:
            return []
        run = self.run
        limits: list[Limit] = []
        if node.concurrency is not None:
            limits.append(run.find_limit(node.id, node.concurrency))
        if run.slots is not None:
            limits.append(Share(run.slots, ONE, self.priority_of(node)))
        pool, needs = run.options.resources, node.needs
        if pool is not None and needs is not None and run.works_here(node):
            limits.append(Share(pool, Amount.of(needs), self.priority_of(node)))
        return limits

    def priority_of(self, node: PlanNode) -> float:
        """Milliseconds of expected work from this node to the end of its level, and of those around it."""
        hints = self.plan.hints
        return self._priority + (hints.rank[node.index] if hints is not None else 0.0)

    async def _attempt(
        self,
        node: PlanNode,
        inputs: Mapping[str, Any],
        number: int,
        began: float,
        slots: Slots | None = None,
    ) -> Result:
        """One attempt: its outputs, its failure, its way out, or None when the run stopped meanwhile."""
        self.run.journal.event("node_started", began, node.id, number, None, self.path)
        attempt = Attempt(self, node, number, began, inputs, slots)
        return await self._outcome(attempt, self._steps(attempt))

    async def _go_on(self, stuck: Stuck) -> Result:
        """The rest of an attempt that was begun by a bare call."""
        attempt = stuck.attempt
        if stuck.coroutine is None:
            return await self._outcome(attempt, _raised(stuck.error))
        return await self._outcome(attempt, self._wait_out(attempt, stuck.coroutine, stuck.awaited))

    async def _steps(self, attempt: Attempt) -> Mapping[str, Any] | Failure:
        """Call the node, and wait for it if it does not end at once."""
        run, node, inputs = self.run, attempt.node, attempt.inputs
        if node.is_at_most_once:
            # On disk before the effect can happen: after a crash this is how one knows.
            self.record(node, attempt.number, "running", attempt.began)
            await run.journal.flush()
        config = self.config_of(node, inputs)
        if run.debugger is not None:
            config = run.debugger.look(self, node, inputs, config)
        if node.cache:
            return await self._cached(attempt, config)
        context = RunContext(attempt, config, attempt.began + node.timeout_s)
        coroutine = self._coroutine(node, context, inputs)
        try:
            awaited = coroutine.send(None)
        except StopIteration as stop:
            return checked(stop.value)
        return await self._wait_out(attempt, coroutine, awaited)

    async def _outcome(
        self, attempt: Attempt, steps: Coroutine[Any, Any, Mapping[str, Any] | Failure]
    ) -> Result:
        """What an attempt comes to, whatever its steps raise."""
        run, node = self.run, attempt.node
        try:
            return await steps
        except asyncio.CancelledError:
            if not self.is_stopping:
                raise
            self._note_cancelled(node, attempt.number, attempt.began)
            return None
        except Leave as left:
            if left.what != "run" and not self._is_in_loop():
                return failure_of(SageError(NOT_IN_LOOP), node, self.path, run.masks)
            return left
        except Exception as error:  # noqa: BLE001 - the edge to node code: failures are outcomes here
            return failure_of(error, node, self.path, run.masks)

    async def _cached(self, attempt: Attempt, config: Mapping[str, Any]) -> Mapping[str, Any] | Failure:
        """What the node gave for the same settings and inputs before, or what it gives now."""
        node, inputs = attempt.node, attempt.inputs
        kept = await cached_outputs(self.run, node, config, inputs)
        if kept is not None:
            attempt.scope.cached.add(node.id)
            return kept
        context = RunContext(attempt, config, attempt.began + node.timeout_s)
        coroutine = self._coroutine(node, context, inputs)
        try:
            awaited = coroutine.send(None)
        except StopIteration as stop:
            outputs: Mapping[str, Any] | Failure = checked(stop.value)
        else:
            outputs = await self._wait_out(attempt, coroutine, awaited)
        if not isinstance(outputs, Failure):
            await remember_outputs(self.run, node, config, inputs, outputs)
        return outputs

    def _is_in_loop(self) -> bool:
        scope: Scope | None = self
        while scope is not None and scope.parent is not None:
            if scope.bodies_are_loop:
                return True
            scope = scope.parent
        return False

    @property
    def bodies_are_loop(self) -> bool:
        """Whether this level is an iteration of a loop."""
        container = self.plan.container
        if self.parent is None or container is None:
            return False
        body = self.parent.plan.nodes[self.parent.plan.index[container]].body
        return body is not None and body.is_loop

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

    def _coroutine(
        self, node: PlanNode, context: RunContext, inputs: Mapping[str, Any]
    ) -> Coroutine[Any, Any, Any]:
        assert node.node_class is not None, "only disabled nodes have no class"
        place = self.run.place_of(node)
        if place is not None:
            return run_elsewhere(place, node, cast(Context, context), inputs)
        instance = node.node_class()
        if node.blocking:
            return run_in_thread(
                lambda ferried: run_whole(instance, cast(Context, ferried), inputs, node.stream_ports),
                context,
                self.run.threads,
            )
        sdk_context = cast(Context, context)
        if node.is_plain:
            return cast("Coroutine[Any, Any, Any]", instance.run(sdk_context, inputs))
        if self.run.preparing is not None and self.parent is None:
            return self._prepared(node, instance, sdk_context, inputs)
        return run_whole(instance, sdk_context, inputs, node.stream_ports)

    async def _prepared(
        self, node: PlanNode, instance: Node, context: Context, inputs: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Run the instance that was prepared for this node, when there is one."""
        preparing = self.run.preparing
        ready = None if preparing is None else await preparing.take(node)
        return await run_whole(
            ready or instance, context, inputs, node.stream_ports, is_prepared=ready is not None
        )

    async def _wait_out(
        self, attempt: Attempt, coroutine: Coroutine[Any, Any, Any], awaited: Any
    ) -> Mapping[str, Any] | Failure:
        """Wait for a node that did not finish at once, under its time limit, others going on."""
        run, node = self.run, attempt.node
        if not node.is_at_most_once and not attempt.has_open_wait:
            self.record(node, attempt.number, "running", attempt.began, waits=attempt.recorded_waits)
        if node.body is not None:
            self._strands.exempt += 1
        if self.ready:
            self._strands.spawn()
        task = cast("asyncio.Task[None]", asyncio.current_task())
        attempt.task = task
        self.at_work[task] = attempt
        run.at_work += 1
        is_open_ended = run.debugger is not None and node.body is not None
        limit = attempt.limit = asyncio.timeout(None if is_open_ended else node.timeout_s)
        try:
            async with limit:
                if attempt.is_waiting:
                    limit.reschedule(None)
                return checked(await resume(coroutine, awaited))
        except TimeoutError:
            if not limit.expired():
                raise
            # Repeating a node whose effect may have happened is a person's decision.
            retryable = not node.is_at_most_once
            error = SageError(NODE_TIMEOUT, {"timeout_s": node.timeout_s}, retryable=retryable)
            return Failure(error.problem(node_id=node.id, iteration_path=self.path), retryable, 0.0)
        finally:
            attempt.limit = None
            if node.body is not None:
                self._strands.exempt -= 1
            run.at_work -= 1
            del self.at_work[task]

    async def at_pipeline(self, attempt: Attempt, pipeline: PipelineRun, work: Awaitable[None]) -> None:
        """Wait for a pipeline as for a node, others going on."""
        task = cast("asyncio.Task[None]", asyncio.current_task())
        attempt.task, attempt.pipeline = task, pipeline
        self.at_work[task] = attempt
        self.run.at_work += 1
        self._strands.exempt += 1
        if self.ready:
            self._strands.spawn()
        try:
            await work
        finally:
            self._strands.exempt -= 1
            self.run.at_work -= 1
            del self.at_work[task]

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

    # What became of them

    async def complete(
        self,
        node: PlanNode,
        attempt: int,
        began: float,
        outputs: Mapping[str, Any],
        data: JsonObject | None = None,
    ) -> None:
        """Record it and let go on what waits for it."""
        self.note_completed(node, attempt, began, outputs, data)
        if node.effect != "pure":
            await self.run.journal.flush()
        self.settle(node, outputs)

    def note_completed(
        self,
        node: PlanNode,
        attempt: int,
        began: float,
        outputs: Mapping[str, Any],
        data: JsonObject | None = None,
        *,
        ports: Mapping[str, int] | None = None,
    ) -> None:
        """Journal that a node is done; ``ports`` counts the items on each port where that is known."""
        run = self.run
        finished = run.now()
        ports = count_ports(outputs) if ports is None else ports
        stored = run.masks.value(outputs)
        self.record(node, attempt, "completed", began, finished, outputs=stored, ports=ports)
        facts: JsonObject = {
            "duration_ms": round((finished - began) * 1000),
            "items": max(ports.values()) if ports else None,
            "ports": cast(JsonObject, ports),
            "cached": node.cache and node.id in self.cached,
        }
        if data:
            facts.update(data)
        run.journal.event("node_completed", finished, node.id, attempt, facts, self.path)

    async def _complete_leaving(self, node: PlanNode, attempt: int, began: float, left: Leave) -> None:
        """Record the stop together with where it leads, so that a crash right after cannot undo it."""
        finished = self.run.now()
        stored = self.run.masks.value({LEFT: left.to_json()})
        self.record(node, attempt, "completed", began, finished, outputs=stored, ports={})
        facts: JsonObject = {
            "duration_ms": round((finished - began) * 1000),
            "items": None,
            "left": left.what,
        }
        self.run.journal.event("node_completed", finished, node.id, attempt, facts, self.path)
        self.unsettled -= 1
        self.leave(left)

    def skip(self, node: PlanNode, reason: str) -> None:
        now = self.run.now()
        self.record(node, 1, "skipped", None, now)
        self.run.journal.event("node_skipped", now, node.id, 1, {"reason": reason}, self.path)
        self.settle(node, None)

    async def _fail(self, node: PlanNode, attempt: int, began: float, failure: Failure) -> None:
        finished = self.run.now()
        problem = failure.problem
        self.record(node, attempt, "failed", began, finished, error=problem)
        facts: JsonObject = {
            "error": as_json_error(problem),
            "duration_ms": round((finished - began) * 1000),
            "on_error": node.on_error,
        }
        self.run.journal.event("node_failed", finished, node.id, attempt, facts, self.path)
        if node.effect != "pure":
            await self.run.journal.flush()
        self.settle_failed(node, problem)

    def settle_failed(self, node: PlanNode, problem: Problem) -> None:
        """Let a final failure do what the node (or else the flow) says."""
        run = self.run
        if node.on_error == "route":
            self.settle(node, {"error": problem})
        elif node.on_error == "continue":
            self.settle(node, None)
        elif self.parent is None and self.plan.document.settings.on_error == "continue":
            run.first_error = run.first_error or problem
            self.settle(node, None)
        else:
            self.fail(problem)

    def settle_quietly(self, node: PlanNode, outputs: Mapping[str, Any] | None) -> list[int]:
        """Take a node's outputs as given; returns the nodes that wait for nothing any more."""
        self.unsettled -= 1
        if outputs is not None:
            self.outputs[node.index] = outputs
            self.names[node.id] = outputs
        waits = self.waits
        freed = []
        for successor in node.successors:
            waits[successor] -= 1
            if not waits[successor]:
                freed.append(successor)
        return freed

    def settle(self, node: PlanNode, outputs: Mapping[str, Any] | None) -> None:
        freed = self.settle_quietly(node, outputs)
        if self.run.preparing is not None and self.parent is None and outputs is not None:
            self.run.preparing.decided(node, outputs)
        if not self.is_stopping:
            self.ready.extend(freed)
        if self.run.debugger is not None:
            self.run.debugger.settled(self, node, freed)

    def record(
        self,
        node: PlanNode,
        attempt: int,
        state: NodeState,
        began: float | None,
        finished: float | None = None,
        *,
        outputs: Mapping[str, Any] | None = None,
        error: Problem | None = None,
        ports: Mapping[str, int] | None = None,
        waits: Mapping[str, Any] | None = None,
    ) -> None:
        """Journal where an attempt stands."""
        record = NodeRecord(node.id, self.path, attempt, state, began, finished, outputs, error, ports, waits)
        if self.cpu_s and finished is not None and node.id in self.cpu_s:
            record = record._replace(resources={"cpu_ms": round(self.cpu_s.pop(node.id) * 1000)})
        if self.run.debugger is not None:
            record = self.run.debugger.with_values(record)
        self._records[node.id] = record
        self.run.journal.node(record)
        if node.body is not None and state in FINAL_NODE_STATES:
            close_what_is_left(self.run, f"{self.path}/{node.id}." if self.path else f"{node.id}.")

    def say(self, type_: str, node_id: str, attempt: int, data: JsonObject) -> None:
        self.run.journal.event(type_, self.run.now(), node_id, attempt, data, self.path)

    def note_retry(self, node: PlanNode, attempt: int, began: float, problem: Problem, wait_s: float) -> None:
        now = self.run.now()
        self.record(node, attempt, "failed", began, now, error=problem)
        facts: JsonObject = {"error": as_json_error(problem), "wait_s": round(wait_s, 3), "next": attempt + 1}
        self.run.journal.event("node_retrying", now, node.id, attempt, facts, self.path)

    def _note_cancelled(self, node: PlanNode, attempt: int, began: float) -> None:
        """In a run that only rests, waits and containers are taken up where they are, a node that may be
        repeated is queued again, and one that may not stays "running": its outcome is unknown."""
        if not self.run.is_resting:
            self.record(node, attempt, "cancelled", began, self.run.now())
        elif not node.is_at_most_once and not is_taken_up(node, self.records.get(node.id)):
            self.record(node, attempt, "queued", None)


async def _raised(error: Exception | None) -> Mapping[str, Any]:
    assert error is not None, "a node that is stuck waits or failed"
    raise error
