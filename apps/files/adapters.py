"""Content on its way out: piece by piece, whichever kind of server asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse
from rest_framework.request import Request


def streamed(
    request: HttpRequest | Request, pieces: Iterator[bytes], *, content_type: str
) -> StreamingHttpResponse:
    """A response that never holds more than a piece. Under ASGI Django would gather all pieces of a
    synchronous iterator before it sends the first."""
    if isinstance(getattr(request, "_request", request), ASGIRequest):  # REST framework wraps it
        return StreamingHttpResponse(_in_threads(pieces), content_type=content_type)
    return StreamingHttpResponse(pieces, content_type=content_type)


async def _in_threads(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    try:
        while piece := await asyncio.to_thread(next, pieces, b""):
            yield piece
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            await asyncio.to_thread(close)
