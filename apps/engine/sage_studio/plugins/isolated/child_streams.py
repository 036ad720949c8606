"""A plug-in node that streams, inside its own process.

Its generator is stepped by hand: what it gives without waiting is put together and sent off before it really
waits or asks for more, so nothing lingers and nothing crosses alone without need.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar, cast

from sage_studio.engine.executors.away import RemoteContext
from sage_studio.engine.stepping import checked, resume
from sage_studio.engine.streams.errors import TOO_LONG
from sage_studio.kernel import Json, SageError
from sage_studio.plugins.isolated.streaming import stream_outputs
from sage_studio.sdk import Chunk, Context, ItemStream, Node, StreamNode, is_many

R = TypeVar("R")
Ask = Callable[[str, Any], Awaitable[Any]]
# Items put together before they are sent off.
BUFFERED = 256


class NotWantedError(asyncio.CancelledError):
    """Nobody takes any more of what the node gives: it is stopped where it stands."""


class Outbox:
    """What the node has given and is not sent yet."""

    def __init__(self, ask: Ask, node: Node) -> None:
        self._ask = ask
        self._node = node
        self._streams = stream_outputs(node.spec)
        self._lists: frozenset[str] = frozenset()
        if not isinstance(node, StreamNode):
            # A node that knows nothing of streams gives these ports a list, and the last one counts.
            self._lists = frozenset(port.name for port in node.spec.outputs if port.streams)
        self._part: dict[str, Any] = {}
        self._whole: dict[str, Any] = {}
        self._count = 0

    @property
    def state(self) -> Json:
        """What the node would need to go on from here."""
        return self._node.snapshot() if isinstance(self._node, StreamNode) else None

    @property
    def is_full(self) -> bool:
        return self._count >= BUFFERED

    def add(self, part: Mapping[str, Any]) -> None:
        for port, value in part.items():
            if port in self._lists:
                self._whole[port] = value
                continue
            if port not in self._streams:
                self._part[port] = value
                continue
            items = self._part.setdefault(port, [])
            if is_many(value):
                items.extend(value)
                self._count += len(value)
            else:
                items.append(value)
                self._count += 1

    async def finish(self) -> None:
        """Send off what there is at the end, lists too."""
        whole, self._lists = self._whole, frozenset()
        self.add({port: Chunk(value) if isinstance(value, (list, tuple)) else value
                  for port, value in whole.items()})  # fmt: skip
        await self.flush()

    async def flush(self) -> None:
        """Send all off and wait until there is room for more. Raises NotWantedError."""
        if not self._part:
            return
        part, self._part, self._count = self._part, {}, 0
        if not await self._ask("streams.give", [[part, self.state], {}]):
            raise NotWantedError


class AwayStream(ItemStream):
    """A stream whose items come from the run's process, chunk by chunk."""

    def __init__(self, ask: Ask, outbox: Outbox, number: int) -> None:
        self._ask = ask
        self._outbox = outbox
        self.number = number

    async def _take(self, numbers: Sequence[int], every_s: float | None = None) -> Any:
        """Asking for more says that all that came of what was before has been given."""
        await self._outbox.flush()
        return await self._ask("streams.take", [[list(numbers), every_s, self._outbox.state], {}])

    async def chunks(self, *, every_s: float | None = None) -> AsyncIterator[Sequence[Any]]:
        while (found := await self._take((self.number,), every_s)) is not None:
            yield Chunk(found[1])

    async def __aiter__(self) -> AsyncIterator[Any]:
        async for chunk in self.chunks():
            for item in chunk:
                yield item

    async def merge(self, *others: ItemStream) -> AsyncIterator[tuple[int, Sequence[Any]]]:
        streams = [self, *(other for other in others if isinstance(other, AwayStream))]
        numbers = [stream.number for stream in streams]
        while (found := await self._take(numbers)) is not None:
            yield numbers.index(found[0]), Chunk(found[1])

    async def parallel_map(
        self, work: Callable[[Any], Awaitable[R]], *, limit: int = 8, ordered: bool = True
    ) -> AsyncIterator[R]:
        """Within a chunk: the next one is asked for when all of this one has been given."""
        loop = asyncio.get_running_loop()
        async for chunk in self.chunks():
            waiting, under_way = deque(chunk), deque[asyncio.Task[R]]()
            try:
                while waiting or under_way:
                    while waiting and len(under_way) < limit:
                        under_way.append(loop.create_task(_awaited(work(waiting.popleft()))))
                    if not ordered:
                        await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                        under_way = deque(sorted(under_way, key=lambda task: not task.done()))
                    yield await under_way.popleft()
            finally:
                for task in under_way:
                    task.cancel()

    async def collect(self, *, limit: int = 100_000) -> list[Any]:
        found: list[Any] = []
        async for chunk in self.chunks():
            found.extend(chunk)
            if len(found) > limit:
                raise SageError(TOO_LONG, {"limit": limit})
        return found

    async def aclose(self) -> None:
        await self._ask("streams.leave", [[self.number], {}])


