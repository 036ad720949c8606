"""The guarded HTTP client.

Every hop of a redirect is a new request held to the same rules. A secret is added only toward
the hosts it names, so it vanishes when a redirect leads elsewhere. Sizes are counted after
unpacking, and unpacking stops at the limit.
"""

from __future__ import annotations

import asyncio
import codecs
import json as json_module
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import httpcore
import httpx

from sage_studio.egress.addresses import EgressPolicy
from sage_studio.egress.backend import GuardedBackend
from sage_studio.egress.connecting import open_connection
from sage_studio.egress.errors import (
    BAD_ANSWER,
    BAD_HEADER,
    BAD_URL,
    REDIRECTS,
    TIMEOUT,
    UNREACHABLE,
)
from sage_studio.egress.unpacking import Unpacker
from sage_studio.kernel import Json, SageError

MAX_REDIRECTS = 10
MAX_URL_LENGTH = 8_000
_REDIRECTING = frozenset({301, 302, 303, 307, 308})
_OWN_HEADERS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect"}
)
_PERSONAL_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})
_HEADER_NAME = re.compile(r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,200}$")
# Python knows these as text, but they cost quadratic time or yield halves of surrogate pairs.
_ODD_CODECS = frozenset({"punycode", "idna", "unicode-escape", "raw-unicode-escape", "utf-7", "undefined"})
_BREAKS = re.compile(r"[\r\n\x00]")


@dataclass(frozen=True, slots=True, repr=False)
class SecretHeader:
    """A header with a secret, and the hosts (``name`` or ``name:port``) it may be sent to."""

    name: str
    value: str
    hosts: tuple[str, ...]

    def fits(self, url: httpx.URL) -> bool:
        host = host_of(url)
        return host in self.hosts or f"{host}:{port_of(url)}" in self.hosts


@dataclass(frozen=True, slots=True)
class Response:
    """A finished answer; header names are in lower case, ``url`` is the last hop's."""

    status: int
    headers: Mapping[str, str]
    url: str
    content: bytes

    def text(self) -> str:
        """The body by its declared charset, else UTF-8; what does not fit is replaced."""
        match = re.search(r"charset=[\"']?([\w.-]+)", self.headers.get("content-type", ""), re.IGNORECASE)
        return self.content.decode(_codec(match[1] if match else "utf-8"), "replace")

    def json(self) -> Json:
        """The body as JSON. Raises SageError ``http.bad_answer``."""
        try:
            value: Json = json_module.loads(self.content)
        except (ValueError, RecursionError) as error:
            host = httpx.URL(self.url).host
            raise SageError(BAD_ANSWER, {"host": host, "reason": "it is not valid JSON"}) from error
        return value


def _codec(charset: str) -> str:
    """A codec for what another side declared; UTF-8 for unknown ones and those no page is written in."""
    try:
        name = codecs.lookup(charset).name
        b"".decode(name)  # refuses codecs that are not of texts
    except (LookupError, UnicodeError):
        return "utf-8"
    return "utf-8" if name in _ODD_CODECS else name


@dataclass(frozen=True, slots=True)
class _Hop:
    method: str
    url: httpx.URL
    headers: dict[str, str]
    content: bytes | None


class GuardedClient:
    """Stateless: it may be shared by runs and used on any event loop."""

    def __init__(self, policy: EgressPolicy) -> None:
        self._policy = policy

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
        secret: SecretHeader | None = None,
    ) -> Response:
        """Send a request and follow its redirects. Raises SageError ``http.*``."""
        sent = _checked_headers(headers or {})
        if json is not None:
            content = json_module.dumps(json, ensure_ascii=False).encode()
            sent.setdefault("Content-Type", "application/json")
        address = checked_url(url)
        if params:
            address = address.copy_merge_params(dict(params))
        hop = _Hop(method.upper(), address, sent, content)
        try:
            async with asyncio.timeout(timeout_s):
                return await self._follow(hop, max_bytes, secret)
        except TimeoutError as error:
            raise SageError(TIMEOUT, {"host": address.host, "timeout_s": timeout_s}) from error

    async def connect(
        self, host: str, port: int, *, tls: bool = False, timeout_s: float = 10.0
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection for another protocol, to an address held to the same rules. Raises SageError
        ``http.*``."""
        return await open_connection(self._policy, host, port, tls=tls, timeout_s=timeout_s)

    async def _follow(self, hop: _Hop, max_bytes: int, secret: SecretHeader | None) -> Response:
        first = hop.url.host
        for _count in range(MAX_REDIRECTS + 1):
            response = await self._send(hop, max_bytes, secret)
            target = response.headers.get("location")
            if response.status not in _REDIRECTING or not target:
                return response
            before, hop = hop, _next_hop(hop, response.status, target)
            if is_downgrade(before.url, hop.url):
                secret = None
        raise SageError(REDIRECTS, {"host": first, "limit": MAX_REDIRECTS})

    async def _send(self, hop: _Hop, max_bytes: int, secret: SecretHeader | None) -> Response:
        headers = dict(hop.headers)
        if secret is not None and secret.fits(hop.url):
            headers = {name: value for name, value in headers.items() if name.lower() != secret.name.lower()}
            headers[secret.name] = secret.value
        host = hop.url.host
        checked = not self._policy.allows_anyway(str(hop.url))
        transport = _GuardedTransport(GuardedBackend(self._policy, checked=checked))
        try:
            async with (
                httpx.AsyncClient(transport=transport, trust_env=False, timeout=None) as client,  # noqa: S113 - request() bounds the whole exchange
                client.stream(hop.method, hop.url, headers=headers, content=hop.content) as answer,
            ):
                body = await _body(answer, host, max_bytes)
        except (httpx.HTTPError, httpcore.NetworkError, httpx.InvalidURL, OSError) as error:
            raise SageError(UNREACHABLE, {"host": host, "reason": _reason(error)}) from error
        return Response(answer.status_code, _joined(answer.headers), str(hop.url), body)


class _GuardedTransport(httpx.AsyncHTTPTransport):
    """httpx's transport over a pool that connects through our backend."""

    def __init__(self, backend: GuardedBackend) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=_tls(), network_backend=backend, max_connections=1, http1=True, http2=False
        )


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context(trust_env=False)


