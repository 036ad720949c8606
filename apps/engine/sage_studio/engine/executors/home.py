"""The side of a conversation where the run is: hands a call over and serves the node's context.

The node elsewhere may use exactly what is listed here of its context, and each use happens on this
side: secrets are recorded and blotted here, addresses are checked here, files are written here.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Mapping
from contextlib import AsyncExitStack, suppress
from typing import Any, Protocol

from sage_studio.engine.executors.call import NodeCall
from sage_studio.engine.executors.conversation import Conversation
from sage_studio.engine.executors.errors import BAD_MESSAGE, NOT_OFFERED
from sage_studio.engine.executors.frames import Message
from sage_studio.engine.stepping import checked
from sage_studio.kernel import SageError
from sage_studio.sdk import Context

HELLO = "hello"
RUN = "run"
CANCEL = "cancel"
LOG = "log"
PROGRESS = "progress"
COST = "cost"
# What a process that dials home finds in its environment: where, what to show, whom to trust.
ADDRESS_VARIABLE = "SAGE_NODE_HOME"
TOKEN_VARIABLE = "SAGE_NODE_TOKEN"  # noqa: S105 - the name of a variable
AUTHORITY_VARIABLE = "SAGE_NODE_AUTHORITY"
# How long a node may take to stop when asked before its process is ended, in seconds.
STOP_GRACE_S = 1.5

SERVICES: Mapping[str, frozenset[str]] = {
    "http": frozenset({"request", "address", "stream", "stream_close"}),
    "files": frozenset({"read", "stream", "write"}),
    "blobs": frozenset({"put", "get"}),
    "vectors": frozenset({"upsert", "search", "model"}),
    "llm": frozenset({"chat", "warm"}),
    "notifier": frozenset({"notify"}),
    "state": frozenset({"get", "set"}),
    "streams": frozenset({"begin", "take", "give", "leave"}),
    "context": frozenset({"credential", "wait_until", "wait_for", "flow", "afford", "price"}),
}


class Link(Protocol):
    """A connection to the process that runs the node."""

    def send(self, frame: bytes) -> None:
        """Write a frame without waiting. What is written to a broken connection is lost silently."""
        ...

    async def receive(self) -> Message | None:
        """The next message, or None when the other side is gone."""
        ...

    async def lost(self) -> Exception:
        """Why it is gone, in words for a person; called once after ``receive`` gave None."""
        ...


async def run_over(link: Link, call: NodeCall, context: Context) -> Mapping[str, Any]:
    """Have the process at the other end run the call; its outputs.

    When the caller is cancelled, the node is told and given STOP_GRACE_S to end; whether it did or
    not, ending its process is up to whoever owns the link. Raises what the node raised, and
    ``link.lost()`` when the process went away.
    """
    desk = Desk(context)
    try:
        async with asyncio.TaskGroup() as group:
            talk = Conversation(link.send, group, answer=desk.answer, hear=_hearing(context))
            reader = group.create_task(_read(link, talk))
            try:
                return checked(await _run(talk, call, context))
            finally:
                reader.cancel()
                talk.end(ConnectionError("the conversation is over"))
    except BaseExceptionGroup as failures:
        # The children are the conversation's own: their first error is the call's.
        raise _first(failures) from None
    finally:
        await asyncio.shield(desk.close())


async def _run(talk: Conversation, call: NodeCall, context: Context) -> Any:
    outputs = talk.asked(RUN, call_to_json(call, context))
    try:
        return await asyncio.shield(outputs)
    except asyncio.CancelledError:
        talk.tell(CANCEL)
        with suppress(Exception):
            async with asyncio.timeout(STOP_GRACE_S):
                await outputs
        raise


async def _read(link: Link, talk: Conversation) -> None:
    try:
        while (message := await link.receive()) is not None:
            talk.take(message)
    except SageError as error:
        talk.end(error)
    else:
        talk.end(await link.lost())


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = failures
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def call_to_json(call: NodeCall, context: Context) -> dict[str, Any]:
    """The call as the first message says it."""
    return {
        "type": call.type,
        "version": call.version,
        "origin": call.origin,
        "config": dict(call.config),
        "inputs": dict(call.inputs),
        "run_id": call.run_id,
        "flow_id": call.flow_id,
        "node_id": call.node_id,
        "iteration_path": call.iteration_path,
        "attempt": call.attempt,
        "idempotency_key": call.idempotency_key,
        "deadline": context.deadline,
        "stream_ports": sorted(call.stream_ports),
        "llm_available": bool(getattr(context.llm, "available", False)),
    }


class Desk:
    """Answers what a node elsewhere asks of its context."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._open: dict[int, AsyncExitStack] = {}
        self._opened = 0

    async def answer(self, method: str, value: Any) -> Any:
        """Raises SageError ``executor.not_offered`` for anything but the listed methods."""
        service, _, name = method.partition(".")
        if name not in SERVICES.get(service, ()):
            raise SageError(NOT_OFFERED, {"method": method[:100]})
        if method == "http.stream":
            return await self._stream(*_arguments(value))
        if method == "http.stream_close":
            return await self._close(_arguments(value)[0])
        target = self._context if service == "context" else getattr(self._context, service)
        function = getattr(target, name, None)
        if function is None:
            raise SageError(NOT_OFFERED, {"method": method})
        arguments, keywords = _arguments(value)
        given = function(*arguments, **keywords)
        if inspect.isawaitable(given):
            return await _awaited(given)
        return given

    async def _stream(self, arguments: list[Any], keywords: dict[str, Any]) -> dict[str, Any]:
        """Begin a streamed exchange: its head, its body as it comes, and the number to close it by."""
        stack = AsyncExitStack()
        answer = await stack.enter_async_context(self._context.http.stream(*arguments, **keywords))
        self._opened += 1
        self._open[self._opened] = stack
        head = {"status": answer.status, "headers": dict(answer.headers), "url": answer.url}
        return {"number": self._opened, **head, "chunks": answer.chunks()}

    async def _close(self, arguments: list[Any]) -> None:
        stack = self._open.pop(arguments[0] if arguments else 0, None)
        if stack is not None:
            await stack.aclose()

    async def close(self) -> None:
        """End the exchanges that are still open: the node is gone."""
        for number in tuple(self._open):
            await self._close([number])


