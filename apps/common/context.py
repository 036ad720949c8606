"""Where the current request came from, kept in a context variable so that services need not carry it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from sage_studio.kernel import JsonObject

_origin: ContextVar[JsonObject | None] = ContextVar("sage_origin", default=None)


def origin() -> JsonObject:
    """``{ip, user_agent, request_id}`` of the current request; empty outside one."""
    return dict(_origin.get() or {})


@contextmanager
def bound_origin(value: JsonObject) -> Iterator[None]:
    """Bind the origin for the duration of one request or message."""
    token = _origin.set(value)
    try:
        yield
    finally:
        _origin.reset(token)
