"""Answers that are not known yet, and that hold no thread until they are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from django.http import HttpResponse
from django.http.response import HttpResponseBase


class LaterResponse(HttpResponse):
    """What a view gives that has to wait: ``settle`` is awaited on the server's loop, after the view and its
    middleware are done, and its answer goes out with the headers set here. Where nobody waits (a test's
    client) this itself is the answer."""

    def __init__(
        self, settle: Callable[[], Awaitable[HttpResponseBase]], content: bytes = b"", **more: object
    ):
        super().__init__(content, **more)
        self.settle = settle

    def with_own_headers(self, answer: HttpResponseBase) -> HttpResponseBase:
        """The answer, with what the middleware said here and the answer does not say itself."""
        for name, value in self.items():
            if name.lower() not in {"content-type", "content-length"}:
                answer.headers.setdefault(name, value)
        return answer