async def _awaited(given: Awaitable[Any]) -> Any:
    return await given


def _arguments(value: Any) -> tuple[list[Any], dict[str, Any]]:
    try:
        arguments, keywords = value
        return list(arguments), {str(name): held for name, held in keywords.items()}
    except (TypeError, ValueError, AttributeError) as error:
        raise SageError(BAD_MESSAGE, {"reason": "a question without arguments"}) from error


def _hearing(context: Context) -> Any:
    def hear(method: str, value: Any) -> None:
        """Lines and progress; anything else, and what has a wrong shape, is dropped."""
        with suppress(TypeError, ValueError, KeyError, AttributeError):
            if method == LOG:
                context.log(str(value["message"]), level=str(value["level"]), **_named(value["fields"]))
            elif method == PROGRESS:
                context.progress(value["done"], value["total"], str(value["message"]))
            elif method == COST:
                hear_cost(context, value)

    return hear


def hear_cost(context: Context, note: Mapping[str, Any]) -> None:
    """A cost as a node elsewhere says it. Raises KeyError and ValueError for other shapes."""
    facts = {name: held for name, held in note["facts"].items() if name not in _COST_WORDS}
    context.cost(int(note["micros"]), currency=str(note["currency"]), what=str(note["what"]), **facts)


_COST_WORDS = frozenset({"micros", "currency", "what"})


def _named(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: held for name, held in fields.items() if name not in ("message", "level")}
