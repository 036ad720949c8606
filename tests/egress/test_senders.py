"""The same matrix of forbidden places for everything that opens a connection."""

from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from sage_studio.egress import EgressPolicy, ForwardProxy, GuardedClient, RequestSecret
from sage_studio.egress.errors import BAD_URL
from sage_studio.egress.httpx2_transport import GuardedTransport, guarded_transport
from sage_studio.kernel import SageError
from sage_studio.plugins.host_http import HostHttp
from tests.egress.raw_server import raw_server, saying
from tests.servers.http import Answer, ScriptedServer

# Every way to write an address that must not be reached: by number, by name, in disguise.
FORBIDDEN = [
    "127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "0.0.0.0",
    "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "169.254.1.1", "169.254.169.254",
    "100.100.100.200", "198.18.0.1", "224.0.0.1", "255.255.255.255", "192.0.2.1",
    "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:a9fe:a9fe]", "[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]",
    "[2002:7f00:1::]", "[fd00:ec2::254]", "[fe80::1]", "[fc00::1]", "[ff02::1]", "localhost.",
]  # fmt: skip
REFUSALS = {"http.refused", "http.unreachable", "http.bad_url"}
CLOSED = GuardedClient(EgressPolicy())


class NoCredentials:
    """A vault with one secret, for one host."""

    async def request_secret(self, name: str, host: str, port: int | None) -> RequestSecret:
        return RequestSecret(("127.0.0.1",), {"X-Key": "s3cret"})

    async def allow(self, name: str, host: str, port: int | None) -> None:
        raise AssertionError("not asked here")


async def by_request(host: str, port: int) -> None:
    await CLOSED.request("GET", f"http://{host}:{port}/")


async def by_stream(host: str, port: int) -> None:
    async with CLOSED.stream("GET", f"http://{host}:{port}/"):
        pass


async def by_connect(host: str, port: int) -> None:
    await CLOSED.connect(host.strip("[]"), port)


async def by_address(host: str, port: int) -> None:
    await CLOSED.address(host.strip("[]"), port)


async def by_httpx2(host: str, port: int) -> None:
    async with httpx2.AsyncClient(transport=guarded_transport(EgressPolicy())) as client:
        try:
            await client.get(f"http://{host}:{port}/")
        except httpx2.InvalidURL as error:
            raise SageError(BAD_URL, {"url": host, "reason": "the library does not take it"}) from error
        except httpx2.ConnectError as error:
            raise error.__cause__ or error from None


async def by_tunnel(host: str, port: int) -> None:
    await through_proxy(f"CONNECT {host}:{port} HTTP/1.1")


async def by_forwarding(host: str, port: int) -> None:
    await through_proxy(f"GET http://{host}:{port}/ HTTP/1.1")


async def through_proxy(first_line: str) -> None:
    """Raises what the proxy met."""
    async with ForwardProxy(CLOSED.address) as proxy:
        status = await ask_proxy(proxy.url, first_line)
        assert status in {403, 400, 502}, status
        if proxy.refused:
            raise proxy.refused[0]
        raise AssertionError(f"the proxy answered {status} without a reason")


async def ask_proxy(url: str, first_line: str, *more: str, secret: str | None = None) -> int:
    parts = urlsplit(url)
    pair = f"{parts.username}:{secret if secret is not None else parts.password}"
    token = base64.b64encode(pair.encode()).decode()
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    lines = [first_line, "Host: x", f"Proxy-Authorization: Basic {token}", *more, "", ""]
    writer.write("\r\n".join(lines).encode())
    answer = await reader.readline()
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return int(answer.split()[1]) if answer else 0


Sender = Callable[[str, int], Awaitable[None]]
SENDERS: list[Sender] = [
    by_request, by_stream, by_connect, by_address, by_httpx2, by_tunnel, by_forwarding,
]  # fmt: skip


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a system says that knows all the old ways to write an address (some do, some do not), so that
    no test asks a name server."""
    known = {
        "localhost": ["127.0.0.1", "::1"],
        "127.1": ["127.0.0.1"],
        "2130706433": ["127.0.0.1"],
        "0x7f000001": ["127.0.0.1"],
        "0177.0.0.1": ["127.0.0.1"],
        "0": ["0.0.0.0"],
        "inside.example": ["10.0.0.7"],
        "mixed.example": ["93.184.216.34", "127.0.0.1"],
        "xn--bcher-kva.example": ["192.168.1.1"],
    }
    real = asyncio.BaseEventLoop.getaddrinfo

    async def answer(self: Any, host: Any, port: Any, **more: Any) -> Any:
        found = known.get(str(host))
        if found is None:
            return await real(self, host, port, flags=socket.AI_NUMERICHOST, **more)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", answer)


@pytest.mark.usefixtures("resolver")
@pytest.mark.parametrize("sender", SENDERS, ids=lambda sender: sender.__name__)
async def test_no_sender_reaches_a_forbidden_place(sender: Sender) -> None:
    with ScriptedServer() as server:
        for host in (*FORBIDDEN, "inside.example", "mixed.example", "bücher.example"):
            if not host.isascii() and sender in (by_tunnel, by_forwarding):
                continue  # a request line is ASCII
            with pytest.raises(SageError) as caught:
                await sender(host, server.port)
            assert caught.value.code.code in REFUSALS, (host, caught.value)
        assert server.asked == []


@pytest.mark.parametrize("sender", SENDERS, ids=lambda sender: sender.__name__)
async def test_a_name_is_looked_up_once(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is public when it is checked and private when it is used: the answer that was checked is
    the one that counts. Every answer here is one nobody may connect to, or one where nothing listens."""
    asked: list[str] = []

    async def turning(self: Any, host: Any, port: Any, **more: Any) -> Any:
        if host in {"0.0.0.0", "127.0.0.1"}:  # asyncio's own, for the proxy's door
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]
        asked.append(str(host))
        address = "127.0.0.1" if len(asked) > 1 else "10.9.9.9"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", turning)
    with pytest.raises(SageError) as caught:
        await sender("turning.example", 80)
    assert caught.value.code.code == "http.refused"
    assert asked == ["turning.example"]


