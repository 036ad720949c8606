"""WebSockets: Origin, session or bearer token, before any consumer sees the connection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async
from django.conf import settings
from django.http.request import validate_host

from apps.accounts import selectors, services
from apps.accounts.models import ApiToken

Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


def _header(scope: dict[str, Any], name: bytes) -> str | None:
    values = [value for key, value in scope["headers"] if key == name]
    return values[0].decode("latin-1") if len(values) == 1 else None


def origin_allowed(scope: dict[str, Any]) -> bool:
    """Whether the page that opened the socket is one of ours: same scheme and host as the
    configured address, or as the request itself when the host is allowed. ``null`` never is."""
    origin, host = _header(scope, b"origin"), _header(scope, b"host")
    if origin is None or host is None:
        return False
    parts = urlsplit(origin)
    if origin.rstrip("/") in settings.CSRF_TRUSTED_ORIGINS:
        return True
    scheme = {"ws": "http", "wss": "https"}.get(scope.get("scheme", "ws"), "http")
    name = parts.hostname or ""
    bracketed = f"[{name}]" if ":" in name else name
    return (
        parts.scheme == scheme and parts.netloc == host and validate_host(bracketed, settings.ALLOWED_HOSTS)
    )


def _token_of(secret: str) -> ApiToken | None:
    token = selectors.token_find(secret)
    if token is not None:
        services.token_used(token)
    return token


async def _refuse(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.close", "code": 4403})


def authenticated(inner: Application) -> Application:
    """Sets ``scope["user"]`` and ``scope["token"]``. A program shows a bearer token in the
    Authorization header and needs no Origin; a browser needs an allowed Origin and its session."""
    with_session: Application = AuthMiddlewareStack(inner)

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        kind, _, secret = (_header(scope, b"authorization") or "").partition(" ")
        if kind.lower() == "bearer":
            token = await database_sync_to_async(_token_of)(secret.strip())
            if token is None:
                await _refuse(receive, send)
                return
            await inner(dict(scope, user=token.person, token=token), receive, send)
        elif origin_allowed(scope):
            await with_session(dict(scope, token=None), receive, send)
        else:
            await _refuse(receive, send)

    return application


def closing_unknown_routes(inner: Application) -> Application:
    """Channels raises ValueError for an address no route knows; answer it as a closed door instead."""

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        try:
            await inner(scope, receive, send)
        except ValueError as error:
            if "No route found" not in str(error):
                raise
            await send({"type": "websocket.close", "code": 4404})

    return application
