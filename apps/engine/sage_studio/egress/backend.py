"""Opens connections only to addresses that were checked.

A name is resolved once, every address it has is checked, and the connection goes to one of the
checked addresses: a name that changes between check and use gains nothing.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any

import httpcore

from sage_studio.egress.addresses import EgressPolicy
from sage_studio.egress.errors import REFUSED, UNREACHABLE
from sage_studio.egress.gate import require_host
from sage_studio.egress.secrets import plain_host
from sage_studio.kernel import SageError


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """``checked`` off is for the exact own addresses a policy names."""

    def __init__(self, policy: EgressPolicy, *, checked: bool) -> None:
        self._policy = policy
        self._checked = checked
        self._sockets = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await resolve(plain_host(host), port)
        if self._checked and not all(self._policy.allows(ip_address(address)) for address in addresses):
            raise SageError(REFUSED, {"host": host})
        failure: Exception | None = None
        for address in addresses:
            try:
                return await self._sockets.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError(f"{host} has no address")

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        raise SageError(REFUSED, {"host": "a local socket"})

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def resolve(host: str, port: int) -> list[str]:
    """Every address of a name, without scope ids. Raises SageError ``http.unreachable``, and what a
    ``gate`` raises."""
    require_host(host)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise SageError(UNREACHABLE, {"host": host, "reason": "the name is not known"}) from error
    return list(dict.fromkeys(str(entry[4][0]).split("%")[0] for entry in found))
