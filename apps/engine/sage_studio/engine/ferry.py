"""Blocking nodes: their whole ``run`` is driven in a pool thread, and what they await of the
context is ferried to the event loop and back.

The thread has no event loop of its own (a process has one, and it belongs to the worker), so a
blocking node may await only what comes from its context.
"""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from sage_studio.engine.context import RunContext, measured


class _Crossing:
    """An awaitable whose work happens on the loop while the thread waits for it."""

    __slots__ = ("make",)

    def __init__(self, make: Callable[[], Awaitable[Any]]) -> None:
        self.make = make

    def __await__(self) -> Generator[_Crossing, Any, Any]:
        return (yield self)


class _Ferried:
    """A client or store whose asynchronous methods may be awaited from a pool thread."""

    __slots__ = ("_target",)

    def __init__(self, target: object) -> None:
        self._target = target

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._target, name)
        if not callable(member):
            return member

        def call(*args: Any, **kwargs: Any) -> Any:
            if inspect.iscoroutinefunction(inspect.unwrap(member)):
                return _Crossing(lambda: member(*args, **kwargs))
            given = member(*args, **kwargs)
            if hasattr(given, "__aenter__"):
                return _FerriedBlock(given)
            return _ferried_iterator(given) if hasattr(given, "__anext__") else given

        return call


class _FerriedBlock:
    """An asynchronous block of a client (``async with ctx.http.stream(...)``), entered and left on the
    loop."""

    __slots__ = ("_block",)

    def __init__(self, block: Any) -> None:
        self._block = block

    async def __aenter__(self) -> Any:
        given = await _Crossing(self._block.__aenter__)
        return given if isinstance(given, str) else _Ferried(given)

    async def __aexit__(self, *error: object) -> Any:
        return await _Crossing(lambda: self._block.__aexit__(*error))


async def _ferried_iterator(source: AsyncIterator[Any]) -> AsyncIterator[Any]:
    while True:
        try:
            yield await _Crossing(source.__anext__)
        except StopAsyncIteration:
            return


class ThreadContext:
    """A context for a pool thread: the same face, ferried."""

    def __init__(self, context: RunContext, loop: asyncio.AbstractEventLoop) -> None:
        self._context = context
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._context, name)
        return _Ferried(value) if name in _FERRIED else value

    def log(self, message: str, *, level: str = "info", **fields: Any) -> None:
        self._loop.call_soon_threadsafe(lambda: self._context.log(message, level=level, **fields))

    def progress(self, done: int, total: int | None = None, message: str = "") -> None:
        self._loop.call_soon_threadsafe(self._context.progress, done, total, message)

    def cost(self, micros: int, **more: Any) -> None:
        self._loop.call_soon_threadsafe(lambda: self._context.cost(micros, **more))

    async def afford(self, *args: Any, **more: Any) -> Any:
        return await _Crossing(lambda: self._context.afford(*args, **more))

    async def price(self, model: str) -> Any:
        return await _Crossing(lambda: self._context.price(model))

    async def credential(self, name: str, **place: Any) -> Any:
        return await _Crossing(lambda: self._context.credential(name, **place))

    async def body(self, *args: Any, **more: Any) -> Any:
        return await _Crossing(lambda: self._context.body(*args, **more))

    async def chunk_size(self, *args: Any, **more: Any) -> Any:
        return await _Crossing(lambda: self._context.chunk_size(*args, **more))

    async def bodies(self, *args: Any, **more: Any) -> Any:
        return await _Crossing(lambda: self._context.bodies(*args, **more))

    async def wait_until(self, *args: Any, **more: Any) -> Any:
        return await _Crossing(lambda: self._context.wait_until(*args, **more))

    async def wait_for(self, *args: Any, **more: Any) -> Any:
        return await _Crossing(lambda: self._context.wait_for(*args, **more))

    async def flow(self, *args: Any, **more: Any) -> Any:
        return await _Crossing(lambda: self._context.flow(*args, **more))

    async def in_thread(self, function: Callable[..., Any], *args: Any) -> Any:
        return function(*args)


_FERRIED = frozenset({"http", "files", "blobs", "vectors", "llm", "notifier", "state"})


async def run_in_thread(
    make: Callable[[ThreadContext], Coroutine[Any, Any, Any]],
    context: RunContext,
    threads: ThreadPoolExecutor,
) -> Any:
    """Drive the coroutine ``make`` gives in a pool thread, with contextvars copied.

    A cancelled caller stops waiting at once; the thread itself can only finish on its own.
    """
    loop = asyncio.get_running_loop()
    variables = contextvars.copy_context()
    coroutine = make(ThreadContext(context, loop))
    work = partial(variables.run, _drive, coroutine, loop)
    return await loop.run_in_executor(threads, measured, work, loop, context.note_cpu)


def _drive(coroutine: Coroutine[Any, Any, Any], loop: asyncio.AbstractEventLoop) -> Any:
    result: Any = None
    failure: BaseException | None = None
    while True:
        try:
            request = coroutine.throw(failure) if failure is not None else coroutine.send(result)
        except StopIteration as stop:
            return stop.value
        result, failure = None, None
        if not isinstance(request, _Crossing):
            failure = RuntimeError("a blocking node may await only what its context gives")
            continue
        try:
            crossing = asyncio.run_coroutine_threadsafe(_awaited(request), loop)  # noqa: TID251 - the ferry
            result = crossing.result()
        except Exception as error:  # noqa: BLE001 - what the context raised belongs to the node
            failure = error


async def _awaited(request: _Crossing) -> Any:
    return await request.make()
