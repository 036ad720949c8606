"""Where sync Django meets the async server: requests run in a few lasting threads, files flow out in
constant memory."""

from __future__ import annotations

import asyncio
import contextvars
import io
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from typing import Any, TypeVar, cast

import structlog
from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, ASGIRequest, get_script_prefix
from django.core.handlers.base import BaseHandler
from django.core.handlers.exception import convert_exception_to_response
from django.core.signals import request_started
from django.db import close_old_connections
from django.http import FileResponse, HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import ResolverMatch, URLResolver, get_resolver, set_script_prefix
from django.utils.module_loading import import_string

from apps.common.desk import Desk, Unanswered, Work
from apps.common.door import Door, Reply
from apps.common.errors import INTERNAL
from apps.common.later import LaterResponse
from apps.common.middleware import log_finished, named_request
from apps.common.problems import as_sage_error, problem_response
from sage_studio.kernel import SageError

logger = structlog.get_logger(__name__)
Next = Callable[[HttpRequest], HttpResponseBase]
Scope = MutableMapping[str, Any]
Result = TypeVar("Result")
# Requests under way at once in one process; the next ones wait. Threads are made as they are needed.
THREADS = 24
# What is done behind a door is short, and on SQLite one at a time.
DOOR_THREADS = 4


class PooledHandler(ASGIHandler):
    """Django's ASGI handler, with the whole chain of middleware and view in one thread.

    Django's own crosses between loop and threads for every middleware (fifteen times a request), in a
    thread made for this one request, whose database connection is opened and closed with it: three
    quarters of a request's time. Views here are synchronous, so one crossing is enough, and the threads
    and their connections last.
    """

    def __init__(self, name: str = "http", threads: int = THREADS) -> None:
        BaseHandler.__init__(self)
        self.load_middleware(is_async=False)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        set_script_prefix(get_script_prefix(scope))
        request, refusal = self.create_request(scope, body)
        if request is None:
            body.close()
            assert refusal is not None
            await self.send_response(refusal, send)
            return
        response = await self._in_thread(self._answer, request, scope)
        if isinstance(response, LaterResponse):
            settled = await self._settled(response, receive)
            if settled is None:
                return
            response = settled
        if not response.streaming:
            await self.send_response(response, send)
            return
        try:
            await self._stream(response, receive, send)
        finally:
            await asyncio.shield(self._in_thread(_close, response))

    def _in_thread(self, call: Callable[..., Result], *arguments: Any) -> asyncio.Future[Result]:
        """As asgiref's ``sync_to_async``, without what only code that comes back to the loop needs."""
        context = contextvars.copy_context()
        return asyncio.get_running_loop().run_in_executor(self._threads, context.run, call, *arguments)

    async def read_body(self, receive: Any) -> Any:
        """Django's own begins a temporary file for every request; most bodies are one small message."""
        message = await receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            return io.BytesIO(message.get("body", b""))
        messages = iter((message,))

        async def from_the_first() -> Any:
            return next(messages, None) or await receive()

        return await super().read_body(from_the_first)

    def _answer(self, request: ASGIRequest, scope: Scope) -> HttpResponseBase:
        """The response; one that is complete is closed, which also gives back the database connection."""
        request_started.send(sender=self.__class__, scope=scope)
        response = self.get_response(request)
        setattr(response, "_handler_class", self.__class__)  # noqa: B010 - Django's own, unknown to its types
        if not response.streaming:
            response.close()
        else:
            if isinstance(response, FileResponse):
                response.block_size = self.chunk_size
            close_old_connections()
        return response

    async def _settled(self, later: LaterResponse, receive: Any) -> HttpResponseBase | None:
        """The answer when it is known; None when the client did not wait for it."""
        found: HttpResponseBase | None = None
        try:
            async with asyncio.TaskGroup() as group:
                listening = group.create_task(self.listen_for_disconnect(receive))
                found = later.with_own_headers(await later.settle())
                listening.cancel()
        except* RequestAborted:
            found = None
        return found

    async def _stream(self, response: HttpResponseBase, receive: Any, send: Any) -> None:
        """Send piece by piece, and stop when the client goes away."""
        try:
            async with asyncio.TaskGroup() as group:
                listening = group.create_task(self.listen_for_disconnect(receive))
                await self.send_response(response, send)
                listening.cancel()
        except* RequestAborted:
            logger.debug("client_left_during_download")


