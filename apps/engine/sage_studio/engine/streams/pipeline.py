"""Nodes joined by streams, at work together: wiring, checkpoints, and how it ends.

Checkpoints are aligned barriers (Carbone et al., "Lightweight Asynchronous Snapshots for
Distributed Dataflows", 2015). Every so often each source puts a barrier behind what it has given and
says its position; each node says its state when the barrier has reached it; when all have, the
owner writes the states in one step and nodes are told that what came before is committed.

Queues are bounded. Where a stream splits and meets itself again, bounded queues can make all wait
for each other; when that happens the smallest full queue grows (Parks, "Bounded Scheduling of
Process Networks", 1995).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from sage_studio.engine.stepping import CLOSE_S, own_cancellation
from sage_studio.engine.streams.channel import Barrier, Channel, Lane
from sage_studio.engine.streams.direct import DirectLane, DirectStage, may_be_direct
from sage_studio.engine.streams.outlet import Outlet
from sage_studio.engine.streams.reader import Reader
from sage_studio.engine.streams.stage import Reports, Stage, StagePlan
from sage_studio.engine.streams.stalls import Stalls
from sage_studio.kernel import JsonObject
from sage_studio.sdk import StreamNode

CHECKPOINT_INTERVAL_S = 5.0
_SHARE = 10
"""Between two checkpoints passes this many times what the last one took."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A consistent cut: the state of every stage after everything before barrier ``number``."""

    number: int
    states: Mapping[str, JsonObject] = field(default_factory=dict)


Commit = Callable[[Checkpoint], Awaitable[None]]


def count_value(value: Any) -> int:
    return len(value) if isinstance(value, (list, tuple)) else 1


class StageFailed(Exception):
    """The first failure inside a pipeline; ``error`` is what the node raised."""

    def __init__(self, stage: str, error: BaseException) -> None:
        super().__init__(stage)
        self.stage = stage
        self.error = error


