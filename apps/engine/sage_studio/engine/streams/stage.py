"""One node at work inside a pipeline.

A stage steps its node's generator by hand: as long as the node gives items without waiting they
are put together, and they are sent off before it really waits, so nothing lingers and nothing is
sent alone without need.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sage_studio.engine.stepping import checked, resume
from sage_studio.engine.streams.channel import Barrier
from sage_studio.engine.streams.outlet import BUFFERED, Outlet
from sage_studio.engine.streams.reader import Look, Reader
from sage_studio.kernel import JsonObject
from sage_studio.sdk import Context, Node, StreamNode, is_many

_TURN_S = 0.005


@dataclass(frozen=True, slots=True)
class StagePlan:
    """What a stage is made of. ``inputs`` are the settled values; ``reads`` says for each stream
    input where it comes from (port → sources as (stage, port)). ``gathered`` are stream ports somebody
    takes as a list after the end; ``look`` is shown what comes before the node gets it."""

    id: str
    make: Callable[[], Node]
    context: Context
    inputs: Mapping[str, Any] = field(default_factory=dict)
    reads: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    outputs: frozenset[str] = frozenset()
    gathered: frozenset[str] = frozenset()
    multiple: frozenset[str] = frozenset()
    look: Look | None = None


class Reports:
    """Where stages say how far they are (the pipeline)."""

    def reached(self, stage: Stage, barrier: Barrier, state: JsonObject) -> None:
        """Everything before the barrier is in ``state``."""
        raise NotImplementedError

    def busy(self, change: int) -> None:
        raise NotImplementedError

    def goes_alone(self, stage: Stage) -> None:
        """A stage others drove so far gives the rest by itself."""
        raise NotImplementedError


class Stage:
    """Runs one node; ``outlets`` and ``readers`` are wired by the pipeline."""

    def __init__(self, plan: StagePlan, node: Node, reports: Reports) -> None:
        self.plan = plan
        self.id = plan.id
        self.node = node
        self.outlets: dict[str, Outlet] = {}
        self.readers: dict[str, list[tuple[str, Reader]]] = {}
        self.values: dict[str, Any] = {}
        self.is_done = False
        self.wanted_barrier: Barrier | None = None
        self._reports = reports
        self._passed = 0
        self._aligning: asyncio.Event | None = None
        self._turn_at = 0.0

    # Wiring and restoring

    def all_readers(self) -> list[Reader]:
        return [reader for several in self.readers.values() for _source, reader in several]

    @property
    def is_source(self) -> bool:
        return not self.readers

    def restore(self, state: JsonObject) -> None:
        """Take up what a checkpoint says; before ``run``."""
        self.is_done = bool(state.get("done"))
        self.values = dict(state.get("values") or {})  # type: ignore[arg-type]
        ports: Any = state.get("ports") or {}
        for port, held in ports.items():
            if port in self.outlets:
                self.outlets[port].restore(held["items"], held["samples"], held.get("gathered"))
        pending: Any = state.get("pending") or {}
        for port, several in pending.items():
            for (_source, reader), items in zip(self.readers.get(port, ()), several, strict=False):
                if items:
                    reader.lane.put(items)
        if not self.is_done and isinstance(self.node, StreamNode):
            self.node.restore(json.loads(str(state.get("node") or "null")))

    def _state(self, pending: JsonObject) -> JsonObject:
        ports: JsonObject = {
            port: {
                "items": o.channel.items,
                "samples": list(o.samples),
                "gathered": o.gathered and [*o.gathered],
            }
            for port, o in self.outlets.items()
        }
        state: JsonObject = {"done": self.is_done, "ports": ports, "values": dict(self.values)}
        if not self.is_done:
            # As text: a state that changes later must not change what is being written.
            state["node"] = json.dumps(self.node.snapshot()) if isinstance(self.node, StreamNode) else "null"
        if pending:
            state["pending"] = pending
        return state

    def final_state(self) -> JsonObject:
        return self._state({})

    # Running

    async def run(self) -> None:
        """From ``prepare`` to the end of all outputs. ``close`` is the pipeline's business, because a
        node may still be told that its last items were committed."""
        try:
            if not self.is_done:
                await self.node.prepare(self.plan.context)
                await self._work()
                self.is_done = True
        finally:
            for reader in self.all_readers():
                reader.lane.close()
        for outlet in self.outlets.values():
            outlet.channel.finish()

    async def _work(self) -> None:
        given: dict[str, Any] = dict(self.plan.inputs)
        for port, several in self.readers.items():
            given[port] = list(several) if port in self.plan.multiple else several[0][1]
        result: Any = _begin(self.node, self.plan.context, given)
        if inspect.isawaitable(result):
            result = await result
        if isinstance(result, AsyncIterator):
            await self._drive(result)
        else:
            await self._give(checked(result))
            await self._flush()

    async def _drive(self, parts: AsyncIterator[Any]) -> None:
        try:
            while True:
                step: Any = parts.__anext__()
                try:
                    awaited = step.send(None)
                except StopIteration as stop:
                    part = stop.value
                else:
                    part = await self._wait_out(step, awaited)
                await self._give(checked(part))
                del part  # or its memory would be taken until the next is made
                if self.wanted_barrier is not None and self.is_source:
                    await self._inject(self.wanted_barrier)
                if not self._is_wanted:
                    return
        except StopAsyncIteration:
            await self._flush()
        finally:
            close = getattr(parts, "aclose", None)
            if close is not None:
                await close()

    async def _wait_out(self, step: Any, awaited: Any) -> Any:
        """Send off what was given, then wait with the node."""
        try:
            await self._flush()
        except BaseException as error:
            # The node is in the middle of its wait: it must hear of this to be able to clean up.
            awaited = step.throw(error)
            await resume(step, awaited)
            raise
        return await resume(step, awaited)

    async def _give(self, part: Mapping[str, Any]) -> None:
        for port, value in part.items():
            outlet = self.outlets.get(port)
            if outlet is None:
                self.values[port] = value
            elif is_many(value):
                await outlet.send(value)
                await self._maybe_turn()
            else:
                outlet.buffer.append(value)
                if len(outlet.buffer) >= BUFFERED:
                    await outlet.flush()
                    await self._maybe_turn()

    async def _maybe_turn(self) -> None:
        """Say how far it is, and give the loop a turn now and then."""
        self.plan.context.progress(self.count)
        now = asyncio.get_running_loop().time()
        if now > self._turn_at:
            self._turn_at = now + _TURN_S
            await asyncio.sleep(0)

    @property
    def count(self) -> int:
        """Items given, or read by a stage that gives none."""
        given = max((outlet.channel.items for outlet in self.outlets.values()), default=0)
        return given or max((reader.items for reader in self.all_readers()), default=0)

    async def _flush(self) -> None:
        for outlet in self.outlets.values():
            if outlet.buffer:
                await outlet.flush()

    @property
    def _is_wanted(self) -> bool:
        """Whether going on is of use: somebody reads, or nobody was meant to."""
        read = [outlet.channel for outlet in self.outlets.values() if outlet.channel.lanes]
        return not read or any(channel.is_wanted for channel in read) or self._is_gathered

    @property
    def _is_gathered(self) -> bool:
        return any(outlet.is_gathered for outlet in self.outlets.values())

    # Checkpoints

    async def _inject(self, barrier: Barrier) -> None:
        """Put a barrier into the streams of a source, right behind what it has given so far."""
        self.wanted_barrier = None
        await self._flush()
        await self._cut(barrier, {})

    async def pass_barrier(self, reader: Reader, barrier: Barrier) -> None:
        """See ``reader.Aligner``. What other inputs still hold in front of the barrier becomes part of
        the checkpoint, so that no order of reading can make inputs wait for each other."""
        if barrier.number <= self._passed:
            reader.lane.forget(barrier)
            return
        if self._aligning is not None:
            await self._aligning.wait()
            return
        self._aligning = asyncio.Event()
        others = [other for other in self.all_readers() if other is not reader]
        try:
            for other in others:
                await other.lane.until_marked(barrier)
            await self._flush()
            pending: JsonObject = {
                port: [[] if r is reader else r.lane.before(barrier) for _source, r in several]
                for port, several in self.readers.items()
                if any(r in others and r.lane.before(barrier) for _source, r in several)
            }
            for any_reader in self.all_readers():
                any_reader.lane.forget(barrier)
            await self._cut(barrier, pending)
        finally:
            self._aligning.set()
            self._aligning = None

    def _pass(self, barrier: Barrier, pending: JsonObject) -> None:
        self._passed = barrier.number
        self._reports.reached(self, barrier, self._state(pending))
        for outlet in self.outlets.values():
            outlet.channel.mark(barrier)

    async def _cut(self, barrier: Barrier, pending: JsonObject) -> None:
        self._pass(barrier, pending)
        if barrier.is_last:
            await asyncio.get_running_loop().create_future()  # until the pipeline ends

    def busy(self, change: int) -> None:
        self._reports.busy(change)


def _begin(node: Node, context: Context, inputs: Mapping[str, Any]) -> Any:
    """``stream`` when the node has one, else ``run``."""
    if isinstance(node, StreamNode):
        return node.stream(context, inputs)
    return node.run(context, inputs)