@pytest.mark.parametrize("name", ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"])
async def test_a_proxy_of_the_environment_is_ignored(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer() as server, ScriptedServer() as proxy:
        server.answers["/"] = Answer(200, "direct")
        monkeypatch.setenv(name, proxy.url)
        client = GuardedClient(open_policy())
        assert (await client.request("GET", f"{server.url}/")).text() == "direct"
        transport = GuardedTransport(client)
        async with httpx2.AsyncClient(transport=transport) as library:
            assert (await library.get(f"{server.url}/")).text == "direct"
        assert proxy.asked == []


def open_policy() -> EgressPolicy:
    return EgressPolicy(networks=(ip_network("127.0.0.0/8"),))


# The forward proxy


async def test_the_proxy_answers_only_to_its_secret() -> None:
    with ScriptedServer() as server:
        server.answers["/a"] = Answer(200, "fine")
        async with ForwardProxy(GuardedClient(open_policy()).address) as proxy:
            line = f"GET {server.url}/a HTTP/1.1"
            assert await ask_proxy(proxy.url, line, secret="wrong") == 407
            assert await ask_proxy(proxy.url, line, secret="") == 407
            assert server.asked == []
            assert await ask_proxy(proxy.url, line) == 200
            address = proxy.url
        with pytest.raises(ConnectionError):
            await ask_proxy(address, line)


async def test_the_proxy_passes_on_nothing_of_its_own() -> None:
    with ScriptedServer() as server:
        server.answers["/a"] = Answer(200, "fine")
        async with ForwardProxy(GuardedClient(open_policy()).address) as proxy:
            assert await ask_proxy(proxy.url, f"GET {server.url}/a?b=1 HTTP/1.1", "X-Mine: 1") == 200
    (asked,) = server.asked
    assert (asked.path, asked.headers["X-Mine"]) == ("/a?b=1", "1")
    assert not any(name.lower().startswith("proxy-") for name in asked.headers)


async def test_the_proxy_refuses_heads_without_end() -> None:
    async with ForwardProxy(GuardedClient(open_policy()).address) as proxy:
        flood = "X-Flood: " + "x" * 100_000
        assert await ask_proxy(proxy.url, "GET http://127.0.0.1/ HTTP/1.1", flood) in {431, 0}


# The transport for libraries


async def test_a_library_on_httpx2_streams_and_its_redirects_are_checked() -> None:
    with ScriptedServer() as server:
        server.answers["/r"] = Answer(302, "", {"Location": "http://10.0.0.1/x"})
        server.answers["/s"] = Answer(200, b"one two")
        http = HostHttp(GuardedClient(open_policy()), NoCredentials(), server.url)
        transport = http.transport(credential="key")
        async with httpx2.AsyncClient(transport=transport, follow_redirects=True) as library:
            headers = {"Authorization": "Bearer dummy", "X-Other": "kept"}
            async with library.stream("GET", f"{server.url}/s", headers=headers) as answer:
                assert b"".join([part async for part in answer.aiter_bytes()]) == b"one two"
            with pytest.raises(SageError) as caught:
                await library.get(f"{server.url}/r")
        assert caught.value.code.code == "http.refused"
        sent = {name.lower(): value for name, value in server.asked[0].headers.items()}
        assert (sent["x-key"], sent["x-other"]) == ("s3cret", "kept")
        assert "authorization" not in sent


async def test_a_library_may_try_again_what_can_be_tried_again() -> None:
    async with raw_server(saying(b"")) as port:
        transport = GuardedTransport(GuardedClient(open_policy()))
        async with httpx2.AsyncClient(transport=transport) as library:
            with pytest.raises(httpx2.ConnectError):
                await library.get(f"http://127.0.0.1:{port}/")


async def test_an_operators_service_is_reached_where_it_lies_and_nothing_else_there() -> None:
    with ScriptedServer() as server:
        server.answers["/v1/x"] = Answer(200, "ok")
        transport = guarded_transport(EgressPolicy(), trusted_urls=[f"{server.url}/v1"])
        async with httpx2.AsyncClient(transport=transport) as library:
            assert (await library.get(f"{server.url}/v1/x")).text == "ok"
            with pytest.raises(SageError):
                await library.get("http://127.0.0.1:1/")
