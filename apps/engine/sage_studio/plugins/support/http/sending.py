"""Requests that are sent again while that makes sense and does no harm."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from sage_studio.egress.retry_after import retry_after_s
from sage_studio.kernel import SageError
from sage_studio.sdk import Context, HttpResponse, StreamedResponse

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
REPEATABLE = SAFE | {"PUT", "DELETE"}
NOT_DONE = frozenset({429, 503})
"""A service that answers this has done nothing."""
LONGEST_WAIT_S = 60.0
Upload = Callable[[], AsyncIterator[bytes]]


class _Answer(Protocol):
    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...


A = TypeVar("A", bound=_Answer)


@dataclass(frozen=True, slots=True)
class Request:
    """``upload`` makes the body anew for every attempt. A request that is ``repeatable`` may be sent again
    although nobody knows whether it was carried out."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    upload: Upload | None = None
    upload_bytes: int | None = None
    credential: str | None = None
    timeout_s: float = 30.0
    idle_s: float = 60.0
    max_bytes: int = 10 << 20
    repeatable: bool = False
    retries: int = 0


async def send(ctx: Context, request: Request) -> HttpResponse:
    """The whole answer; the last one, or the last failure, counts. Raises SageError ``http.*``."""

    async def once() -> HttpResponse:
        return await ctx.http.request(
            request.method,
            request.url,
            headers=request.headers,
            params=request.params or None,
            content=request.content,
            timeout_s=request.timeout_s,
            max_bytes=request.max_bytes,
            credential=request.credential,
        )

    return await _repeated(ctx, request, once, _nothing)


@asynccontextmanager
async def opened(ctx: Context, request: Request) -> AsyncIterator[StreamedResponse]:
    """An answer to be read while it comes. Raises SageError ``http.*``."""
    async with AsyncExitStack() as stack:

        async def once() -> StreamedResponse:
            return await stack.enter_async_context(
                ctx.http.stream(
                    request.method,
                    request.url,
                    headers=request.headers,
                    params=request.params or None,
                    content=request.upload() if request.upload is not None else request.content,
                    content_length=request.upload_bytes,
                    timeout_s=request.timeout_s,
                    idle_s=request.idle_s,
                    max_bytes=request.max_bytes,
                    credential=request.credential,
                )
            )

        yield await _repeated(ctx, request, once, stack.aclose)


async def _nothing() -> None:
    return None


async def _repeated(
    ctx: Context, request: Request, once: Callable[[], Awaitable[A]], let_go: Callable[[], Awaitable[None]]
) -> A:
    for attempt in range(request.retries + 1):
        last = attempt == request.retries
        try:
            answer = await once()
        except SageError as error:
            if last or not (error.can_retry and request.repeatable):
                raise
            wait_s = backoff_s(attempt)
            ctx.log("retry", level="warning", reason=error.code.code, wait_s=wait_s)
        else:
            if last or not should_repeat(answer.status, request):
                return answer
            wait_s = min(retry_after_s(answer.headers), LONGEST_WAIT_S) or backoff_s(attempt)
            ctx.log("retry", level="warning", status=answer.status, wait_s=wait_s)
        await let_go()
        await asyncio.sleep(wait_s)
    raise AssertionError("the last attempt returns or raises")


def should_repeat(status: int, request: Request) -> bool:
    return status in NOT_DONE or (status >= 500 and request.repeatable)


def backoff_s(attempt: int) -> float:
    return float(min(0.5 * 2**attempt, LONGEST_WAIT_S))
