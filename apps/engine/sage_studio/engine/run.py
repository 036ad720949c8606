"""One run of a plan on an event loop.

Nodes become ready as those they wait for settle. A *strand* is a task that takes ready nodes
one after another; it steps each node's coroutine by hand, so a node that never waits costs no
task, and only when a node really waits does another strand go on with what else is ready.

Every settled node is journalled. A node with effects settles only when its record is durable;
records of pure nodes go out in shared batches, because a pure node may be repeated.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from sage_studio.engine.context import RunContext
from sage_studio.engine.controls import Controls, Wish
from sage_studio.engine.errors import FLOW_TIMEOUT, NODE_TIMEOUT
from sage_studio.engine.failures import Failure, failure_of, pause_before
from sage_studio.engine.ferry import run_in_thread
from sage_studio.engine.host import Host
from sage_studio.engine.inputs import NOTHING, gather, passed_through
from sage_studio.engine.journal import Journal
from sage_studio.engine.masks import Masks
from sage_studio.engine.plan import Plan, PlanNode
from sage_studio.engine.records import (
    FlowState,
    NodeRecord,
    NodeState,
    RunOutcome,
    as_json_error,
    count_ports,
    iso,
)
from sage_studio.engine.stepping import checked, resume, run_whole
from sage_studio.engine.strands import Strands
from sage_studio.kernel import Clock, JsonObject, Problem, SageError, SystemClock
from sage_studio.sdk import Context

DEFAULT_CONCURRENCY = 100
# A strand of cheap nodes gives the loop a turn this often, for sockets and other runs.
TURN_S = 0.005


class ActiveRun:
    """The moving parts of one run: ``restore`` what is recorded, ``perform``, then ``conclude``."""

    def __init__(
        self,
        plan: Plan,
        *,
        run_id: str,
        flow_id: str,
        inputs: Mapping[str, Any],
        host: Host,
        journal: Journal,
        controls: Controls,
        threads: ThreadPoolExecutor,
        clock: Clock,
    ) -> None:
        self.plan = plan
        self.run_id = run_id
        self.flow_id = flow_id
        self.host = host
        self.masks = Masks(host.secrets_seen)
        self.clock = clock
        self.threads = threads
        self.journal = journal
        self.controls = controls
        self.outcome: RunOutcome | None = None
        self.first_error: Problem | None = None
        self.is_stopping = False
        self.is_drained = False
        self.records: dict[str, NodeRecord] = {}
        self.outputs: list[Mapping[str, Any] | None] = [None] * len(plan.nodes)
        self.waits = [node.waits for node in plan.nodes]
        self.ready: deque[int] = deque()
        self.now = time.time if isinstance(clock, SystemClock) else lambda: clock.now().timestamp()
        self._inputs = inputs
        self._loop = asyncio.get_running_loop()
        self._strands = Strands(self._strand, plan.document.settings.concurrency or DEFAULT_CONCURRENCY)
        self._turn_at = 0.0
        self._scope: dict[str, Any] = {
            "flow": {"id": flow_id, "name": plan.document.name, "inputs": dict(inputs)},
            "run": {"id": run_id, "started_at": iso(self.now())},
            "vars": dict(plan.document.variables),
        }

    # Beginning and end

    async def perform(self) -> None:
        """Run every ready node and those that follow, until nothing is left or the run stops."""
        self.controls.on_wish(self._heed)
        time_limit = self._arm_time_limit()
        try:
            if self.ready and not self.is_stopping:
                self._strands.spawn()
            await self._strands.until_idle()
        finally:
            if time_limit is not None:
                time_limit.cancel()
            await self._strands.end()

    def conclude(self) -> RunOutcome:
        """How the run ended, once ``perform`` has returned; a flow output that cannot be computed
        fails the run."""
        if self.outcome is not None:
            return self.outcome
        if self.is_drained:
            return RunOutcome(FlowState.READY, reason="drained")
        if self.first_error is not None:
            return RunOutcome(FlowState.FAILED, error=self.first_error)
        try:
            return RunOutcome(FlowState.COMPLETED, outputs=self._flow_outputs())
        except SageError as error:
            return RunOutcome(FlowState.FAILED, error=error.problem())

    def _flow_outputs(self) -> dict[str, Any]:
        """The declared outputs, or what every last node gave, by node id."""
        if not self.plan.outputs:
            nodes = self.plan.nodes
            return {nodes[i].id: dict(given) for i in self.plan.sinks if (given := self.outputs[i])}
        return {name: evaluate(self._scope_of(roots, NOTHING)) for name, evaluate, roots in self.plan.outputs}

    def _arm_time_limit(self) -> asyncio.TimerHandle | None:
        limit_s = self.plan.document.settings.timeout_s
        if limit_s is None:
            return None
        error = SageError(FLOW_TIMEOUT, {"timeout_s": limit_s}).problem()
        return self._loop.call_later(limit_s, lambda: self.stop(RunOutcome(FlowState.FAILED, error)))

    def _heed(self, wish: Wish) -> None:
        if wish == "drain":
            self.is_drained = True
            self.stop(None)
        else:
            self.stop(RunOutcome(FlowState.CANCELLED, reason="requested"))

    def stop(self, outcome: RunOutcome | None) -> None:
        """Start nothing more. Nodes that may be repeated are cancelled now; those whose outcome
        must be known (all of them when draining) get the grace."""
        if self.is_stopping:
            return
        self.is_stopping = True
        self.outcome = outcome
        self.ready.clear()
        self._strands.cancel(unless=lambda node: self.is_drained or node.is_at_most_once)
        self._loop.call_later(self.controls.grace_s, self._strands.abandon)

    # Nodes

    async def _strand(self) -> None:
        ready, nodes, loop_time = self.ready, self.plan.nodes, self._loop.time
        while ready:
            await self._visit(nodes[ready.popleft()])
            now = loop_time()
            if now > self._turn_at:
                self._turn_at = now + TURN_S
                await asyncio.sleep(0)

    async def _visit(self, node: PlanNode) -> None:
        """Take one ready node to its end: pinned, skipped, handed through, or run."""
        inputs: Mapping[str, Any] | None
        if node.inputs:
            inputs = gather(node, self.plan.nodes, self.outputs)
        else:
            inputs = self._inputs if node.is_trigger else NOTHING
        if inputs is None:
            self._skip(node, "branch_not_taken")
        elif node.disabled:
            passed = passed_through(node, inputs)
            if passed is None:
                self._skip(node, "disabled")
            else:
                await self._complete(node, 1, self.now(), passed, {"disabled": True})
        elif node.pinned is not None:
            await self._complete(node, 1, self.now(), node.pinned, {"pinned": True})
        else:
            await self._work(node, inputs)

    async def _work(self, node: PlanNode, inputs: Mapping[str, Any]) -> None:
        """Attempts until one succeeds, none is left, or the run stops."""
        held = self.records.get(node.id)
        attempt = held.attempt if held else 0
        while True:
            attempt += 1
            began = self.now()
            result = await self._attempt(node, inputs, attempt, began)
            if result is None:
                return
            if not isinstance(result, Failure):
                await self._complete(node, attempt, began, result)
                return
            if not result.retryable or attempt > node.retry.count:
                await self._fail(node, attempt, began, result)
                return
            wait_s = pause_before(attempt, node.retry, result, random.random())  # noqa: S311 - spreads retries, guards nothing
            self._note_retry(node, attempt, began, result.problem, wait_s)
            if not await self._pause(wait_s):
                return

    async def _attempt(
        self, node: PlanNode, inputs: Mapping[str, Any], attempt: int, began: float
    ) -> Mapping[str, Any] | Failure | None:
        """One attempt: its outputs, its failure, or None when the run stopped meanwhile."""
        self.journal.event("node_started", began, node.id, attempt)
        coroutine: Coroutine[Any, Any, Any] | None = None
        try:
            if node.is_at_most_once:
                # On disk before the effect can happen: after a crash this is how one knows.
                self.record(node, attempt, "running", began)
                await self.journal.flush()
            context = RunContext(self, node.id, attempt, self._config(node, inputs), began + node.timeout_s)
            coroutine = self._coroutine(node, context, inputs)
            try:
                awaited = coroutine.send(None)
            except StopIteration as stop:
                return checked(stop.value)
            return await self._wait_out(node, attempt, began, coroutine, awaited)
        except asyncio.CancelledError:
            if not self.is_stopping:
                raise
            self._note_cancelled(node, attempt, began)
            return None
        except Exception as error:  # noqa: BLE001 - the edge to node code: failures are outcomes here
            return failure_of(error, node, self.masks)

    def _config(self, node: PlanNode, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        binding = node.binding
        if binding.is_constant and not node.wired_fields:
            return binding.constants
        config = binding.resolve(self._scope_of(binding.roots, inputs))
        for name in node.wired_fields:
            if name in inputs:
                config[name] = inputs[name]
        return config

    def _scope_of(self, roots: frozenset[str], inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The names an expression reads; a node that gave nothing reads as an empty object."""
        known = self._scope
        scope = {root: known.get(root, NOTHING) for root in roots if root in known or root in self.plan.index}
        scope["inputs"] = inputs
        return scope

    def _coroutine(
        self, node: PlanNode, context: RunContext, inputs: Mapping[str, Any]
    ) -> Coroutine[Any, Any, Any]:
        assert node.node_class is not None, "only disabled nodes have no class"
        instance = node.node_class()
        if node.blocking:
            return run_in_thread(
                lambda ferried: run_whole(instance, cast(Context, ferried), inputs, node.stream_ports),
                context,
                self.threads,
            )
        sdk_context = cast(Context, context)
        if node.is_plain:
            return cast("Coroutine[Any, Any, Any]", instance.run(sdk_context, inputs))
        return run_whole(instance, sdk_context, inputs, node.stream_ports)

    async def _wait_out(
        self, node: PlanNode, attempt: int, began: float, coroutine: Coroutine[Any, Any, Any], awaited: Any
    ) -> Mapping[str, Any] | Failure:
        """Wait for a node that did not finish at once, under its time limit, others going on."""
        if not node.is_at_most_once:
            self.record(node, attempt, "running", began)
        if self.ready:
            self._strands.spawn()
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._strands.at[task] = node
        limit = asyncio.timeout(node.timeout_s)
        try:
            async with limit:
                return checked(await resume(coroutine, awaited))
        except TimeoutError:
            if not limit.expired():
                raise
            # Repeating a node whose effect may have happened is a person's decision.
            retryable = not node.is_at_most_once
            error = SageError(NODE_TIMEOUT, {"timeout_s": node.timeout_s}, retryable=retryable)
            return Failure(error.problem(node_id=node.id), retryable, 0.0)
        finally:
            self._strands.at[task] = None

    async def _pause(self, wait_s: float) -> bool:
        """Wait before the next attempt while others go on; False when the run stopped."""
        if self.ready:
            self._strands.spawn()
        try:
            await self.clock.sleep(wait_s)
        except asyncio.CancelledError:
            if not self.is_stopping:
                raise
        return not self.is_stopping

    # What became of them

    async def _complete(
        self,
        node: PlanNode,
        attempt: int,
        began: float,
        outputs: Mapping[str, Any],
        data: JsonObject | None = None,
    ) -> None:
        finished = self.now()
        ports = count_ports(outputs)
        stored = self.masks.value(outputs)
        self.record(node, attempt, "completed", began, finished, outputs=stored, ports=ports)
        facts: JsonObject = {
            "duration_ms": round((finished - began) * 1000),
            "items": max(ports.values()) if ports else None,
            "ports": cast(JsonObject, ports),
            "cached": False,
        }
        if data:
            facts.update(data)
        self.journal.event("node_completed", finished, node.id, attempt, facts)
        if node.effect != "pure":
            await self.journal.flush()
        self._settle(node, outputs)

    def _skip(self, node: PlanNode, reason: str) -> None:
        now = self.now()
        self.record(node, 1, "skipped", None, now)
        self.journal.event("node_skipped", now, node.id, 1, {"reason": reason})
        self._settle(node, None)

    async def _fail(self, node: PlanNode, attempt: int, began: float, failure: Failure) -> None:
        finished = self.now()
        problem = failure.problem
        self.record(node, attempt, "failed", began, finished, error=problem)
        facts: JsonObject = {
            "error": as_json_error(problem),
            "duration_ms": round((finished - began) * 1000),
            "on_error": node.on_error,
        }
        self.journal.event("node_failed", finished, node.id, attempt, facts)
        if node.effect != "pure":
            await self.journal.flush()
        self.settle_failed(node, problem)

    def settle_failed(self, node: PlanNode, problem: Problem) -> None:
        """Let a final failure do what the node (or else the flow) says."""
        if node.on_error == "route":
            self._settle(node, {"error": problem})
        elif node.on_error == "continue":
            self._settle(node, None)
        elif self.plan.document.settings.on_error == "continue":
            self.first_error = self.first_error or problem
            self._settle(node, None)
        else:
            self.stop(RunOutcome(FlowState.FAILED, error=problem))

    def settle_quietly(self, node: PlanNode, outputs: Mapping[str, Any] | None) -> list[int]:
        """Take a node's outputs as given; returns the nodes that wait for nothing any more."""
        if outputs is not None:
            self.outputs[node.index] = outputs
            self._scope[node.id] = outputs
        waits = self.waits
        freed = []
        for successor in node.successors:
            waits[successor] -= 1
            if not waits[successor]:
                freed.append(successor)
        return freed

    def _settle(self, node: PlanNode, outputs: Mapping[str, Any] | None) -> None:
        freed = self.settle_quietly(node, outputs)
        if not self.is_stopping:
            self.ready.extend(freed)

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
    ) -> None:
        """Journal where an attempt stands."""
        record = NodeRecord(node.id, "", attempt, state, began, finished, outputs, error, ports)
        self.records[node.id] = record
        self.journal.node(record)

    def say(self, type_: str, node_id: str, attempt: int, data: JsonObject) -> None:
        self.journal.event(type_, self.now(), node_id, attempt, data)

    def _note_retry(
        self, node: PlanNode, attempt: int, began: float, problem: Problem, wait_s: float
    ) -> None:
        now = self.now()
        self.record(node, attempt, "failed", began, now, error=problem)
        facts: JsonObject = {"error": as_json_error(problem), "wait_s": round(wait_s, 3), "next": attempt + 1}
        self.journal.event("node_retrying", now, node.id, attempt, facts)

    def _note_cancelled(self, node: PlanNode, attempt: int, began: float) -> None:
        # A drained at-most-once node stays "running" in the books: its outcome is unknown.
        if not (self.is_drained and node.is_at_most_once):
            self.record(node, attempt, "cancelled", began, self.now())
