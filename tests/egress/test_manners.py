"""Servers that misbehave, and secrets on the way."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator
from ipaddress import ip_network
from typing import Any

import pytest

from sage_studio.egress import EgressPolicy, GuardedClient, RequestSecret
from sage_studio.kernel import SageError
from tests.egress.raw_server import endless, raw_server, saying, silent
from tests.servers.http import Answer, ScriptedServer

CLIENT = GuardedClient(EgressPolicy(networks=(ip_network("127.0.0.0/8"),)))
OK = b"HTTP/1.1 200 OK\r\n"
LIMIT = 100_000


async def code_of(port: int, **more: Any) -> str:
    with pytest.raises(SageError) as caught:
        await CLIENT.request("GET", f"http://127.0.0.1:{port}/", **{"max_bytes": LIMIT, **more})
    return caught.value.code.code


async def streamed_code(port: int, **more: Any) -> str:
    with pytest.raises(SageError) as caught:
        async with CLIENT.stream(
            "GET", f"http://127.0.0.1:{port}/", **{"max_bytes": LIMIT, **more}
        ) as answer:
            await answer.read()
    return caught.value.code.code


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(content), content)


_BOMB = gzip.compress(b"\0" * 200_000_000)
_DEFLATED = zlib.compress(b"\0" * 50_000_000)
ILL = {
    "headers without end": (endless(OK, b"X-More: " + b"x" * 1000 + b"\r\n"), {"http.unreachable"}),
    "a line without end": (endless(OK + b"X: ", b"x" * 1000), {"http.unreachable"}),
    "informational answers without end": (
        endless(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        {"http.timeout"},
    ),
    "a body without end": (endless(OK + b"\r\n", b"x" * 10_000), {"http.too_large"}),
    "chunks without end": (
        endless(OK + b"Transfer-Encoding: chunked\r\n\r\n", chunk(b"x" * 10_000)),
        {"http.too_large"},
    ),
    "a giant that says so": (
        endless(OK + b"Content-Length: 99999999999\r\n\r\n", b"x" * 10_000),
        {"http.too_large"},
    ),
    "a bomb": (
        saying(OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(_BOMB), _BOMB),
        {"http.too_large"},
    ),
    "a bomb, deflated": (
        saying(OK + b"Content-Encoding: deflate\r\nContent-Length: %d\r\n\r\n" % len(_DEFLATED), _DEFLATED),
        {"http.too_large"},
    ),
    "packed twice": (saying(OK + b"Content-Encoding: gzip, gzip\r\n\r\n", b"x"), {"http.bad_answer"}),
    "packed as br": (saying(OK + b"Content-Encoding: br\r\n\r\n", b"x"), {"http.bad_answer"}),
    "packed as zstd": (saying(OK + b"Content-Encoding: zstd\r\n\r\n", b"x"), {"http.bad_answer"}),
    "cut off in its packing": (
        saying(OK + b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n", gzip.compress(b"x" * 1000)[:20]),
        {"http.bad_answer"},
    ),
    "cut off": (saying(OK + b"Content-Length: 10\r\n\r\n", b"half"), {"http.unreachable"}),
    "another protocol": (
        saying(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
        {"http.bad_answer", "http.unreachable"},
    ),
    "no HTTP at all": (saying(b"220 mail ready\r\n"), {"http.unreachable"}),
    "nothing": (saying(b""), {"http.unreachable"}),
    "lengths at odds": (
        saying(OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", b"xxxxxx"),
        {"http.unreachable"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ILL)
async def test_an_ill_mannered_server_ends_in_a_clear_error(name: str) -> None:
    behave, codes = ILL[name]
    timeout_s = 0.2 if "http.timeout" in codes else 60
    async with raw_server(behave) as port:
        assert await code_of(port, timeout_s=timeout_s) in codes
        assert await streamed_code(port, timeout_s=timeout_s, idle_s=timeout_s) in codes


async def test_whoever_says_nothing_is_not_waited_for_without_end() -> None:
    async with raw_server(silent) as port:
        assert await code_of(port, timeout_s=0.05) == "http.timeout"
        assert await streamed_code(port, timeout_s=0.05) == "http.timeout"


async def test_a_byte_now_and_then_does_not_keep_a_request_open() -> None:
    """A slow loris the other way round: the whole exchange has a limit, not only its pauses."""

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b"Content-Length: 100000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with raw_server(drip) as port:
        assert await code_of(port, timeout_s=0.3) == "http.timeout"


async def test_a_pause_in_a_stream_ends_it() -> None:
    async def pause(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b"Content-Length: 100\r\n\r\nfirst")
        await silent(reader, writer)

    async with (
        raw_server(pause) as port,
        CLIENT.stream("GET", f"http://127.0.0.1:{port}/", idle_s=0.1) as answer,
    ):
        chunks = answer.chunks()
        assert await anext(chunks) == b"first"
        with pytest.raises(SageError) as caught:
            await anext(chunks)
    assert caught.value.code.code == "http.timeout"


async def test_a_stream_that_is_left_is_hung_up_on() -> None:
    over = asyncio.Event()

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK + b"Content-Length: 100\r\n\r\nfirst")
        await silent(reader, writer)
        over.set()

    async with raw_server(speak) as port:
        async with CLIENT.stream("GET", f"http://127.0.0.1:{port}/") as answer:
            assert await anext(answer.chunks()) == b"first"
        async with asyncio.timeout(60):
            await over.wait()


async def test_an_upload_goes_out_as_it_is_made_and_cannot_be_redirected() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"one ", b"two"):
            yield piece

    got: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        got.append(head.lower())
        got.append(await reader.readexactly(7))
        writer.write(OK + b"Content-Length: 4\r\n\r\ndone")

    async with raw_server(take) as port:
        url = f"http://127.0.0.1:{port}/"
        async with CLIENT.stream("PUT", url, content=pieces(), content_length=7) as answer:
            assert await answer.read() == b"done"
    assert b"content-length: 7" in got[0]
    assert got[1] == b"one two"
    with ScriptedServer() as server:
        server.answers["/u"] = Answer(307, "", {"Location": "/elsewhere"})
        with pytest.raises(SageError) as caught:
            async with CLIENT.stream("POST", f"{server.url}/u", content=pieces(), content_length=7):
                pass
    assert caught.value.code.code == "http.once_only"


# Secrets on the way


@pytest.mark.parametrize(
    "name", ["Authorization", "X-Api-Key", "X-Shopify-Access-Token", "PRIVATE-TOKEN", "Cookie", "api-key"]
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_what_people_typed_into_headers_does_not_leave_its_origin(name: str, status: int) -> None:
    with ScriptedServer() as first, ScriptedServer() as second:
        first.answers["/a"] = Answer(status, "", {"Location": "/b"})
        first.answers["/b"] = Answer(status, "", {"Location": f"{second.url}/c"})
        second.answers["/c"] = Answer(status, "", {"Location": f"{first.url}/d"})
        first.answers["/d"] = Answer(200, "")
        await CLIENT.request("GET", f"{first.url}/a", headers={name: "s3cret", "Accept": "text/plain"})
        assert [asked.headers.get(name) for asked in first.asked] == ["s3cret", "s3cret", None]
        assert name not in second.asked[0].headers
        assert second.asked[0].headers["Accept"] == "text/plain"


async def test_a_credential_follows_only_to_its_hosts_and_ports() -> None:
    with ScriptedServer() as first, ScriptedServer() as second:
        first.answers["/a"] = Answer(302, "", {"Location": f"{second.url}/b"})
        second.answers["/b"] = Answer(302, "", {"Location": f"{first.url}/c"})
        first.answers["/c"] = Answer(200, "")
        secret = RequestSecret((f"127.0.0.1:{first.port}",), {"X-Key": "s3cret"}, {"key": "s3cret"})
        await CLIENT.request("GET", f"{first.url}/a", secret=secret)
        assert [asked.headers.get("X-Key") for asked in first.asked] == ["s3cret", "s3cret"]
        assert first.asked[0].path == "/a?key=s3cret"
        assert "X-Key" not in second.asked[0].headers
        assert "s3cret" not in second.asked[0].path


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:0/", "http://127.0.0.1:65536/", "http://user:pass@127.0.0.1/", "http:///x",
        "http://127.0.0.1\r\nHost: evil/", "http://exa mple/", "gopher://127.0.0.1/", "http://[::1",
        "http://" + "a" * 300 + ".example/", "//127.0.0.1/", "http://127.0.0.1:80:80/", "file:///etc/passwd",
        "http://127.0.0.1/" + "x" * 9_000,
    ],
)  # fmt: skip
async def test_addresses_that_are_none_are_said_to_be_none(url: str) -> None:
    with pytest.raises(SageError) as caught:
        await CLIENT.request("GET", url)
    assert caught.value.code.code in {"http.bad_url", "http.unreachable"}


async def test_a_path_cannot_break_out_of_its_line() -> None:
    with ScriptedServer() as server:
        server.answers["/%0D%0AX-Injected:%201"] = Answer(200, "")
        with pytest.raises(SageError):
            await CLIENT.request("GET", f"{server.url}/\r\nX-Injected: 1")
        assert all("X-Injected" not in asked.headers for asked in server.asked)