def _close(response: HttpResponseBase) -> None:
    response.close()


class DoorHandler(PooledHandler):
    """The handler behind doors (``apps.common.door``): fewer middlewares, and threads nobody else holds."""

    def __init__(self) -> None:
        super().__init__("door", DOOR_THREADS)

    def load_middleware(self, is_async: bool = False) -> None:
        """Django's own reads one list for all handlers. None of ours here has the hooks around views."""
        self._view_middleware: list[Any] = []
        self._template_response_middleware: list[Any] = []
        self._exception_middleware: list[Any] = []
        innermost: Any = getattr(self, "_get_response")  # noqa: B009 - Django's own, unknown to its types
        chain = convert_exception_to_response(innermost)
        for name in reversed(settings.DOOR_MIDDLEWARE):
            chain = convert_exception_to_response(import_string(name)(chain))
        self._middleware_chain = chain

    def resolve_request(self, request: Any) -> ResolverMatch:
        """As Django's own for the one set of addresses there is; these are asked for again and again."""
        match = _match(get_resolver(), request.path_info)
        request.resolver_match = match
        return match


class SlimHandler:
    """The way through slim doors: what ``prepare`` takes is answered at the desk, all else by the handler
    ``behind`` it, which hears of it as of a new request."""

    def __init__(self, behind: PooledHandler) -> None:
        self._behind = behind
        self._desk = Desk()

    async def __call__(self, scope: Scope, receive: Any, send: Any, door: Door, match: re.Match[str]) -> None:
        first = await receive()
        if first["type"] == "http.request" and not first.get("more_body", False):
            request = ASGIRequest(scope, io.BytesIO(first.get("body", b"")))
            started = time.perf_counter()
            with named_request(request) as request_id:
                context = contextvars.copy_context()
                reply = await self._ask(partial(prepared, door, match, request, context), request)
                if reply is not None:
                    context.run(log_finished, request, reply.status, started)
            if reply is not None:
                headers = reply.all_headers(request_id)
                await send({"type": "http.response.start", "status": reply.status, "headers": headers})
                await send({"type": "http.response.body", "body": reply.body})
                return
        messages = iter((first,))

        async def from_the_first() -> Any:
            return next(messages, None) or await receive()

        await self._behind(scope, from_the_first, send)

    async def _ask(self, prepare: Callable[[], Work[Reply] | None], request: HttpRequest) -> Reply | None:
        try:
            return await self._desk.do(prepare)
        except Unanswered as error:
            logger.error("request_failed", exc_info=error)
            response = problem_response(request, SageError(INTERNAL))
            return Reply(500, response.content, {"Content-Type": response["Content-Type"]})
        except Exception as error:  # nothing is written: the view answers, and says what is wrong
            if as_sage_error(error) is None:
                logger.warning("door_passed_by", exc_info=error)
            return None


def prepared(
    door: Door, match: re.Match[str], request: HttpRequest, context: contextvars.Context
) -> Work[Reply] | None:
    """What a slim door makes of a request, all of it in the request's context. Raises DisallowedHost."""
    assert door.prepare is not None
    request.get_host()
    work = context.run(door.prepare, request, **match.groupdict())
    return None if work is None else Work(partial(context.run, work.write), work.locks)


@lru_cache(maxsize=256)
def _match(resolver: URLResolver, path: str) -> ResolverMatch:
    return resolver.resolve(path)


async def _chunks(source: Iterator[bytes]) -> AsyncIterator[bytes]:
    def following() -> bytes | None:
        return next(source, None)

    while (chunk := await sync_to_async(following, thread_sensitive=False)()) is not None:
        yield chunk


def stream_in_constant_memory(get_response: Next) -> Next:
    """Django under ASGI would collect a synchronous stream (any file) in memory before sending it."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if (
            isinstance(request, ASGIRequest)
            and isinstance(response, StreamingHttpResponse)
            and not response.is_async
        ):
            source = cast("Iterator[bytes]", response.streaming_content)
            response.streaming_content = _chunks(iter(source))
        return response

    return middleware
