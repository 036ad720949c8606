"""Pipelines inside runs: from settled inputs to stages, and from what became of them to records.

Every member of a pipeline has records and events of its own. A checkpoint is written as the
``running`` records of all members in one batch, each with its part of the state under
``$checkpoint``; whoever takes the run up goes on from there, with the same attempt.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from sage_studio.engine.attempt import Attempt, Slots
from sage_studio.engine.context import RunContext
from sage_studio.engine.debugging.state import Edits
from sage_studio.engine.errors import NODE_TIMEOUT
from sage_studio.engine.failures import Failure, failure_of, late_of, pause_before
from sage_studio.engine.handing_over import settled_config
from sage_studio.engine.inputs import gather
from sage_studio.engine.pipeline_limits import pipeline_limits
from sage_studio.engine.pipeline_stops import PipelineStops
from sage_studio.engine.plan import Member, PipelinePlan, PlanNode
from sage_studio.engine.records import CHECKPOINT, FINAL_NODE_STATES, as_json_error, has_checkpoint
from sage_studio.engine.streams import Checkpoint, Pipeline, StageFailed, StagePlan
from sage_studio.engine.streams.feed import Feed
from sage_studio.kernel import JsonObject, SageError
from sage_studio.sdk import Context

if TYPE_CHECKING:
    from sage_studio.engine.scope import Scope

_FED = "<"
_DRAIN_S = 2.5
_PAUSE_S = 30.0


async def run_pipeline(scope: Scope, plan: PipelinePlan) -> None:
    """Take a whole pipeline to its end and settle every member."""
    await PipelineRun(scope, plan).run()


class PipelineRun:
    """One pipeline of one level; ``halt`` is called when the level stops."""

    def __init__(self, scope: Scope, plan: PipelinePlan) -> None:
        self._scope = scope
        self._plan = plan
        self._inputs: dict[int, Mapping[str, Any]] = {}
        self._members = self._active()
        self._pipeline: Pipeline | None = None
        self._task: asyncio.Task[Any] | None = None
        self._attempt = 0
        self._began = 0.0
        self._stops = PipelineStops(scope, self._members, self._inputs)

    def _active(self) -> list[Member]:
        """Members that are not skipped, with the values on their other inputs."""
        scope = self._scope
        active: list[Member] = []
        for member in self._plan.members:
            live = {
                port: [source for source, _port in sources if source in self._inputs]
                for port, sources in member.reads.items()
            }
            gone = any(not live[port] for port in member.required)
            values = gather(member.node, scope.plan.ids, scope.outputs)
            if (
                values is None
                and not any(wired.required for wired in member.node.inputs)
                and any(live.values())
            ):
                values = {}
            has_live = not member.reads or any(live.values()) or bool(values)
            if values is not None and not gone and has_live:
                self._inputs[member.node.index] = values
                active.append(member)
        return active

    async def run(self) -> None:
        for member in self._plan.members:
            if member.node.index not in self._inputs:
                self._scope.skip(member.node, "branch_not_taken")
        if not self._members:
            return
        try:
            await self._attempts()
        finally:
            self._stops.end()

    async def _attempts(self) -> None:
        checkpoint = self._held()
        if not await self._stops.begin(self._attempt + 1):
            return
        lost = max(self._scope.lost.get(member.node.id, 0) for member in self._members)
        while True:
            self._attempt = self._stops.attempt = self._attempt + 1
            failed = await self._attempt_in_turn(checkpoint)
            if failed is None:
                return
            node, failure = failed
            wait_s = 0.0
            failures = self._attempt - lost
            if not failure.retryable or failures > node.retry.count:
                again = await self._stops.tries_again(node, failure.problem)
                if not again:
                    if again is not None:
                        self._settle_failure(node, failure)
                    return
            else:
                wait_s = pause_before(failures, node.retry, failure, random.random())  # noqa: S311 - spreads retries, guards nothing
            self._note_retry(node, failure, wait_s)
            if not await self._scope.pause_between(wait_s):
                return
            checkpoint = self._last

    def _held(self) -> Checkpoint | None:
        """The checkpoint in the records, and the number of the last attempt."""
        records = [self._scope.records.get(member.node.id) for member in self._members]
        known = [record for record in records if record is not None]
        self._attempt = max((record.attempt for record in known), default=0)
        has_ended = any(record.state in FINAL_NODE_STATES for record in known)
        if known and not has_ended and all(one.state == "queued" or has_checkpoint(one) for one in known):
            self._attempt -= 1  # it goes on
        parts = [record.outputs[CHECKPOINT] for record in known if has_checkpoint(record) and record.outputs]
        numbers = {part["number"] for part in parts}
        if len(parts) < len(self._members) or len(numbers) != 1:
            return None
        states: dict[str, JsonObject] = {}
        for part in parts:
            states.update(json.loads(part["states"]))
        return Checkpoint(numbers.pop(), states)

    # One attempt

    async def _attempt_in_turn(self, checkpoint: Checkpoint | None) -> tuple[PlanNode, Failure] | None:
        """An attempt that holds what all members count against and take, all together."""
        scope = self._scope
        slots = Slots(pipeline_limits(scope, [member.node for member in self._members]))
        try:
            if not await scope.rest(_taken(slots)):
                return None
            self._began = scope.run.now()
            return await self._attempt_once(checkpoint)
        finally:
            slots.release()

    async def _attempt_once(self, checkpoint: Checkpoint | None) -> tuple[PlanNode, Failure] | None:
        """The failing node and its failure, or None when it ended in any other way."""
        scope = self._scope
        self._last = checkpoint
        try:
            pipeline = await self._announced(checkpoint)
        except StageFailed as failed:
            return self._failure_of(failed)
        if pipeline is None:
            return None
        limit = asyncio.timeout(None if scope.run.debugger is not None else self._plan.timeout_s)
        try:
            async with limit:
                await scope.at_pipeline(self._attempt_of(self._members[0]), self, pipeline.run())
            if not pipeline.is_drained:
                await self._complete(pipeline)
                return None
            self._note_stopped()
        except StageFailed as failed:
            return self._failure_of(failed)
        except TimeoutError:
            if not limit.expired():
                raise
            late = SageError(NODE_TIMEOUT, {"timeout_s": self._plan.timeout_s})
            node = self._members[0].node
            return node, late_of(late, node, scope.path, can_retry=not self._has_at_most_once)
        except asyncio.CancelledError:
            if not scope.is_stopping:
                raise
            self._note_stopped()
        finally:
            await self._close(pipeline)
        return None

    def _failure_of(self, failed: StageFailed) -> tuple[PlanNode, Failure] | None:
        """The failing node and its failure; None when it lacks the money, which pauses the run."""
        scope, node = self._scope, self._node_of(failed.stage)
        if scope.run.spending.stops_run(failed.error, node.id, scope.path):
            self._note_stopped()
            return None
        return node, failure_of(failed.error, node, scope.path, scope.run.masks)

    async def _close(self, pipeline: Pipeline) -> None:
        """What became of the members is settled: one that cannot be closed is only told of."""
        for stage_id, error in await pipeline.close():
            line = self._scope.run.masks.text(f"{type(error).__name__}: {error}")[:2_000]
            data: JsonObject = {"level": "warning", "message": "not_closed", "fields": {"reason": line}}
            self._scope.say("log", self._node_of(stage_id).id, self._attempt, data)

    @property
    def _has_at_most_once(self) -> bool:
        return any(member.node.is_at_most_once for member in self._members)

    async def _announced(self, checkpoint: Checkpoint | None) -> Pipeline | None:
        """A pipeline on record that may begin; None when the run stopped meanwhile, for ``halt`` could not
        tell a pipeline that was not there. Raises StageFailed."""
        try:
            await self._announce()
            self._pipeline = await self._made(checkpoint)
        except asyncio.CancelledError:
            if not self._scope.is_stopping:
                raise
            self._pipeline = None
        if self._scope.is_stopping:
            self._note_stopped(has_begun=False)
            return None
        return self._pipeline

    async def _announce(self) -> None:
        run = self._scope.run
        for member in self._members:
            node = member.node
            run.journal.event("node_started", self._began, node.id, self._attempt, None, self._scope.path)
            self._record(member, "running")
        if self._has_at_most_once:
            await run.journal.flush()

    def _record(self, member: Member, state: Any, finished: float | None = None) -> None:
        """Where a member stands, with its part of the last checkpoint."""
        outputs = None if self._last is None else {CHECKPOINT: self._part(member, self._last)}
        self._scope.record(member.node, self._attempt, state, self._began, finished, outputs=outputs)

    def _part(self, member: Member, checkpoint: Checkpoint) -> JsonObject:
        """As text: nobody changes it while it is on its way to disk."""
        names = [member.node.id, *(_feed_id(member, port) for port in member.fed)]
        mine = {name: checkpoint.states[name] for name in names if name in checkpoint.states}
        return {"number": checkpoint.number, "states": json.dumps(mine)}

    async def _made(self, checkpoint: Checkpoint | None) -> Pipeline:
        scope = self._scope
        stages: list[StagePlan] = []
        for member in self._members:
            try:
                stages += await self._stages_of(member)
            except SageError as error:
                raise StageFailed(member.node.id, error) from error
        return Pipeline(
            stages,
            name=f"{scope.run.run_id}/{scope.path}/" if scope.path else f"{scope.run.run_id}/",
            commit=self._commit if self._plan.is_resumable else None,
            interval_s=scope.run.options.checkpoint_interval_s,
            resume_from=checkpoint,
        )

    async def _stages_of(self, member: Member) -> list[StagePlan]:
        node, scope = member.node, self._scope
        assert node.node_class is not None, "a node without a class streams nothing"
        edits = self._stops.edits.get(node.index, Edits())
        values = {**self._inputs[node.index], **edits.inputs}
        reads: dict[str, list[tuple[str, str]]] = {
            port: [(self._id(slot), source_port) for slot, source_port in sources if slot in self._inputs]
            for port, sources in member.reads.items()
        }
        config = scope.config_of(node, values)
        if node.binding.handed:
            config = await settled_config(config, node.binding.handed)
        context = cast(
            Context,
            RunContext(
                self._attempt_of(member),
                {**config, **edits.config},
                self._began + node.timeout_s,
            ),
        )
        stages = []
        for port in sorted(member.fed & values.keys()):
            feed = Feed(values.pop(port))
            feed_id = _feed_id(member, port)
            stages.append(StagePlan(feed_id, lambda feed=feed: feed, context, outputs=frozenset({"items"})))  # type: ignore[misc]
            reads[port] = [(feed_id, "items")]
        stages.append(
            StagePlan(
                node.id,
                node.node_class,
                context,
                inputs=values,
                reads={port: sources for port, sources in reads.items() if sources},
                outputs=member.outputs,
                gathered=member.gathered,
                multiple=frozenset(p.name for p in node.spec.inputs if p.multiple)
                if node.spec
                else frozenset(),
                look=self._stops.look_of(member),
            )
        )
        return stages

    def _id(self, slot: int) -> str:
        return self._scope.plan.nodes[slot].id

    def _attempt_of(self, member: Member) -> Attempt:
        inputs = self._inputs[member.node.index]
        return Attempt(self._scope, member.node, self._attempt, self._began, inputs, None)

    def _node_of(self, stage_id: str) -> PlanNode:
        node_id = stage_id.split(_FED, 1)[0]
        return next(member.node for member in self._members if member.node.id == node_id)

    async def _commit(self, checkpoint: Checkpoint) -> None:
        """All members' parts in one batch, durable when this returns."""
        self._last = checkpoint
        for member in self._members:
            self._record(member, "running")
        await self._scope.run.journal.flush()

    # How it ended

    async def _complete(self, pipeline: Pipeline) -> None:
        """Record all members in one batch, make it durable, and settle them."""
        scope, run = self._scope, self._scope.run
        results = pipeline.results()
        for member in self._members:
            node = member.node
            outputs = results[node.id]
            ports = pipeline.counts(node.id, outputs)
            scope.note_completed(node, self._attempt, self._began, outputs, ports=ports)
        if any(member.node.effect != "pure" for member in self._members) or self._plan.is_resumable:
            await run.journal.flush()
        try:
            await pipeline.conclude()
        except Exception as error:  # noqa: BLE001 - all is recorded; at worst a message comes once more
            line = run.masks.text(str(error))[:2_000]
            data: JsonObject = {"level": "warning", "message": "not_acknowledged", "fields": {"reason": line}}
            scope.say("log", self._members[0].node.id, self._attempt, data)
        for member in self._members:
            scope.settle(member.node, results[member.node.id])

    def _settle_failure(self, node: PlanNode, failure: Failure) -> None:
        """The failing node does what its ``on_error`` says; what the others were at is gone."""
        scope = self._scope
        goes_on = node.on_error != "fail" or (
            scope.parent is None and scope.plan.document.settings.on_error == "continue"
        )
        finished = scope.run.now()
        for member in self._members:
            if member.node is not node:
                if goes_on:
                    scope.skip(member.node, "pipeline_failed")
                else:
                    scope.record(member.node, self._attempt, "cancelled", self._began, finished)
        scope.record(node, self._attempt, "failed", self._began, finished, error=failure.problem)
        facts: JsonObject = {
            "error": as_json_error(failure.problem),
            "duration_ms": round((finished - self._began) * 1000),
            "on_error": node.on_error,
        }
        scope.run.journal.event("node_failed", finished, node.id, self._attempt, facts, scope.path)
        scope.settle_failed(node, failure.problem)

    def _note_retry(self, node: PlanNode, failure: Failure, wait_s: float) -> None:
        """The attempt is over for every member; all keep their part of the last checkpoint, from which the
        next one goes on, also elsewhere."""
        finished = self._scope.run.now()
        held: JsonObject | None = None
        for member in self._members:
            if member.node is not node:
                self._record(member, "cancelled", finished)
            elif self._last is not None:
                held = {CHECKPOINT: self._part(member, self._last)}
        self._scope.note_retry(node, self._attempt, self._began, failure.problem, wait_s, outputs=held)

    def _note_stopped(self, *, has_begun: bool = True) -> None:
        """A run that only rests finds its pipelines queued, with their last checkpoint."""
        run = self._scope.run
        for member in self._members:
            if not run.is_resting:
                self._record(member, "cancelled", run.now())
            elif not has_begun or self._last is not None or not member.node.is_at_most_once:
                self._record(member, "queued")

    # Being stopped

    def halt(self, task: asyncio.Task[Any], *, lets_finish: bool) -> None:
        """Stop at a barrier when the run only rests or was cancelled by a person; else at once."""
        run, pipeline = self._scope.run, self._pipeline
        outcome = run.outcome
        is_asked = run.is_resting or (outcome is not None and outcome.reason == "requested")
        if self._stops.standing:
            task.cancel()  # no barrier passes a member that stands: the last checkpoint has to do
            return
        if pipeline is None or not self._plan.is_resumable or not is_asked:
            if not (lets_finish and not self._plan.is_resumable):
                task.cancel()
            return
        pipeline.drain()
        run.loop.call_later(_PAUSE_S if lets_finish else min(_DRAIN_S, run.controls.grace_s), task.cancel)


def _feed_id(member: Member, port: str) -> str:
    return f"{member.node.id}{_FED}{port}"


async def _taken(slots: Slots) -> bool:
    await slots.take()
    return True
