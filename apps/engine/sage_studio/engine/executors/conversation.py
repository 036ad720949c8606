"""Asking and answering between two processes, the same on both sides.

A conversation owns no connection: frames go out through a function it is given and come in through
``take``. Questions of the other side are answered in tasks of a group, so that a slow answer holds
up nothing. A live iterator travels as a number: the receiver pulls one item after another, which is
all the back-pressure there need be.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

from sage_studio.engine.executors.errors import BAD_MESSAGE
from sage_studio.engine.executors.faults import fault_from_json, fault_to_json
from sage_studio.engine.executors.frames import Kind, Message, encode
from sage_studio.engine.executors.values import Packed, pack, unpack
from sage_studio.kernel import SageError

NEXT = "stream.next"
CLOSE = "stream.close"
_END = {"end": True}
# Questions of the other side under way at a time, and streams it may have open: more is no program in order.
MOST_OPEN = 1_000

# Answers a question of the other side: method and value in, value out.
Answer = Callable[[str, Any], Awaitable[Any]]
# Hears what the other side tells, without waiting.
Hear = Callable[[str, Any], None]


class Conversation:
    """One side of it; used on one event loop, inside ``group``."""

    def __init__(
        self, send: Callable[[bytes], None], group: asyncio.TaskGroup, *, answer: Answer, hear: Hear
    ) -> None:
        self._send = send
        self._group = group
        self._answer = answer
        self._hear = hear
        self._number = 0
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._streams: dict[int, AsyncIterator[Any]] = {}
        self._ending: BaseException | None = None
        self._replies = 0

    async def ask(self, method: str, value: Any) -> Any:
        """The other side's answer. Raises what it raised, or why the conversation ended."""
        return await self.asked(method, value)

    def asked(self, method: str, value: Any) -> asyncio.Future[Any]:
        """Ask now; the future holds the answer."""
        future = asyncio.get_running_loop().create_future()
        if self._ending is not None:
            future.set_exception(self._ending)
            return future
        body = self._pack(value)
        self._number += 1
        self._asked[self._number] = future
        self._say("ask", self._number, method, body)
        return future

    def tell(self, method: str, value: Any = None) -> None:
        if self._ending is None:
            self._say("tell", 0, method, self._pack(value))

    def take(self, message: Message) -> None:
        """A message of the other side has come. Raises SageError ``executor.bad_message``."""
        if message.kind == "ask":
            if self._replies >= MOST_OPEN:
                raise SageError(BAD_MESSAGE, {"reason": f"more than {MOST_OPEN} questions at a time"})
            self._replies += 1
            self._group.create_task(self._reply(message))
        elif message.kind == "tell":
            self._heard(message.method, unpack(message.body, take=self._take))
        else:
            self._settle(message)

    def end(self, reason: BaseException) -> None:
        """Nothing more will come: every open question fails with ``reason``."""
        if self._ending is None:
            self._ending = reason
            for future in self._asked.values():
                if not future.done():
                    future.set_exception(reason)
                    future.exception()  # a question nobody waits for any more is no news
            self._asked.clear()

    def _say(self, kind: Kind, number: int, method: str, body: Packed) -> None:
        self._send(encode(Message(kind, number, method, body)))

    def _pack(self, value: Any) -> Packed:
        return pack(value, export=self._export)

    def _heard(self, method: str, value: Any) -> None:
        if method == CLOSE:
            self._streams.pop(value, None)
        else:
            self._hear(method, value)

    def _settle(self, message: Message) -> None:
        future = self._asked.pop(message.number, None)
        if future is None or future.done():
            return
        try:
            value = unpack(message.body, take=self._take)
        except SageError as error:
            future.set_exception(error)
            return
        if message.kind == "answer":
            future.set_result(value)
        else:
            future.set_exception(fault_from_json(value))

    async def _reply(self, message: Message) -> None:
        kind: Kind
        try:
            value = unpack(message.body, take=self._take)
            given = await (
                self._next(value) if message.method == NEXT else self._answer(message.method, value)
            )
            kind, body = "answer", self._pack(given)
            frame = encode(Message(kind, message.number, "", body))
        except Exception as error:  # noqa: BLE001 - whatever the question met is the answer
            kind, body = "fault", pack(fault_to_json(error))
            frame = encode(Message(kind, message.number, "", body))
        finally:
            self._replies -= 1
        if self._ending is None:
            self._send(frame)

    # Iterators

    def _export(self, source: AsyncIterator[Any]) -> int:
        if len(self._streams) >= MOST_OPEN:
            raise SageError(BAD_MESSAGE, {"reason": f"more than {MOST_OPEN} streams at a time"})
        self._number += 1
        self._streams[self._number] = source
        return self._number

    async def _next(self, number: Any) -> Any:
        source = self._streams.get(number)
        if source is None:
            raise SageError(BAD_MESSAGE, {"reason": "a stream that does not exist"})
        try:
            return {"item": await anext(source)}
        except StopAsyncIteration:
            self._streams.pop(number, None)
            return _END
        except BaseException:
            self._streams.pop(number, None)  # however it ended, also cancelled, it gives no more
            raise

    async def _take(self, number: int) -> AsyncIterator[Any]:
        try:
            while "item" in (step := await self.ask(NEXT, number)):
                yield step["item"]
        finally:
            with suppress(OSError):
                self.tell(CLOSE, number)
