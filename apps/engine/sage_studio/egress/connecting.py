"""Connections of other protocols than HTTP, to addresses held to the same policy.

The name is resolved once, every address it has is checked, and the connection goes to one of them.
"""

from __future__ import annotations

import asyncio
import ssl
from functools import lru_cache
from ipaddress import ip_address

import httpx

from sage_studio.egress.addresses import EgressPolicy
from sage_studio.egress.backend import resolve
from sage_studio.egress.errors import REFUSED, TIMEOUT, UNREACHABLE
from sage_studio.egress.secrets import plain_host
from sage_studio.kernel import SageError


async def open_connection(
    policy: EgressPolicy, host: str, port: int, *, tls: bool = False, timeout_s: float = 10.0
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to ``host``; with ``tls`` its certificate is checked against that name.

    Raises SageError ``http.refused``, ``http.unreachable`` and ``http.timeout``.
    """
    try:
        async with asyncio.timeout(timeout_s):
            return await _open(policy, host, port, _tls() if tls else None)
    except TimeoutError as error:
        raise SageError(TIMEOUT, {"host": host, "timeout_s": timeout_s}) from error


async def checked_address(policy: EgressPolicy, host: str, port: int, *, timeout_s: float = 10.0) -> str:
    """The address a driver must connect to in place of ``host``; one of IPv4 where there are both.

    Raises SageError ``http.refused``, ``http.unreachable`` and ``http.timeout``.
    """
    try:
        async with asyncio.timeout(timeout_s):
            addresses = await checked_addresses(policy, host, port)
    except TimeoutError as error:
        raise SageError(TIMEOUT, {"host": host, "timeout_s": timeout_s}) from error
    return min(addresses, key=lambda address: ip_address(address).version)


async def checked_addresses(policy: EgressPolicy, host: str, port: int) -> list[str]:
    """Every address of a name, in the system's order; one that is refused refuses them all."""
    if not 0 < port < 1 << 16:
        raise SageError(UNREACHABLE, {"host": host, "reason": "there is no such port"})
    addresses = await resolve(plain_host(host), port)
    if not all(policy.allows(ip_address(address)) for address in addresses):
        raise SageError(REFUSED, {"host": host})
    return addresses


async def _open(
    policy: EgressPolicy, host: str, port: int, tls: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    addresses = await checked_addresses(policy, host, port)
    failure: OSError | None = None
    for address in addresses:
        try:
            return await asyncio.open_connection(
                address, port, ssl=tls, server_hostname=plain_host(host) if tls is not None else None
            )
        except OSError as error:
            failure = error
    reason = (failure.strerror if failure is not None else "") or "no connection"
    raise SageError(UNREACHABLE, {"host": host, "reason": reason}) from failure


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)