async def _body(answer: httpx.Response, host: str, max_bytes: int) -> bytes:
    unpacker = Unpacker(answer.headers.get("content-encoding", ""), host, max_bytes)
    return b"".join([unpacker.feed(chunk) async for chunk in answer.aiter_raw()])


def _joined(headers: httpx.Headers) -> dict[str, str]:
    return {name: ", ".join(headers.get_list(name)) for name in headers}


def _reason(error: Exception) -> str:
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)):
        return "the certificate is not valid" if "CERTIFICATE" in str(error) else "no connection"
    if isinstance(error, httpx.RemoteProtocolError):
        return "it broke off or does not speak HTTP"
    return type(error).__name__


def host_of(url: httpx.URL) -> str:
    """The name a request goes to as it is looked up: in ASCII, without a dot at the end."""
    return url.raw_host.decode("ascii").lower().removesuffix(".")


def port_of(url: httpx.URL) -> int:
    """The port a request goes to, named or not."""
    if url.port is not None:
        return url.port
    return 443 if url.scheme == "https" else 80


def checked_url(url: str) -> httpx.URL:
    """An address that can be called. Raises SageError ``http.bad_url``."""
    shown = url[:200]
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise SageError(BAD_URL, {"url": shown, "reason": "it cannot be read"}) from error
    reason = ""
    if len(url) > MAX_URL_LENGTH:
        reason = f"it is longer than {MAX_URL_LENGTH} characters"
    elif parsed.scheme not in {"http", "https"}:
        reason = "it must begin with https:// or http://"
    elif not parsed.host:
        reason = "it names no host"
    elif not 0 < port_of(parsed) < 1 << 16:
        reason = "there is no such port"
    elif parsed.userinfo:
        reason, shown = "it holds a name or password", parsed.host
    if reason:
        raise SageError(BAD_URL, {"url": shown, "reason": reason})
    return parsed.copy_with(fragment=None)


def _checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Raises SageError ``http.bad_header``."""
    for name, value in headers.items():
        unfit = (
            not _HEADER_NAME.match(name) or name.lower() in _OWN_HEADERS or name.lower().startswith("proxy-")
        )
        if unfit or _BREAKS.search(value):
            raise SageError(BAD_HEADER, {"name": name[:100]})
    sent = {name: value for name, value in headers.items() if name.lower() != "accept-encoding"}
    sent["Accept-Encoding"] = "gzip, deflate"
    if not any(name.lower() == "user-agent" for name in sent):
        sent["User-Agent"] = "sage-studio"
    return sent


def is_downgrade(before: httpx.URL, after: httpx.URL) -> bool:
    """Whether a redirect leaves encryption: a secret must not follow, not even to its own host."""
    return before.scheme == "https" and after.scheme != "https"


def _next_hop(hop: _Hop, status: int, target: str) -> _Hop:
    """The request a redirect asks for (RFC 9110, 15.4); what is personal stays with its origin."""
    try:
        joined = str(hop.url.join(target))
    except (httpx.InvalidURL, ValueError) as error:
        raise SageError(BAD_URL, {"url": target[:200], "reason": "it cannot be read"}) from error
    url = checked_url(joined)
    headers = hop.headers
    if (url.scheme, url.host, url.port) != (hop.url.scheme, hop.url.host, hop.url.port):
        headers = {name: value for name, value in headers.items() if name.lower() not in _PERSONAL_HEADERS}
    becomes_get = (status == 303 and hop.method != "HEAD") or (status in {301, 302} and hop.method == "POST")
    if not becomes_get:
        return replace(hop, url=url, headers=headers)
    headers = {name: value for name, value in headers.items() if name.lower() != "content-type"}
    return _Hop("GET", url, headers, None)