async def perform_streaming(
    found: type[Node], call: Mapping[str, Any], context: RemoteContext, ask: Ask
) -> dict[str, Any]:
    """Run a call whose node streams; what it gives is handed over on the way. Raises what the node
    raises."""
    node = found()
    outbox = Outbox(ask, node)
    begun = await ask("streams.begin", [[], {}])
    if begun["state"] is not None and isinstance(node, StreamNode):
        node.restore(begun["state"])
    inputs = {**call["inputs"], **_streams(begun["inputs"], ask, outbox)}
    try:
        await node.prepare(cast(Context, context))
        with suppress(NotWantedError):
            await _work(node, cast(Context, context), inputs, outbox)
            await outbox.finish()
    finally:
        await node.close()
    return {}


def _streams(numbers: Mapping[str, Any], ask: Ask, outbox: Outbox) -> dict[str, Any]:
    return {
        port: AwayStream(ask, outbox, held)
        if isinstance(held, int)
        else [(source, AwayStream(ask, outbox, number)) for source, number in held]
        for port, held in numbers.items()
    }


async def _work(node: Node, ctx: Context, inputs: Mapping[str, Any], outbox: Outbox) -> None:
    if isinstance(node, StreamNode):
        result: Any = node.stream(ctx, inputs)
    else:
        result = node.run(ctx, await _as_lists(node, inputs))
    if inspect.isawaitable(result):
        result = await result
    if isinstance(result, AsyncIterator):
        await _drive(result, outbox)
    else:
        outbox.add(checked(result))


async def _as_lists(node: Node, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """A node that knows nothing of streams gets lists, except where its ports say that they are none."""
    real = {port.name for port in node.spec.inputs if port.type.startswith("stream")}
    return {
        port: await value.collect() if isinstance(value, ItemStream) and port not in real else value
        for port, value in inputs.items()
    }


async def _drive(parts: AsyncIterator[Any], outbox: Outbox) -> None:
    try:
        while True:
            step: Any = parts.__anext__()
            try:
                awaited = step.send(None)
            except StopIteration as stop:
                part = stop.value
            else:
                part = await _wait_out(step, awaited, outbox)
            outbox.add(checked(part))
            if outbox.is_full:
                await outbox.flush()
    except StopAsyncIteration:
        return
    finally:
        close = getattr(parts, "aclose", None)
        if close is not None:
            await close()


async def _wait_out(step: Any, awaited: Any, outbox: Outbox) -> Any:
    """Send off what was given, then wait with the node."""
    try:
        await outbox.flush()
    except BaseException as error:
        # The node is in the middle of its wait: it must hear of this to be able to clean up.
        awaited = step.throw(error)
        await resume(step, awaited)
        raise
    return await resume(step, awaited)


async def _awaited(work: Awaitable[R]) -> R:
    return await work
