"""Stages without a queue or a task of their own at work: a ``ChunkNode`` is called where its input is
given, so that a chunk passes several such nodes while it is still in the processor's cache.

The stage that gives the chunks (or the first before it that is no ``ChunkNode``) *drives* it. Its own task
only opens the node, and finishes it when the input has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from sage_studio.engine.stepping import checked, own_cancellation
from sage_studio.engine.streams.channel import Barrier, Channel, End, Entry, Lane
from sage_studio.engine.streams.reader import Reader
from sage_studio.engine.streams.stage import Reports, Stage, StagePlan
from sage_studio.sdk import ChunkNode, Node


def may_be_direct(plan: StagePlan, node: Node) -> bool:
    """Whether a stage reads one stream, by the port its node takes chunks from."""
    return (
        isinstance(node, ChunkNode)
        and list(plan.reads) == [node.takes]
        and len(plan.reads[node.takes]) == 1
        and node.takes not in plan.multiple
    )


class DirectLane(Lane):
    """Hands on instead of queueing; only what a checkpoint held is kept until the node is open."""

    def __init__(self, channel: Channel, port: str, stage: DirectStage) -> None:
        super().__init__(channel, port)
        self._stage = stage
        self.worker = stage.take_in
        self.held: list[Sequence[Any]] = []

    @property
    def is_full(self) -> bool:
        return False

    def put(self, entry: Entry) -> None:
        if self.is_closed:
            return
        if isinstance(entry, Barrier):
            self._stage.mark(entry)
        elif isinstance(entry, End):
            self._stage.input_ended.set()
        else:
            self.held.append(entry)

    def close(self) -> None:
        super().close()
        self._stage.input_ended.set()


class DirectStage(Stage):
    """Runs a ``ChunkNode``; see the module."""

    def __init__(self, plan: StagePlan, node: Node, reports: Reports) -> None:
        super().__init__(plan, node, reports)
        self.input_ended = asyncio.Event()
        self._opened = asyncio.Event()
        self._failed: BaseException | None = None

    @property
    def _reader(self) -> Reader:
        return self.all_readers()[0]

    async def run(self) -> None:
        try:
            await super().run()
        finally:
            self._opened.set()

    async def _work(self) -> None:
        node, lane = self.node, self._reader.lane
        assert isinstance(node, ChunkNode), "checked by may_be_direct"
        assert isinstance(lane, DirectLane), "the pipeline gives one"
        await node.open(self.plan.context, dict(self.plan.inputs))
        for chunk in lane.held:
            await self._take(node, chunk)
        lane.held.clear()
        self._opened.set()
        await self.input_ended.wait()
        if self._failed is not None:
            raise self._failed
        self._reports.goes_alone(self)
        await self._drive(node.finish())

    async def take_in(self, items: Sequence[Any]) -> None:
        """A chunk, in the driving stage's task. A failure is this stage's own: it is raised in its task,
        which ends the pipeline and with it the driver that waits here."""
        if not self._opened.is_set():
            await self._opened.wait()
        lane, node = self._reader.lane, self.node
        if lane.is_closed:
            return
        assert isinstance(node, ChunkNode), "checked by may_be_direct"
        try:
            await self._take(node, items)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the edge to node code
            await self._leave(error)
        except asyncio.CancelledError as error:
            await self._leave(own_cancellation(error))

    async def _leave(self, error: BaseException) -> None:
        self._failed = error
        self.input_ended.set()
        await asyncio.get_running_loop().create_future()

    async def _take(self, node: ChunkNode, items: Sequence[Any]) -> None:
        if self._reader.look is not None:
            items = await self._reader.look(node.takes, items)
        self._reader.items += len(items)
        await self._give(checked(await node.take(items)))
        await self._flush()  # a mark may follow, and finds nothing left behind
        if node.has_enough or not self._is_wanted:
            self._reader.lane.close()

    def mark(self, barrier: Barrier) -> None:
        """A barrier passes: everything before it has been taken."""
        self._pass(barrier, {})
