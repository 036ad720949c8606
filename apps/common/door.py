"""Doors: hot addresses of the API with a short way of their own.

A door opens on an ordinary view: policy, authentication, parsing, idempotency and error documents are the
view's and the API's, there is no second set of rules. What differs is the way to it: requests to a door
skip the middleware that only pages and files need (``settings.DOOR_MIDDLEWARE``), and never wait behind
slow requests for a thread.

A *slim* door also has a ``prepare``, for the requests that make nearly all of the traffic: those that are in
order and ask for nothing unusual. It checks one by the same functions as the view and gives what is to be
written at the desk (``apps.common.desk``). Whatever it does not take, by None or any error, goes to the view
as if nobody had looked at it, which also words what is wrong with it.

An app names its doors in a module ``doors``.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest, HttpResponse
from rest_framework.authentication import CSRFCheck

from apps.common.desk import Work
from apps.common.middleware import SECURITY_HEADERS
from apps.common.parsers import MAX_BYTES, parse_json
from sage_studio.kernel import Json

Application = Callable[[Any, Any, Any], Awaitable[None]]
_JSON_TYPES = frozenset({"application/json", "application/json; charset=utf-8"})
_ALWAYS = {"Content-Type": "application/json", **SECURITY_HEADERS, "Cache-Control": "no-store"}
_ACCEPTED = frozenset({"*/*", "application/json"})


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of a slim door: its JSON, and the headers it has beside those of every answer of the API."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    def all_headers(self, request_id: str) -> list[tuple[bytes, bytes]]:
        own = {"Content-Length": str(len(self.body)), "X-Request-ID": request_id}
        every = {**_ALWAYS, **self.headers, **own}
        return [(name.encode(), value.encode()) for name, value in every.items()]


@dataclass(frozen=True, slots=True)
class Door:
    """A method and the addresses it is hot on; ``path`` matches a whole address, and its named groups are
    given to ``prepare``."""

    method: str
    path: re.Pattern[str]
    prepare: Callable[..., Work[Reply] | None] | None = None

    def match(self, scope: Any) -> re.Match[str] | None:
        return self.path.fullmatch(scope["path"]) if scope["method"] == self.method else None


SlimWay = Callable[[Any, Any, Any, Door, "re.Match[str]"], Awaitable[None]]


def through_doors(doors: Sequence[Door], slim: SlimWay, hot: Application, rest: Application) -> Application:
    """Sends requests for a door to ``slim`` where it has a ``prepare``, else to ``hot``, all others to
    ``rest``."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        for door in doors:
            if (match := door.match(scope)) is not None:
                if door.prepare is None:
                    await hot(scope, receive, send)
                else:
                    await slim(scope, receive, send, door, match)
                return
        await rest(scope, receive, send)

    return application


def plain_json(request: HttpRequest) -> Json | None:
    """The body of a request that is JSON, asks for JSON and for nothing else; None for all others. Raises
    ApiError as the parser does."""
    meta = request.META
    accepted = meta.get("HTTP_ACCEPT", "*/*")
    if (
        meta["QUERY_STRING"]
        or meta.get("CONTENT_TYPE", "").lower() not in _JSON_TYPES
        or ";" in accepted
        or _ACCEPTED.isdisjoint(part.strip() for part in accepted.split(","))
        or "HTTP_IDEMPOTENCY_KEY" in meta
    ):
        return None
    body = request.body
    return parse_json(body) if len(body) <= MAX_BYTES else None


def is_forged(request: HttpRequest) -> bool:
    """Whether a request with a session lacks what shows that a page of ours has sent it."""
    check = CSRFCheck(_unused)
    check.process_request(request)
    return check.process_view(request, _unused, (), {}) is not None


def _unused(_request: HttpRequest) -> HttpResponse:
    raise AssertionError("the check is asked, not the view behind it")