class Pipeline(Reports):
    """``run`` once. ``commit`` writes a checkpoint durably; without it none are taken.

    Making one raises StageFailed where a node cannot be made, or cannot go on from its state.
    """

    def __init__(
        self,
        plans: Sequence[StagePlan],
        *,
        name: str = "",
        commit: Commit | None = None,
        interval_s: float = CHECKPOINT_INTERVAL_S,
        resume_from: Checkpoint | None = None,
    ) -> None:
        self._name = name
        self._commit = commit
        self._interval_s = interval_s
        self._number = resume_from.number if resume_from else 0
        self._reached: dict[str, JsonObject] = {}
        self._barrier: Barrier | None = None
        self._complete = asyncio.Event()
        self._committing = asyncio.Lock()
        self._drain_wish = asyncio.Event()
        self.is_drained = False
        self.failure: StageFailed | None = None
        self.stages = {plan.id: self._stage(plan) for plan in plans}
        self._stalls = Stalls(self._fail_stalled)
        self._wire()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        if resume_from is not None:
            for stage_id, state in resume_from.states.items():
                if stage_id in self.stages:
                    self._restore(self.stages[stage_id], state)

    def _stage(self, plan: StagePlan) -> Stage:
        try:
            node = plan.make()
        except Exception as error:
            raise StageFailed(plan.id, error) from error
        return (DirectStage if may_be_direct(plan, node) else Stage)(plan, node, self)

    def _restore(self, stage: Stage, state: JsonObject) -> None:
        try:
            stage.restore(state)
        except Exception as error:
            raise StageFailed(stage.id, error) from error

    def _wire(self) -> None:
        for stage in self.stages.values():
            for port in sorted(stage.plan.outputs):
                channel = Channel(f"{stage.id}.{port}", self._stalls)
                name = f"{self._name}{stage.id}.{port}"
                stage.outlets[port] = Outlet(
                    name,
                    port,
                    channel,
                    is_gathered=port in stage.plan.gathered,
                )
        for stage in self.stages.values():
            for port, sources in stage.plan.reads.items():
                stage.readers[port] = [
                    (source, self._reader(source, source_port, stage, port))
                    for source, source_port in sources
                ]
        for stage in self.stages.values():
            if not isinstance(stage, DirectStage):
                self._drives(stage, stage.id)

    def _drives(self, stage: Stage, writer_id: str) -> None:
        """Who waits where a stage cannot give: it, or the one that drives it."""
        for outlet in stage.outlets.values():
            outlet.channel.writer_id = writer_id
            for lane in outlet.channel.lanes:
                if isinstance(lane, DirectLane):
                    self._drives(self.stages[lane.reader_id], writer_id)

    def goes_alone(self, stage: Stage) -> None:
        self._stalls.began(stage.id)
        self._drives(stage, stage.id)

    def _reader(self, source: str, source_port: str, stage: Stage, port: str) -> Reader:
        outlet = self.stages[source].outlets[source_port]
        outlet.read_live()
        channel = outlet.channel
        direct = DirectLane(channel, port, stage) if isinstance(stage, DirectStage) else None
        lane = channel.add(direct or Lane(channel, port))
        lane.reader_id = stage.id
        return Reader(lane, stage, stage.plan.look)

    # Running

    async def run(self) -> None:
        """Until every stage has ended, or the pipeline was drained (``is_drained``).

        Raises StageFailed with the first failure, after all others were cancelled.
        """
        try:
            async with asyncio.TaskGroup() as group:
                for stage in self.stages.values():
                    if not isinstance(stage, DirectStage):
                        self._stalls.began(stage.id)
                    self._tasks[stage.id] = group.create_task(self._run_stage(stage))
                keeper = group.create_task(self._keep_checkpoints()) if self._commit else None
                await asyncio.wait(self._tasks.values())
                if keeper is not None:
                    # Not in the middle of a commit: nodes would have told half of it to the outside.
                    async with self._committing:
                        keeper.cancel()
        except BaseExceptionGroup as group_error:
            if self.failure is None:
                raise group_error.exceptions[0] from None
        if self.failure is not None:
            raise self.failure from self.failure.error

    async def _run_stage(self, stage: Stage) -> None:
        try:
            await stage.run()
        except asyncio.CancelledError as error:
            if self.is_drained:
                return
            raise self._failed(stage, own_cancellation(error)) from error
        except (Exception, SystemExit) as error:
            raise self._failed(stage, error) from error
        finally:
            self._stalls.ended(stage.id)
            self._look()

    def _failed(self, stage: Stage, error: BaseException) -> StageFailed:
        """Whatever a node raises ends the pipeline; the owner turns it into an outcome."""
        failed = StageFailed(stage.id, error)
        self.failure = self.failure or failed
        return failed

    def _fail_stalled(self, error: Exception, stage_id: str) -> None:
        if self.failure is None:
            self.failure = StageFailed(stage_id, error)
        for task in self._tasks.values():
            task.cancel()

    async def conclude(self) -> None:
        """After ``run`` and after the results are durable: tell nodes so, and close them."""
        for stage in self.stages.values():
            if isinstance(stage.node, StreamNode):
                stage.node.snapshot()
                await stage.node.committed()

    async def close(self) -> list[tuple[str, Exception]]:
        """Close every node, whatever happened; which stages could not be, and why."""
        errors: list[tuple[str, Exception]] = []
        for stage in self.stages.values():
            try:
                async with asyncio.timeout(CLOSE_S):
                    await stage.node.close()
            except Exception as error:  # noqa: BLE001 - the others must be closed as well
                errors.append((stage.id, error))
        return errors

    # Checkpoints

    def drain(self) -> None:
        """Stop at the next barrier: ``run`` returns when it was committed (``is_drained``)."""
        self._drain_wish.set()

    def busy(self, change: int) -> None:
        self._stalls.busy(change)

    async def _keep_checkpoints(self) -> None:
        loop = asyncio.get_running_loop()
        pause_s = self._interval_s
        while not self.is_drained:
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._drain_wish.wait()
            began = loop.time()
            await self.checkpoint(is_last=self._drain_wish.is_set())
            pause_s = max(self._interval_s, _SHARE * (loop.time() - began))

    async def checkpoint(self, *, is_last: bool = False) -> None:
        """Take one and return when it is committed."""
        assert self._commit is not None, "a pipeline without a commit takes no checkpoints"
        self._number += 1
        self._barrier = barrier = Barrier(self._number, is_last)
        self._reached = {}
        self._complete.clear()
        for stage in self.stages.values():
            if stage.is_source and not stage.is_done:
                stage.wanted_barrier = barrier
        await self._complete.wait()
        states = {id_: self._reached.get(id_) or stage.final_state() for id_, stage in self.stages.items()}
        async with self._committing:
            await self._commit(Checkpoint(barrier.number, states))
            self._barrier = None
            for stage in self.stages.values():
                if isinstance(stage.node, StreamNode) and not stage.is_done:
                    await self._tell(stage, stage.node)
        if is_last:
            self.is_drained = True
            for task in self._tasks.values():
                task.cancel()

    async def _tell(self, stage: Stage, node: StreamNode) -> None:
        try:
            await node.committed()
        except Exception as error:
            raise self._failed(stage, error) from error

    def reached(self, stage: Stage, barrier: Barrier, state: JsonObject) -> None:
        if self._barrier is not None and barrier.number == self._barrier.number:
            self._reached[stage.id] = state
            self._look()

    def _look(self) -> None:
        """Whether the checkpoint under way is complete: every stage has said its state or ended."""
        if self._barrier is not None and all(
            stage_id in self._reached or stage.is_done for stage_id, stage in self.stages.items()
        ):
            self._complete.set()

    def counts(self, stage_id: str, outputs: Mapping[str, Any]) -> dict[str, int]:
        """Items by port; 1 for a port that carries a plain value."""
        outlets = self.stages[stage_id].outlets
        return {
            port: outlets[port].channel.items if port in outlets else count_value(value)
            for port, value in outputs.items()
        }

    def results(self) -> dict[str, dict[str, Any]]:
        """Stage → port → value, as far as the stages came."""
        return {
            stage_id: {**stage.values, **{port: outlet.value for port, outlet in stage.outlets.items()}}
            for stage_id, stage in self.stages.items()
        }
