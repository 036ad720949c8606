"""What a credential adds to a request, and where alone it may go.

The client asks ``fits`` before every hop, so that a secret vanishes when a redirect leads elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx

# (method, address, body) → headers made for this one request: a signature.
Sign = Callable[[str, str, bytes], Mapping[str, str]]


@dataclass(frozen=True, slots=True, repr=False)
class RequestSecret:
    """Headers and query parameters with a secret, and the hosts (``name`` or ``name:port``) they may be
    sent to. ``sign`` makes further headers out of the request itself."""

    hosts: tuple[str, ...]
    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    sign: Sign | None = None

    def fits(self, url: httpx.URL) -> bool:
        """Whether it may be sent to this address."""
        return host_is_allowed(self.hosts, host_of(url), port_of(url))


def host_is_allowed(allowed: tuple[str, ...], host: str, port: int | None = None) -> bool:
    """Whether exactly this host is named; one named with a port allows that port only."""
    name = plain_host(host)
    return name in allowed or (port is not None and f"{name}:{port}" in allowed)


def plain_host(host: str) -> str:
    """A host's name as it is looked up and compared: ASCII, lower case, no dot at the end, no brackets."""
    name = host.strip().lower().removesuffix(".")
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1]
    if name.isascii():
        return name
    try:
        return httpx.URL(scheme="https", host=name).raw_host.decode("ascii")
    except (httpx.InvalidURL, ValueError):
        return name


def host_of(url: httpx.URL) -> str:
    """The name a request goes to as it is looked up: in ASCII, without a dot at the end."""
    return plain_host(url.raw_host.decode("ascii"))


def port_of(url: httpx.URL) -> int:
    """The port a request goes to, named or not."""
    if url.port is not None:
        return url.port
    return 443 if url.scheme == "https" else 80
