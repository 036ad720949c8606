"""Which network addresses a request may go to.

The ranges are listed here rather than asked of ``ipaddress.is_global``, whose answers differ
between Python releases. Sources: the IANA special-purpose registries for IPv4 and IPv6, and the
metadata addresses of cloud providers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

IpAddress = IPv4Address | IPv6Address
IpNetwork = IPv4Network | IPv6Network


def _networks(*ranges: str) -> tuple[IpNetwork, ...]:
    return tuple(ip_network(text) for text in ranges)


_DENIED = _networks(
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
    "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    "::/8", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
    "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
)  # fmt: skip
_METADATA: frozenset[IpAddress] = frozenset(
    map(ip_address, ("169.254.169.254", "169.254.170.2", "100.100.100.200", "fd00:ec2::254"))
)
_NAT64 = IPv6Network("64:ff9b::/96")


def plain(address: IpAddress) -> IpAddress:
    """The IPv4 address inside a mapped or NAT64 one: that is where a packet would arrive."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """What is allowed beyond the public network.

    ``networks`` are private ranges an operator opened. ``urls`` are exact addresses (scheme, host,
    port and path) of the instance's own public routes, and ``origins`` whole services of the operator's
    (``http://127.0.0.1:9000``); both are reached wherever they lie.
    """

    networks: tuple[IpNetwork, ...] = ()
    urls: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()

    def allows(self, address: IpAddress) -> bool:
        """Whether a connection may be made; metadata services never."""
        target = plain(address)
        if target in _METADATA:
            return False
        if _within(target, self.networks):
            return True
        return not _within(target, _DENIED)

    def allows_anyway(self, url: str) -> bool:
        """Whether this address is one of ``urls``, apart from its query, or one of ``origins``."""
        place = _bare(url)
        return place in map(_bare, self.urls) or place[:3] in (_bare(own)[:3] for own in self.origins)


def _within(address: IpAddress, networks: Iterable[IpNetwork]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _bare(url: str) -> tuple[str, str, int, str]:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.scheme, (parts.hostname or "").lower(), port, parts.path or "/"
