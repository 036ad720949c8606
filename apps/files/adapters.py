"""Content on its way out: piece by piece, whichever kind of server asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse
from rest_framework.request import Request


def streamed(
    request: HttpRequest | Request, pieces: Iterator[bytes], *, content_type: str
) -> StreamingHttpResponse:
    """A response that never holds more than a piece. Under ASGI Django would gather all pieces of a
    synchronous iterator before it sends the first."""
    if isinstance(getattr(request, "_request", request), ASGIRequest):  # REST framework wraps it
        return StreamingHttpResponse(_InThreads(pieces), content_type=content_type)
    return StreamingHttpResponse(pieces, content_type=content_type)


class _InThreads:
    """An iterator's pieces for whoever awaits them. Django closes it with the response."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        piece = await asyncio.to_thread(next, self._pieces, b"")
        if not piece:
            raise StopAsyncIteration
        return piece

    def close(self) -> None:
        close = getattr(self._pieces, "close", None)
        if close is not None:
            with suppress(ValueError):  # a thread is at it for a reader who has left: it ends with that piece
                close()
