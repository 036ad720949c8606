"""The run's end of a plug-in node that streams: its process asks for items and hands over what it made.

Everything it asks is answered one after another inside the node's own generator, so the engine sees exactly
what it sees of a node that runs here: asking for more says that all before has been given (which is when a
checkpoint may be taken), and what is handed over is acknowledged when somebody has room for it, which is all
the back-pressure there need be.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sage_studio.engine.executors.errors import BAD_MESSAGE
from sage_studio.kernel import Json, SageError
from sage_studio.sdk import Chunk, ItemStream, NodeOutput, NodeSpec

MAX_STATE_BYTES = 1 << 20


def does_stream(spec: NodeSpec) -> bool:
    """Whether items may reach or leave a node one by one."""
    return any(port.streams or port.type.startswith("stream") for port in (*spec.inputs, *spec.outputs))


def stream_outputs(spec: NodeSpec) -> frozenset[str]:
    """The ports whose values are items."""
    return frozenset(port.name for port in spec.outputs if port.streams or port.type.startswith("stream"))


@dataclass(slots=True)
class _Asked:
    """A question of the process, answered in turn. Without ``part`` it asks for items of ``streams``."""

    answer: asyncio.Future[Any]
    streams: tuple[int, ...] = ()
    every_s: float | None = None
    part: Mapping[str, Any] | None = None
    state: Json = None


class StreamDesk:
    """What ``streams`` is of the context of one call (``home.SERVICES``); made on the loop that serves it."""

    def __init__(self, spec: NodeSpec, inputs: Mapping[str, Any], state: Json = None) -> None:
        self.state = state
        self._streams: list[ItemStream] = []
        self._outputs = stream_outputs(spec)
        self._numbers: dict[str, Any] = {}
        self._reading: dict[tuple[tuple[int, ...], float | None], AsyncGenerator[Any, None]] = {}
        self._asked: asyncio.Queue[_Asked | None] = asyncio.Queue()
        self._is_over = False
        self.plain: dict[str, Any] = {}
        for port, value in inputs.items():
            numbered = self._numbered(value)
            if numbered is None:
                self.plain[port] = value
            else:
                self._numbers[port] = numbered

    def _numbered(self, value: Any) -> Any:
        """A stream's number, or ``[source, number]`` of each one on a port that takes several; None for
        a value that is no stream."""
        if isinstance(value, ItemStream):
            self._streams.append(value)
            return len(self._streams) - 1
        if isinstance(value, list) and value and all(_is_named_stream(entry) for entry in value):
            return [[source, self._numbered(stream)] for source, stream in value]
        return None

    # What the process asks

    def begin(self) -> dict[str, Any]:
        """Which inputs are streams, and what the node was at when a checkpoint was taken."""
        return {"inputs": self._numbers, "state": self.state}

    async def take(self, streams: Sequence[int], every_s: float | None, state: Json) -> Any:
        """``[which of them, items]``; None when they have ended."""
        chosen = tuple(int(number) for number in streams)
        if not chosen or not all(0 <= number < len(self._streams) for number in chosen):
            raise SageError(BAD_MESSAGE, {"reason": "a stream that does not exist"})
        wait_s = None if every_s is None else max(float(every_s), 0.01)
        return await self._in_turn(_Asked(_future(), chosen, wait_s, None, _bounded(state)))

    async def give(self, part: Mapping[str, Any], state: Json) -> bool:
        """Whether more is wanted, once there is room for it."""
        for port in self._outputs & part.keys():
            if not isinstance(part[port], list):
                raise SageError(BAD_MESSAGE, {"reason": f"items of “{port}” that are no list"})
        asked = _Asked(_future(), part=dict(part), state=_bounded(state))
        return bool(await self._in_turn(asked))

    async def leave(self, stream: int) -> None:
        """The node reads no more of it."""
        if 0 <= stream < len(self._streams):
            await self._streams[stream].aclose()

    async def _in_turn(self, asked: _Asked) -> Any:
        if self._is_over:
            return None
        self._asked.put_nowait(asked)
        return await asked.answer

    # Serving

    async def serve(self, work: asyncio.Future[Any]) -> AsyncGenerator[NodeOutput, None]:
        """The parts the node gives until ``work``, the call, has ended however it did."""
        work.add_done_callback(lambda _work: self._asked.put_nowait(None))
        asked: _Asked | None = None
        try:
            while (asked := await self._asked.get()) is not None:
                self.state = asked.state
                if asked.part is None:
                    _settle(asked.answer, await self._read(asked))
                    continue
                yield {
                    port: Chunk(value) if port in self._outputs else value
                    for port, value in asked.part.items()
                }
                _settle(asked.answer, True)
        finally:
            await self._end(asked)

    async def _read(self, asked: _Asked) -> Any:
        key = asked.streams, asked.every_s
        if key not in self._reading:
            self._reading[key] = self._reader(*key)
        found = await anext(self._reading[key], None)
        return None if found is None else [found[0], list(found[1])]

    async def _reader(
        self, numbers: tuple[int, ...], every_s: float | None
    ) -> AsyncGenerator[tuple[int, Sequence[Any]], None]:
        first, *others = (self._streams[number] for number in numbers)
        if others:
            async for index, chunk in first.merge(*others):
                yield numbers[index], chunk
        else:
            async for chunk in first.chunks(every_s=every_s):
                yield numbers[0], chunk

    async def _end(self, asked: _Asked | None) -> None:
        """Nothing more is wanted of the node."""
        self._is_over = True
        while asked is not None or not self._asked.empty():
            if asked is not None:
                _settle(asked.answer, None)
            asked = None if self._asked.empty() else self._asked.get_nowait()
        for reading in self._reading.values():
            with suppress(RuntimeError):  # one that is still being read, in a task that was cancelled
                await reading.aclose()


def _is_named_stream(entry: Any) -> bool:
    return isinstance(entry, tuple) and len(entry) == 2 and isinstance(entry[1], ItemStream)


def _future() -> asyncio.Future[Any]:
    return asyncio.get_running_loop().create_future()


def _settle(answer: asyncio.Future[Any], value: Any) -> None:
    if not answer.done():
        answer.set_result(value)


def _bounded(state: Json) -> Json:
    if state is not None and len(json.dumps(state)) > MAX_STATE_BYTES:
        raise SageError(BAD_MESSAGE, {"reason": f"a state of more than {MAX_STATE_BYTES >> 10} KB"})
    return state
