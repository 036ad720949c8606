"""The guarded HTTP client.

Every hop of a redirect is a new request held to the same rules. A secret is added only toward
the hosts it names, so it vanishes when a redirect leads elsewhere. Sizes are counted after
unpacking, and unpacking stops at the limit.
"""

from __future__ import annotations

import asyncio
import json as json_module
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache

import httpcore
import httpx

from sage_studio.egress.addresses import EgressPolicy
from sage_studio.egress.answers import FAILURES, Response, StreamedResponse
from sage_studio.egress.backend import GuardedBackend
from sage_studio.egress.connecting import checked_address, open_connection
from sage_studio.egress.errors import BAD_ANSWER, REDIRECTS, TIMEOUT, UNREACHABLE
from sage_studio.egress.hops import (
    REDIRECTING,
    Content,
    Hop,
    checked_headers,
    checked_url,
    is_downgrade,
    next_hop,
)
from sage_studio.egress.secrets import RequestSecret
from sage_studio.kernel import Json, SageError

MAX_REDIRECTS = 10


class GuardedClient:
    """Stateless: it may be shared by runs and used on any event loop."""

    def __init__(self, policy: EgressPolicy) -> None:
        self._policy = policy

    @property
    def policy(self) -> EgressPolicy:
        return self._policy

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
        secret: RequestSecret | None = None,
        follow: bool = True,
    ) -> Response:
        """Send a request, follow its redirects and read the answer, all within ``timeout_s``. Raises
        SageError ``http.*``."""
        hop = _first_hop(method, url, headers=headers, params=params, content=content, json=json)
        try:
            async with asyncio.timeout(timeout_s):
                answer = await self._follow(hop, secret, follow=follow, max_bytes=max_bytes, idle_s=timeout_s)
                try:
                    return await answer.finished()
                finally:
                    await answer.aclose()
        except TimeoutError as error:
            raise SageError(TIMEOUT, {"host": hop.url.host, "timeout_s": timeout_s}) from error

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
        secret: RequestSecret | None = None,
        follow: bool = True,
    ) -> AsyncIterator[StreamedResponse]:
        """Send a request and read its answer while it comes.

        ``timeout_s`` bounds the time until the answer begins, ``idle_s`` the wait for each piece. Content
        that is an iterator is sent as it is made, with ``content_length`` if that is known; a redirect
        that asks for it again is an error. Raises SageError ``http.*``.
        """
        hop = _first_hop(method, url, headers=headers, params=params, content=content, json=json)
        if content_length is not None:
            hop.headers["Content-Length"] = str(content_length)
        try:
            async with asyncio.timeout(timeout_s):
                answer = await self._follow(hop, secret, follow=follow, max_bytes=max_bytes, idle_s=idle_s)
        except TimeoutError as error:
            raise SageError(TIMEOUT, {"host": hop.url.host, "timeout_s": timeout_s}) from error
        try:
            yield answer
        finally:
            await asyncio.shield(answer.aclose())

    async def connect(
        self, host: str, port: int, *, tls: bool = False, timeout_s: float = 10.0
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection for another protocol, to an address held to the same rules. Raises SageError
        ``http.*``."""
        return await open_connection(self._policy, host, port, tls=tls, timeout_s=timeout_s)

    async def address(self, host: str, port: int, *, timeout_s: float = 10.0) -> str:
        """The checked IP address a driver must connect to. Raises SageError ``http.*``."""
        return await checked_address(self._policy, host, port, timeout_s=timeout_s)

    async def _follow(
        self, hop: Hop, secret: RequestSecret | None, *, follow: bool, max_bytes: int, idle_s: float
    ) -> StreamedResponse:
        first = hop.url.host
        for _count in range(MAX_REDIRECTS + 1):
            answer = await self._send(hop, max_bytes, secret, idle_s)
            target = answer.headers.get("location")
            if not follow or answer.status not in REDIRECTING or not target:
                return answer
            await answer.aclose()
            before, hop = hop, next_hop(hop, answer.status, target)
            if is_downgrade(before.url, hop.url):
                secret = None
        raise SageError(REDIRECTS, {"host": first, "limit": MAX_REDIRECTS})

    async def _send(
        self, hop: Hop, max_bytes: int, secret: RequestSecret | None, idle_s: float
    ) -> StreamedResponse:
        hop = hop.with_secret(secret)
        host = hop.url.host

        def fault(error: Exception) -> SageError:
            if isinstance(error, SageError):
                return error
            return SageError(UNREACHABLE, {"host": host, "reason": _reason(error)})

        checked = not self._policy.allows_anyway(str(hop.url))
        transport = _GuardedTransport(GuardedBackend(self._policy, checked=checked))
        client = httpx.AsyncClient(transport=transport, trust_env=False, timeout=None)  # noqa: S113 - the callers bound the whole exchange
        try:
            request = client.build_request(hop.method, hop.url, headers=hop.headers, content=hop.content)
            answer = _no_upgrade(await client.send(request, stream=True), host)
            return StreamedResponse(
                answer, host=host, max_bytes=max_bytes, idle_s=idle_s, close=client.aclose, fault=fault
            )
        except FAILURES as error:
            await client.aclose()
            raise fault(error) from error
        except BaseException:
            await client.aclose()
            raise


def _no_upgrade(answer: httpx.Response, host: str) -> httpx.Response:
    if answer.status_code < 200:
        raise SageError(BAD_ANSWER, {"host": host, "reason": "it wants another protocol"})
    return answer


def _first_hop(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None,
    params: Mapping[str, str] | None,
    content: Content,
    json: Json,
) -> Hop:
    sent = checked_headers(headers or {})
    if json is not None:
        content = json_module.dumps(json, ensure_ascii=False).encode()
        sent.setdefault("Content-Type", "application/json")
    address = checked_url(url)
    if params:
        address = address.copy_merge_params(dict(params))
    return Hop(method.upper(), address, sent, content)


class _GuardedTransport(httpx.AsyncHTTPTransport):
    """httpx's transport over a pool that connects through our backend."""

    def __init__(self, backend: GuardedBackend) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=_tls(), network_backend=backend, max_connections=1, http1=True, http2=False
        )


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


def _reason(error: Exception) -> str:
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)):
        return "the certificate is not valid" if "CERTIFICATE" in str(error) else "no connection"
    if isinstance(error, httpx.RemoteProtocolError):
        return "it broke off or does not speak HTTP"
    return type(error).__name__
