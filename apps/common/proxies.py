"""What a proxy says about the client, believed only from configured networks.

Rewrites the ASGI scope before Django or Channels see it and removes the headers, so that nothing
behind this can be fooled by a client that sends them itself.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]
_FORWARDED = (
    b"x-forwarded-for",
    b"x-forwarded-proto",
    b"x-forwarded-host",
    b"x-forwarded-port",
    b"forwarded",
)
_SECURE = {"http": "https", "websocket": "wss"}


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.strip())
    except ValueError:
        return None


def _is_trusted(text: str, networks: Sequence[IpNetwork]) -> bool:
    address = _address(text)
    return address is not None and any(address in network for network in networks)


def _client_behind(forwarded_for: str, networks: Sequence[IpNetwork]) -> str | None:
    """The nearest address that is not a trusted proxy, reading from the right."""
    for part in reversed(forwarded_for.split(",")):
        if not _is_trusted(part, networks):
            return part.strip() if _address(part) else None
    return None


def behind_trusted_proxies(inner: Application, networks: Sequence[IpNetwork]) -> Application:
    """Wrap the whole application."""

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] not in _SECURE:
            await inner(scope, receive, send)
            return
        sent = {name: value.decode("latin-1") for name, value in scope["headers"] if name in _FORWARDED}
        scope = dict(scope, headers=[pair for pair in scope["headers"] if pair[0] not in _FORWARDED])
        client = scope.get("client")
        if client and _is_trusted(client[0], networks):
            if address := _client_behind(sent.get(b"x-forwarded-for", ""), networks):
                scope["client"] = [address, 0]
            if sent.get(b"x-forwarded-proto") == "https":
                scope["scheme"] = _SECURE[scope["type"]]
        await inner(scope, receive, send)

    return application
