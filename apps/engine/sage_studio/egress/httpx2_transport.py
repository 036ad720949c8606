"""The guarded client as a transport of ``httpx2``, for libraries that are built on it.

It stands on whatever offers ``stream`` (``ctx.http``), so it works wherever a node does. A library that
would follow redirects is given every one of them as it is: each is a new request through here. A
credential is put in its place by ``ctx.http``, so the library never holds it: give it any key.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import httpx2

from sage_studio.egress.addresses import EgressPolicy
from sage_studio.egress.client import GuardedClient
from sage_studio.egress.errors import TIMEOUT
from sage_studio.egress.hops import steers_connection
from sage_studio.kernel import SageError

_CREDENTIAL_HEADERS = frozenset({"authorization", "x-api-key", "api-key"})
_DEFAULT_TIMEOUT_S = 60.0


class GuardedTransport(httpx2.AsyncBaseTransport):
    """``http`` is a ``sage_studio.sdk.HttpClient``. With a ``credential`` the usual headers for keys are
    taken from it alone. ``timeout_s`` and ``idle_s`` hold where the library sets none."""

    def __init__(
        self,
        http: Any,
        *,
        credential: str | None = None,
        timeout_s: float = _DEFAULT_TIMEOUT_S,
        idle_s: float = 300.0,
        max_bytes: int = 256 << 20,
    ) -> None:
        self._http = http
        self._credential = credential
        self._timeout_s = timeout_s
        self._idle_s = idle_s
        self._max_bytes = max_bytes

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raises SageError for what is refused, and httpx2's own errors for what went wrong on the way, so
        that a library tries again as it would."""
        stack = AsyncExitStack()
        try:
            answer = await stack.enter_async_context(
                self._http.stream(
                    request.method,
                    str(request.url),
                    headers=self._headers(request),
                    content=await request.aread() or None,
                    timeout_s=self._timeout_s,
                    idle_s=self._idle_s,
                    max_bytes=self._max_bytes,
                    follow=False,
                    **({"credential": self._credential} if self._credential else {}),
                )
            )
        except SageError as error:
            await stack.aclose()
            raise _as_httpx2(error, request) from error
        except BaseException:
            await stack.aclose()
            raise
        return httpx2.Response(
            answer.status,
            headers=answer.plain_headers(),
            stream=_Body(answer, stack, request),
            request=request,
        )

    def _headers(self, request: httpx2.Request) -> dict[str, str]:
        return {
            name: value
            for name, value in request.headers.items()
            if not steers_connection(name) and not (self._credential and name.lower() in _CREDENTIAL_HEADERS)
        }


class _Body(httpx2.AsyncByteStream):
    def __init__(self, answer: Any, stack: AsyncExitStack, request: httpx2.Request) -> None:
        self._answer = answer
        self._stack = stack
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in self._answer.chunks():
                yield part
        except SageError as error:
            raise _as_httpx2(error, self._request) from error

    async def aclose(self) -> None:
        await self._stack.aclose()


def _as_httpx2(error: SageError, request: httpx2.Request) -> Exception:
    """What a library may try again, in its own words; the rest as it is."""
    if not error.can_retry:
        return error
    kind = httpx2.ReadTimeout if error.code is TIMEOUT else httpx2.ConnectError
    return kind(error.message("en"), request=request)


def guarded_transport(policy: EgressPolicy, *, trusted_urls: Iterable[str] = ()) -> GuardedTransport:
    """A transport for a service of the operator's: ``trusted_urls`` are reached wherever they lie."""
    origins = policy.origins | frozenset(trusted_urls)
    return GuardedTransport(GuardedClient(replace(policy, origins=origins)))
