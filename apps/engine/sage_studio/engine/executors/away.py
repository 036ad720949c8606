"""The side of a conversation where the node runs: its context, and the running of one call.

Used inside worker processes, Ray actors and pods. The node sees the same ``Context`` as in the run's
own process; what it asks of it travels home.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sage_studio.egress import ForwardProxy
from sage_studio.egress.answers import without_packing
from sage_studio.engine.executors.conversation import Conversation
from sage_studio.engine.executors.errors import NODE_MISSING
from sage_studio.engine.executors.home import COST, LOG, PROGRESS, SERVICES
from sage_studio.engine.stepping import run_whole
from sage_studio.kernel import Json, SageError
from sage_studio.sandbox import CodeRunner, code_runner
from sage_studio.sdk import Context, Node, NodePlugin, as_node

# Questions of a node that open no further exchange, and how many of them are under way at a time.
_SHORT = frozenset(
    {"http.request", "http.address", "files.read", "blobs.put", "blobs.get", "state.get", "state.set"}
)
_AT_A_TIME = 64


def _in_turn(ask: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    """A node that asks for a thousand pages at once has them fetched some at a time."""
    slots = asyncio.Semaphore(_AT_A_TIME)

    async def asking(place: str, value: Any) -> Any:
        if place not in _SHORT:
            return await ask(place, value)
        async with slots:
            return await ask(place, value)

    return asking


class _Service:
    """A store or client of the context; every method is a question home."""

    def __init__(self, ask: Callable[[str, Any], Any], name: str) -> None:
        self._ask = ask
        self._name = name

    def __getattr__(self, method: str) -> Any:
        if method not in SERVICES[self._name]:
            raise AttributeError(method)
        place = f"{self._name}.{method}"
        if place == "files.stream":
            return lambda *args, **kwargs: self._stream(place, args, kwargs)

        async def call(*args: Any, **kwargs: Any) -> Any:
            return await self._ask(place, [list(args), kwargs])

        return call

    async def _stream(self, place: str, args: Any, kwargs: Any) -> AsyncIterator[Any]:
        async for item in await self._ask(place, [list(args), kwargs]):
            yield item


class AwayHttp(_Service):
    """``ctx.http`` of a node that runs elsewhere. Requests are made at home; drivers connect from here, to
    addresses that were checked there."""

    @asynccontextmanager
    async def stream(self, *args: Any, **kwargs: Any) -> AsyncIterator[AwayStream]:
        answer = await self._ask("http.stream", [list(args), kwargs])
        try:
            yield AwayStream(answer["status"], answer["headers"], answer["url"], answer["chunks"])
        finally:
            with suppress(OSError):
                await asyncio.shield(self._ask("http.stream_close", [[answer["number"]], {}]))

    @asynccontextmanager
    async def proxy(self, *, credential: str | None = None) -> AsyncIterator[str]:
        async def resolve(host: str, port: int) -> str:
            return str(await self.address(host, port, credential=credential))

        async with ForwardProxy(resolve) as proxy:
            yield proxy.url

    def transport(self, *, credential: str | None = None) -> Any:
        module = importlib.import_module("sage_studio.egress.httpx2_transport")
        return module.GuardedTransport(self, credential=credential)


@dataclass(frozen=True, slots=True)
class AwayStream:
    """A ``StreamedResponse`` whose body comes through the conversation."""

    status: int
    headers: Mapping[str, str]
    url: str
    body: AsyncIterator[bytes]

    def plain_headers(self) -> dict[str, str]:
        return without_packing(self.headers)

    async def chunks(self) -> AsyncIterator[bytes]:
        async for part in self.body:
            yield part

    async def read(self) -> bytes:
        return b"".join([part async for part in self.body])


class _Llm(_Service):
    def __init__(self, ask: Callable[[str, Any], Any], *, available: bool) -> None:
        super().__init__(ask, "llm")
        self.available = available


class RemoteContext:
    """Implements ``sage_studio.sdk.Context`` over a conversation. ``cancelled`` may be set from any
    thread."""

    def __init__(self, call: Mapping[str, Any], talk: Conversation) -> None:
        self._talk = talk
        self.config: Mapping[str, Any] = call["config"]
        self.run_id = str(call["run_id"])
        self.flow_id = str(call["flow_id"])
        self.node_id = str(call["node_id"])
        self.iteration_path = str(call["iteration_path"])
        self.attempt = int(call["attempt"])
        self.idempotency_key = str(call["idempotency_key"])
        self.deadline: datetime | None = call["deadline"]
        self.cancelled = False
        ask = _in_turn(talk.ask)
        self.http = AwayHttp(ask, "http")
        self.files = _Service(ask, "files")
        self.blobs = _Service(ask, "blobs")
        self.vectors = _Service(ask, "vectors")
        self.notifier = _Service(ask, "notifier")
        self.state = _Service(ask, "state")
        self.llm = _Llm(ask, available=bool(call["llm_available"]))

    @property
    def code(self) -> CodeRunner:
        """This process's own."""
        return code_runner()

    def log(self, message: str, *, level: str = "info", **fields: Json) -> None:
        self._talk.tell(LOG, {"message": str(message), "level": level, "fields": fields})

    def progress(self, done: int, total: int | None = None, message: str = "") -> None:
        self._talk.tell(PROGRESS, {"done": done, "total": total, "message": message})

    def cost(self, micros: int, *, currency: str = "USD", what: str = "", **facts: Json) -> None:
        self._talk.tell(COST, {"micros": micros, "currency": currency, "what": what, "facts": facts})

    async def in_thread(self, function: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.to_thread(function, *args)

    def __getattr__(self, name: str) -> Any:
        if name not in SERVICES["context"]:
            raise AttributeError(f"a node that runs elsewhere has no context.{name}")

        async def call(*args: Any, **kwargs: Any) -> Any:
            return await self._talk.ask(f"context.{name}", [list(args), kwargs])

        return call


async def perform(call: Mapping[str, Any], context: RemoteContext) -> dict[str, Any]:
    """Run the node a call names. Raises what it raises, and ``executor.node_missing``."""
    found = node_class(str(call["origin"]), str(call["type"]), str(call["version"]))
    return await perform_as(found, call, context)


async def perform_as(found: type[Node], call: Mapping[str, Any], context: RemoteContext) -> dict[str, Any]:
    """Run a call with a class that was found some other way. Raises what the node raises."""
    ports = frozenset(str(port) for port in call["stream_ports"])
    return dict(await run_whole(found(), cast(Context, context), call["inputs"], ports))


def node_class(origin: str, type_: str, version: str) -> type[Node]:
    """Import a node's class. Raises SageError ``executor.node_missing`` when it is not here, or is
    another version than the flow was compiled with."""
    module, _, path = origin.partition(":")
    try:
        found: Any = importlib.import_module(module)
        for name in path.split("."):
            found = getattr(found, name)
    except Exception as error:  # an import runs the module, which may fail in any way
        reason = f"{type(error).__name__}: {str(error)[:300]}"
        raise SageError(NODE_MISSING, {"type": type_, "version": version, "reason": reason}) from error
    if isinstance(found, type) and issubclass(found, NodePlugin):
        found = as_node(found)
    if not (isinstance(found, type) and issubclass(found, Node)):
        raise SageError(NODE_MISSING, {"type": type_, "version": version, "reason": f"{origin} is no node"})
    if (found.spec.id, found.spec.version) != (type_, version):
        reason = f"here it is {found.spec.id} {found.spec.version}"
        raise SageError(NODE_MISSING, {"type": type_, "version": version, "reason": reason})
    return found
