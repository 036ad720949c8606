"""Where sync Django meets the async server: files flow out in constant memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import cast

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase

Next = Callable[[HttpRequest], HttpResponseBase]


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
