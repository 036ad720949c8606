"""Forwarded headers are believed only from configured networks."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from apps.common.proxies import behind_trusted_proxies

TRUSTED = [ipaddress.ip_network("10.0.0.0/8")]


async def seen_by_app(client: str, headers: dict[bytes, bytes], kind: str = "http") -> dict[str, Any]:
    scopes: list[dict[str, Any]] = []

    async def inner(scope: dict[str, Any], _receive: Any, _send: Any) -> None:
        scopes.append(scope)

    scheme = "http" if kind == "http" else "ws"
    scope = {"type": kind, "client": [client, 4], "scheme": scheme, "headers": list(headers.items())}
    await behind_trusted_proxies(inner, TRUSTED)(scope, None, None)
    return scopes[0]


HEADERS = {
    b"x-forwarded-for": b"6.6.6.6, 203.0.113.9, 10.0.0.2",
    b"x-forwarded-proto": b"https",
    b"host": b"a",
}


async def test_a_trusted_proxy_names_the_client_and_the_scheme() -> None:
    scope = await seen_by_app("10.0.0.1", HEADERS)
    assert (scope["client"][0], scope["scheme"]) == ("203.0.113.9", "https")
    assert (await seen_by_app("10.0.0.1", HEADERS, "websocket"))["scheme"] == "wss"


async def test_a_stranger_that_forges_the_headers_is_not_believed() -> None:
    scope = await seen_by_app("198.51.100.1", HEADERS)
    assert (scope["client"][0], scope["scheme"]) == ("198.51.100.1", "http")


@pytest.mark.parametrize("client", ["10.0.0.1", "198.51.100.1"])
async def test_nothing_behind_sees_the_headers(client: str) -> None:
    assert (await seen_by_app(client, HEADERS))["headers"] == [(b"host", b"a")]


async def test_garbage_in_the_header_leaves_the_proxys_own_address() -> None:
    scope = await seen_by_app("10.0.0.1", {b"x-forwarded-for": b"<script>"})
    assert scope["client"][0] == "10.0.0.1"
