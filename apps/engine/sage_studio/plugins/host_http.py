"""What every host puts between its nodes and the guarded client: credentials and own addresses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from sage_studio.egress import GuardedClient, Response, SecretHeader, checked_url, host_of, port_of
from sage_studio.kernel import Json

# (credential's name, host, port) → its header, when it may be sent there; else it raises.
HeaderFor: TypeAlias = Callable[[str, str, int | None], Awaitable[SecretHeader]]


class HostHttp:
    """``ctx.http``. An address that begins with ``/`` is one of the instance at ``instance_url``."""

    def __init__(self, client: GuardedClient, header_for: HeaderFor, instance_url: str) -> None:
        self._client = client
        self._header_for = header_for
        self._instance_url = instance_url.rstrip("/")

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
        json: Json = None,
        timeout_s: float = 30.0,
        max_bytes: int = 10 << 20,
        credential: str | None = None,
    ) -> Response:
        """Send one request. Raises SageError ``http.*`` or ``credential.*``."""
        address = f"{self._instance_url}{url}" if url.startswith("/") else url
        secret = None
        if credential:
            target = checked_url(address)
            secret = await self._header_for(credential, host_of(target), port_of(target))
        return await self._client.request(
            method,
            address,
            headers=headers,
            params=params,
            content=content,
            json=json,
            timeout_s=timeout_s,
            max_bytes=max_bytes,
            secret=secret,
        )

    async def connect(
        self, host: str, port: int, *, tls: bool = False, timeout_s: float = 10.0
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection for another protocol. Raises SageError ``http.*``."""
        return await self._client.connect(host, port, tls=tls, timeout_s=timeout_s)
