"""What every host puts between its nodes and the guarded client: credentials and own addresses."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

from sage_studio.egress import (
    Content,
    ForwardProxy,
    GuardedClient,
    RequestSecret,
    Response,
    StreamedResponse,
    checked_url,
    host_of,
    port_of,
)
from sage_studio.kernel import Json


class Vault(Protocol):
    """Where a host keeps its credentials."""

    async def request_secret(self, name: str, host: str, port: int | None) -> RequestSecret:
        """What a credential adds to a request; raises SageError ``credential.*`` when it may not be sent
        there. The use is recorded."""
        ...

    async def allow(self, name: str, host: str, port: int | None) -> None:
        """Raises SageError ``credential.*`` when a credential may not be used toward a host."""
        ...


class HostHttp:
    """``ctx.http``. An address that begins with ``/`` is one of the instance at ``instance_url``."""

    def __init__(self, client: GuardedClient, vault: Vault, instance_url: str) -> None:
        self._client = client
        self._vault = vault
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
        follow: bool = True,
    ) -> Response:
        """Send one request. Raises SageError ``http.*`` or ``credential.*``."""
        address, secret = await self._prepared(url, credential)
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
            follow=follow,
        )

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        content: Content = None,
        content_length: int | None = None,
        json: Json = None,
        timeout_s: float = 30.0,
        idle_s: float = 60.0,
        max_bytes: int = 1 << 30,
        credential: str | None = None,
        follow: bool = True,
    ) -> AsyncIterator[StreamedResponse]:
        """Send a request and read its answer while it comes. Raises SageError as ``request`` does."""
        address, secret = await self._prepared(url, credential)
        async with self._client.stream(
            method,
            address,
            headers=headers,
            params=params,
            content=content,
            content_length=content_length,
            json=json,
            timeout_s=timeout_s,
            idle_s=idle_s,
            max_bytes=max_bytes,
            secret=secret,
            follow=follow,
        ) as answer:
            yield answer

    async def _prepared(self, url: str, credential: str | None) -> tuple[str, RequestSecret | None]:
        address = f"{self._instance_url}{url}" if url.startswith("/") else url
        if not credential:
            return address, None
        target = checked_url(address)
        return address, await self._vault.request_secret(credential, host_of(target), port_of(target))

    async def connect(
        self,
        host: str,
        port: int,
        *,
        tls: bool = False,
        timeout_s: float = 10.0,
        credential: str | None = None,
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection for another protocol. Raises SageError ``http.*`` or ``credential.*``."""
        if credential:
            await self._vault.allow(credential, host, port)
        return await self._client.connect(host, port, tls=tls, timeout_s=timeout_s)

    async def address(self, host: str, port: int, *, credential: str | None = None) -> str:
        """The checked IP address to connect to. Raises SageError ``http.*`` or ``credential.*``."""
        if credential:
            await self._vault.allow(credential, host, port)
        return await self._client.address(host, port)

    @asynccontextmanager
    async def proxy(self, *, credential: str | None = None) -> AsyncIterator[str]:
        """A proxy on loopback while the block lasts; its address."""

        async def resolve(host: str, port: int) -> str:
            return await self.address(host, port, credential=credential)

        async with ForwardProxy(resolve) as proxy:
            yield proxy.url

    def transport(self, *, credential: str | None = None) -> Any:
        """A transport for libraries built on ``httpx2``."""
        module = importlib.import_module("sage_studio.egress.httpx2_transport")
        return module.GuardedTransport(self, credential=credential)
