"""The guarded client against a real server."""

from __future__ import annotations

import asyncio
import gzip
import socket
import zlib
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest

from sage_studio.egress import EgressPolicy, GuardedClient, RequestSecret, checked_url
from sage_studio.kernel import SageError
from tests.servers.http import Answer, ScriptedServer

OPEN = EgressPolicy(networks=(ip_network("127.0.0.0/8"), ip_network("::1/128")))


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


async def error_of(client: GuardedClient, url: str, **arguments: Any) -> SageError:
    with pytest.raises(SageError) as caught:
        await client.request("GET", url, **arguments)
    return caught.value


async def test_loopback_is_refused_by_any_name(server: ScriptedServer) -> None:
    for host in (
        "127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f000001",
        "[::1]",
        "[::ffff:127.0.0.1]",
    ):
        error = await error_of(GuardedClient(EgressPolicy()), f"http://{host}:{server.port}/")
        assert error.code.code in {"http.refused", "http.unreachable", "http.bad_url"}, host
    assert server.asked == []


async def test_a_name_that_resolves_to_both_worlds_is_refused(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One private address among public ones is enough."""

    async def both(*_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, 1, 6, "", ("1.1.1.1", 80)), (socket.AF_INET, 1, 6, "", ("127.0.0.1", 80))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", both)
    error = await error_of(GuardedClient(EgressPolicy()), f"http://mixed.example:{server.port}/")
    assert error.code.code == "http.refused"


async def test_a_redirect_is_held_to_the_same_rules(server: ScriptedServer) -> None:
    own = f"{server.url}/public"
    server.answers["/public"] = Answer(302, "", {"Location": "/private"})
    error = await error_of(GuardedClient(EgressPolicy(urls=frozenset({own}))), own)
    assert error.code.code == "http.refused"
    assert [asked.path for asked in server.asked] == ["/public"]


async def test_a_redirect_to_another_kind_of_address_is_refused(server: ScriptedServer) -> None:
    server.answers["/f"] = Answer(302, "", {"Location": "file:///etc/passwd"})
    assert (await error_of(GuardedClient(OPEN), server.url + "/f")).code.code == "http.bad_url"


async def test_an_own_address_is_reached_where_loopback_is_closed(server: ScriptedServer) -> None:
    server.answers["/healthz"] = Answer(200, "fine")
    client = GuardedClient(EgressPolicy(urls=frozenset({f"{server.url}/healthz"})))
    assert (await client.request("GET", f"{server.url}/healthz")).text() == "fine"
    assert (await error_of(client, f"{server.url}/admin")).code.code == "http.refused"


async def test_personal_headers_and_secrets_stay_with_their_host(server: ScriptedServer) -> None:
    server.answers["/a"] = Answer(307, "", {"Location": f"http://localhost:{server.port}/b"})
    server.answers["/b"] = Answer(200, "ok")
    await GuardedClient(OPEN).request(
        "GET",
        server.url + "/a",
        headers={"Authorization": "Basic x", "Cookie": "y", "X-Other": "z", "Accept": "text/plain"},
        secret=RequestSecret(("127.0.0.1",), {"X-Key": "secret"}),
    )
    first, second = (asked.headers for asked in server.asked)
    assert (first["X-Key"], first["Authorization"]) == ("secret", "Basic x")
    assert {"X-Key", "Authorization", "Cookie", "X-Other"}.isdisjoint(second)
    assert second["Accept"] == "text/plain"


async def test_a_post_becomes_a_get_as_browsers_do_and_307_keeps_it(server: ScriptedServer) -> None:
    server.answers["/303"] = Answer(303, "", {"Location": "/end"})
    server.answers["/307"] = Answer(307, "", {"Location": "/end"})
    server.answers["/end"] = Answer(200, "")
    client = GuardedClient(OPEN)
    await client.request("POST", server.url + "/303", content=b"x")
    await client.request("POST", server.url + "/307", content=b"x")
    ends = [(asked.method, asked.body) for asked in server.asked if asked.path == "/end"]
    assert ends == [("GET", b""), ("POST", b"x")]


async def test_redirects_in_a_circle_end(server: ScriptedServer) -> None:
    server.answers["/c"] = Answer(302, "", {"Location": "/c"})
    assert (await error_of(GuardedClient(OPEN), server.url + "/c")).code.code == "http.redirects"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "raw"])
async def test_packed_answers_are_unpacked_and_bombs_are_not(server: ScriptedServer, encoding: str) -> None:
    def pack(content: bytes) -> bytes:
        if encoding == "gzip":
            return gzip.compress(content)
        if encoding == "deflate":
            return zlib.compress(content)
        packer = zlib.compressobj(wbits=-15)
        return packer.compress(content) + packer.flush()

    header = {"Content-Encoding": "deflate" if encoding == "raw" else encoding}
    server.answers["/s"] = Answer(200, pack(b"small"), header)
    server.answers["/b"] = Answer(200, pack(b"\0" * 50_000_000), header)
    client = GuardedClient(OPEN)
    assert (await client.request("GET", server.url + "/s")).content == b"small"
    error = await error_of(client, server.url + "/b", max_bytes=1_000_000)
    assert error.code.code == "http.too_large"


async def test_broken_and_unknown_packing_is_an_error(server: ScriptedServer) -> None:
    server.answers["/x"] = Answer(200, b"not gzip", {"Content-Encoding": "gzip"})
    server.answers["/y"] = Answer(200, b"?", {"Content-Encoding": "br"})
    for path in ("/x", "/y"):
        assert (await error_of(GuardedClient(OPEN), server.url + path)).code.code == "http.bad_answer"


@pytest.mark.parametrize(
    "headers", [{"Host": "x"}, {"Content-Length": "1"}, {"A": "b\r\nC: d"}, {"A b": "c"}, {"Proxy-X": "y"}]
)
async def test_headers_that_steer_the_connection_are_refused(
    server: ScriptedServer, headers: dict[str, str]
) -> None:
    error = await error_of(GuardedClient(OPEN), server.url, headers=headers)
    assert error.code.code == "http.bad_header"
    assert server.asked == []


async def test_a_slow_answer_ends_at_the_limit(server: ScriptedServer) -> None:
    server.answers["/slow"] = Answer(200, "late", delay_s=20)
    error = await error_of(GuardedClient(OPEN), server.url + "/slow", timeout_s=0.2)
    assert (error.code.code, error.can_retry) == ("http.timeout", True)
    server.released.set()


async def test_a_closed_port_and_an_unknown_name_can_be_retried() -> None:
    client = GuardedClient(OPEN)
    for url in ("http://127.0.0.1:9/", "http://no-such-name.invalid/"):
        error = await error_of(client, url)
        assert (error.code.code, error.can_retry) == ("http.unreachable", True)


async def test_text_is_read_by_its_charset(server: ScriptedServer) -> None:
    server.answers["/g"] = Answer(
        200, "中文".encode("gb18030"), {"Content-Type": "text/plain; charset=GB18030"}
    )
    assert (await GuardedClient(OPEN).request("GET", server.url + "/g")).text() == "中文"


@pytest.mark.parametrize("charset", ["punycode", "idna", "undefined", "utf-7", "unicode_escape", "nonsense"])
async def test_a_charset_no_page_is_written_in_is_read_as_utf_8(server: ScriptedServer, charset: str) -> None:
    """``punycode`` would take minutes over an answer of this size, the others break or forge texts."""
    body = b"a" * 1_000_000 + rb"-\ud800+2AA-"
    server.answers["/c"] = Answer(200, body, {"Content-Type": f"text/plain; charset={charset}"})
    assert (await GuardedClient(OPEN).request("GET", server.url + "/c")).text() == body.decode()


@pytest.mark.parametrize("target", ["http://[", "http://x:99999/", "//:0"])
async def test_a_redirect_to_no_address_is_an_error(server: ScriptedServer, target: str) -> None:
    server.answers["/a"] = Answer(302, "", {"Location": target})
    error = await error_of(GuardedClient(OPEN), server.url + "/a")
    assert error.code.code in {"http.bad_url", "http.unreachable"}


def test_a_secret_fits_names_outside_ascii_as_they_are_looked_up() -> None:
    secret = RequestSecret(("xn--bcher-kva.example",), {"X-Key": "secret"})
    assert secret.fits(checked_url("https://bücher.example/"))
    assert secret.fits(checked_url("https://xn--bcher-kva.example./"))
