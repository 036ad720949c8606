"""One request of an exchange: what may be in it, and what a redirect makes of it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import httpx

from sage_studio.egress.errors import BAD_HEADER, BAD_URL, ONCE_ONLY
from sage_studio.egress.secrets import RequestSecret, port_of
from sage_studio.kernel import SageError

Content: TypeAlias = bytes | AsyncIterator[bytes] | None
MAX_URL_LENGTH = 8_000
REDIRECTING = frozenset({301, 302, 303, 307, 308})
_OWN_HEADERS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect"}
)
# What a redirect to another origin takes along: nothing anybody could have put a secret into.
_IMPERSONAL = frozenset(
    {
        "accept", "accept-encoding", "accept-language", "cache-control", "content-encoding",
        "content-language", "content-type", "if-modified-since", "if-none-match", "range", "user-agent",
    }
)  # fmt: skip
_HEADER_NAME = re.compile(r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,200}$")
_BREAKS = re.compile(r"[\r\n\x00]")


@dataclass(frozen=True, slots=True)
class Hop:
    method: str
    url: httpx.URL
    headers: dict[str, str]
    content: Content

    def with_secret(self, secret: RequestSecret | None) -> Hop:
        """This request with a credential in its place, if it may go there."""
        if secret is None or not secret.fits(self.url):
            return self
        added = dict(secret.headers)
        url = self.url.copy_merge_params(dict(secret.params)) if secret.params else self.url
        if secret.sign is not None:
            if not (self.content is None or isinstance(self.content, bytes)):
                raise SageError(ONCE_ONLY, {"what": "signed"})
            added |= secret.sign(self.method, str(url), self.content or b"")
        taken = {name.lower() for name in added}
        headers = {name: value for name, value in self.headers.items() if name.lower() not in taken}
        return replace(self, url=url, headers={**headers, **added})


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


def checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
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


def steers_connection(name: str) -> bool:
    """Whether a header is the client's own business."""
    return name.lower() in _OWN_HEADERS or name.lower().startswith("proxy-")


def is_downgrade(before: httpx.URL, after: httpx.URL) -> bool:
    """Whether a redirect leaves encryption: a secret must not follow, not even to its own host."""
    return before.scheme == "https" and after.scheme != "https"


def next_hop(hop: Hop, status: int, target: str) -> Hop:
    """The request a redirect asks for (RFC 9110, 15.4).

    Toward another origin only headers go along that cannot hold a secret: people put keys into headers of
    any name. Raises SageError ``http.bad_url`` and ``http.once_only``.
    """
    try:
        joined = str(hop.url.join(target))
    except (httpx.InvalidURL, ValueError) as error:
        raise SageError(BAD_URL, {"url": target[:200], "reason": "it cannot be read"}) from error
    url = checked_url(joined)
    headers = hop.headers
    if (url.scheme, url.host, port_of(url)) != (hop.url.scheme, hop.url.host, port_of(hop.url)):
        headers = {name: value for name, value in headers.items() if name.lower() in _IMPERSONAL}
    becomes_get = (status == 303 and hop.method != "HEAD") or (status in {301, 302} and hop.method == "POST")
    if becomes_get:
        headers = {name: value for name, value in headers.items() if not name.lower().startswith("content-")}
        return Hop("GET", url, headers, None)
    if not (hop.content is None or isinstance(hop.content, bytes)):
        raise SageError(ONCE_ONLY, {"what": "redirected"})
    return replace(hop, url=url, headers=headers)
