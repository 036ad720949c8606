"""The context a plug-in's node is given: the run's own, held to what people consented to.

The node's process asks for everything it does outside itself; this stands in between. What the manifest
cannot name (models, vectors, notices, other flows) a plug-in does not get.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from sage_studio.egress.gate import through
from sage_studio.engine.executors.errors import BAD_MESSAGE
from sage_studio.kernel import Json, SageError
from sage_studio.plugins.isolated.errors import HOST_NOT_CONSENTED, NOT_CONSENTED
from sage_studio.plugins.isolated.streaming import StreamDesk
from sage_studio.plugins.manager import Plugin
from sage_studio.sdk import Context, FileRef, HttpResponse, StreamedResponse

# Requests and streamed answers of one attempt at a time.
MAX_REQUESTS = 32
MAX_LINES = 2_000
# Whoever goes on after that is not logging any more.
FLOOD_LINES = 50_000
MAX_LINE_LENGTH = 8_000

# The kind of a credential by its name; raises when there is none.
KindOf = Callable[[str], Awaitable[str]]


class HeldContext:
    """Implements what a node elsewhere may use of ``sage_studio.sdk.Context`` (``home.SERVICES``)."""

    def __init__(
        self, context: Context, plugin: Plugin, kind_of: KindOf, streams: StreamDesk | None = None
    ) -> None:
        self._context = context
        self._plugin = plugin
        self._kind_of = kind_of
        self.streams = _Withheld(plugin) if streams is None else streams
        self._lines = 0
        self.deadline = context.deadline
        self.http = _HeldHttp(context, plugin)
        self.files = _HeldFiles(context, plugin)
        self.blobs = context.blobs
        self.state = context.state
        self.llm = self.vectors = self.notifier = _Withheld(plugin)
        self.wait_until = context.wait_until
        self.wait_for = context.wait_for
        self.afford = context.afford
        self.price = context.price
        self.progress = context.progress
        self.cost = context.cost

    async def credential(self, name: str, **place: Any) -> Mapping[str, str]:
        """Raises SageError ``plugin.not_consented`` for a kind the manifest does not name."""
        kind = await self._kind_of(name)
        if not self._plugin.permissions.allows_secret(kind):
            raise _refused(self._plugin, f"credential {kind}")
        return await self._context.credential(name, **place)

    def log(self, message: str, *, level: str = "info", **fields: Json) -> None:
        """Raises SageError when the lines do not end: it ends the node's process."""
        self._lines += 1
        if self._lines <= MAX_LINES:
            short = {name: held for name, held in fields.items() if len(str(held)) <= MAX_LINE_LENGTH}
            self._context.log(message[:MAX_LINE_LENGTH], level=level, **short)
        elif self._lines == MAX_LINES + 1:
            self._context.log(f"Only {MAX_LINES} lines are kept of one attempt.", level="warning")
        elif self._lines > FLOOD_LINES:
            raise SageError(BAD_MESSAGE, {"reason": f"more than {FLOOD_LINES} lines of log"})

    def __getattr__(self, name: str) -> Any:
        raise _refused(self._plugin, name)


class _Withheld:
    """What a manifest has no word for."""

    available = False

    def __init__(self, plugin: Plugin) -> None:
        self._plugin = plugin

    def __getattr__(self, name: str) -> Any:
        raise _refused(self._plugin, name)


class _HeldHttp:
    def __init__(self, context: Context, plugin: Plugin) -> None:
        self._context = context
        self._plugin = plugin
        self._slots = asyncio.Semaphore(MAX_REQUESTS)

    async def request(self, method: str, url: str, **more: Any) -> HttpResponse:
        """Every connection of it, those of redirects too, passes the gate. Those too many wait."""
        self._require_elsewhere(url)
        async with self._slots:
            with through(self._require):
                return await self._context.http.request(method, url, **more)

    @asynccontextmanager
    async def stream(self, method: str, url: str, **more: Any) -> AsyncIterator[StreamedResponse]:
        """The same, with the answer's body as it comes."""
        self._require_elsewhere(url)
        async with self._slots:
            with through(self._require):
                stack = AsyncExitStack()
                answer = await stack.enter_async_context(self._context.http.stream(method, url, **more))
            async with stack:
                yield answer

    def _require_elsewhere(self, url: str) -> None:
        if url.startswith("/"):
            raise _refused(self._plugin, url[:100])

    def _require(self, host: str) -> None:
        if not self._plugin.permissions.allows_host(host):
            raise SageError(HOST_NOT_CONSENTED, {"plugin": self._plugin.id, "host": host[:260]})


class _HeldFiles:
    def __init__(self, context: Context, plugin: Plugin) -> None:
        self._context = context
        self._plugin = plugin

    async def read(self, file: FileRef) -> bytes:
        self._require("read", "write")
        return await self._context.files.read(file)

    async def stream(self, file: FileRef, **more: Any) -> AsyncIterator[bytes]:
        self._require("read", "write")
        async for piece in self._context.files.stream(file, **more):
            yield piece

    async def write(self, name: str, mime: str, content: bytes | AsyncIterator[bytes]) -> FileRef:
        self._require("write")
        return await self._context.files.write(name, mime, content)

    def _require(self, *uses: str) -> None:
        if self._plugin.permissions.files not in uses:
            raise _refused(self._plugin, f"files: {uses[0]}")


def _refused(plugin: Plugin, what: str) -> SageError:
    return SageError(NOT_CONSENTED, {"plugin": plugin.id, "what": what})
