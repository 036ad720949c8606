"""One level of a run at work: how its nodes are visited and attempted.

Nodes become ready as those they wait for settle. A *strand* is a task that takes ready nodes
one after another; it steps each node's coroutine by hand, so a node that never waits costs no
task, and only when a node really waits does another strand go on with what else is ready.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Coroutine, Mapping, Sequence
from typing import Any, TypeAlias, cast

from sage_studio.engine.attempt import Attempt, Limit, Slots
from sage_studio.engine.cache import cached_outputs, remember_outputs
from sage_studio.engine.context import RunContext
from sage_studio.engine.errors import NODE_TIMEOUT, NOT_IN_LOOP
from sage_studio.engine.executors.placing import run_elsewhere
from sage_studio.engine.failures import Failure, failure_of, late_of, pause_before
from sage_studio.engine.ferry import run_in_thread
from sage_studio.engine.fused import Stuck, may_fuse, run_cheap
from sage_studio.engine.handing_over import settled_config
from sage_studio.engine.inputs import NOTHING, gather, passed_through
from sage_studio.engine.pipelines import PipelineRun, run_pipeline
from sage_studio.engine.plan import Plan, PlanNode
from sage_studio.engine.resources import ONE, Amount, Share
from sage_studio.engine.restore import is_taken_up, restore
from sage_studio.engine.settling import Settling
from sage_studio.engine.shared_work import take_over
from sage_studio.engine.stepping import checked, own_cancellation, resume, run_whole
from sage_studio.kernel import SageError
from sage_studio.sdk import Context, Leave, Node

# An attempt's outputs, its failure, its way out, or None when the run stopped meanwhile.
Result: TypeAlias = Mapping[str, Any] | Failure | Leave | None
# A strand of cheap nodes gives the loop a turn this often, for sockets and other runs.
TURN_S = 0.005


class Scope(Settling):
    """A level that runs: ``perform`` takes it from its records to its end."""

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
            assert self.is_stopping or self.is_finished, "a level ends with every node settled"
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
            failures = attempt - self.lost.get(node.id, 0)
            if not result.retryable or failures > node.retry.count:
                debugger = self.run.debugger
                if debugger is None or not await debugger.deals_with(
                    self, node, inputs, attempt, began=began, problem=result.problem
                ):
                    await self._fail(node, attempt, began, result)
                return
            wait_s = pause_before(failures, node.retry, result, random.random())  # noqa: S311 - spreads retries, guards nothing
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
        if node.binding.handed:
            config = await settled_config(config, node.binding.handed)
        if run.debugger is not None:
            config = run.debugger.look(self, node, inputs, config)
        if node.cache and (kept := await cached_outputs(run, node, config, inputs)) is not None:
            self.cached.add(node.id)
            return kept
        context = RunContext(attempt, config, attempt.began + node.timeout_s)
        coroutine = self._coroutine(node, context, inputs)
        try:
            awaited = coroutine.send(None)
        except StopIteration as stop:
            outputs: Mapping[str, Any] | Failure = checked(stop.value)
        else:
            outputs = await self._wait_out(attempt, coroutine, awaited)
        if node.cache and not isinstance(outputs, Failure):
            await remember_outputs(run, node, config, inputs, outputs)
        return outputs

    async def _outcome(
        self, attempt: Attempt, steps: Coroutine[Any, Any, Mapping[str, Any] | Failure]
    ) -> Result:
        """What an attempt comes to, whatever its steps raise."""
        run, node = self.run, attempt.node
        try:
            return await steps
        except asyncio.CancelledError as error:
            if not self.is_stopping and not run.journal.is_closed:
                return failure_of(own_cancellation(error), node, self.path, run.masks)
            if not self.is_stopping:
                raise
            self._note_cancelled(node, attempt.number, attempt.began)
            return None
        except Leave as left:
            if left.what != "run" and not self._is_in_loop():
                return failure_of(SageError(NOT_IN_LOOP), node, self.path, run.masks)
            return left
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the edge to node code: an outcome
            if run.spending.stops_run(error, node.id, self.path):
                self._note_cancelled(node, attempt.number, attempt.began)
                return None
            return failure_of(error, node, self.path, run.masks)

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
                lambda ferried: run_whole(
                    instance, cast(Context, ferried), inputs, node.stream_ports, close_s=None
                ),
                context,
                self.run.threads,
            )
        sdk_context = cast(Context, context)
        if node.is_plain:
            return cast("Coroutine[Any, Any, Any]", instance.run(sdk_context, inputs))
        if self.preparing is not None:
            return self._prepared(node, instance, sdk_context, inputs)
        return run_whole(instance, sdk_context, inputs, node.stream_ports)

    async def _prepared(
        self, node: PlanNode, instance: Node, context: Context, inputs: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Run the instance that was prepared for this node, when there is one."""
        preparing = self.preparing
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
            can_retry = not node.is_at_most_once
            error = SageError(NODE_TIMEOUT, {"timeout_s": node.timeout_s}, retryable=can_retry)
            return late_of(error, node, self.path, can_retry=can_retry)
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


async def _raised(error: BaseException | None) -> Mapping[str, Any]:
    assert error is not None, "a node that is stuck waits or failed"
    raise error
