"""http_request: pages, streamed answers, files in both directions, other credentials."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sage_studio.plugins.local_host import LocalHost
from sage_studio.plugins.support.http.paging import link_to_next
from tests.nodes.running import failure_of, run_node
from tests.servers.http import Answer, ScriptedServer
from tests.servers.rude import rude_server


async def call(host: LocalHost, url: str, **config: Any) -> Any:
    return await run_node("http_request", host, config={"url": url, **config})


async def failing(host: LocalHost, url: str, **config: Any) -> Any:
    return await failure_of("http_request", host, config={"url": url, "retries": 0, **config})


async def test_pages_are_followed_by_the_link_header(host: LocalHost, server: ScriptedServer) -> None:
    server.answers["/a"] = [
        Answer(200, [1, 2], {"Link": '</a?page=1>; rel="prev", </a?page=2>; title="x, y"; rel="next"'}),
        Answer(200, [3], {"Link": f"<{server.url}/a?page=1>; rel=first"}),
    ]
    made = await call(host, server.url + "/a", paging="link", query={"q": "x"})
    assert (made["items"], made["body"]) == ([1, 2, 3], [3])
    assert [asked.path for asked in server.asked] == ["/a?q=x", "/a?page=2"]


def test_only_the_relation_next_leads_on() -> None:
    assert link_to_next('<a>; rel="nextish", <b>; rel=prev') == ""
    assert link_to_next('<a?x=1,2>; rel="prev next"') == "a?x=1,2"


async def test_pages_are_followed_by_address_cursor_number_and_offset(
    host: LocalHost, server: ScriptedServer
) -> None:
    server.answers["/n"] = [
        Answer(200, {"data": {"rows": [1], "next": "/n?from=2"}}),
        Answer(200, {"data": {"rows": [2], "next": None}}),
    ]
    where = {"items_path": "data.rows", "next_path": "data.next"}
    assert (await call(host, server.url + "/n", paging="next_url", **where))["items"] == [1, 2]
    server.answers["/c"] = [
        Answer(200, {"rows": [1], "meta": {"c": 7}}),
        Answer(200, {"rows": [2], "meta": {}}),
    ]
    cursor = {"items_path": "rows", "next_path": "meta.c", "page_param": "after"}
    assert (await call(host, server.url + "/c", paging="cursor", **cursor))["items"] == [1, 2]
    assert server.asked[-1].path == "/c?after=7"
    server.answers["/p"] = [Answer(200, [1, 2]), Answer(200, [3]), Answer(200, [])]
    assert (await call(host, server.url + "/p", paging="page"))["items"] == [1, 2, 3]
    assert [asked.path for asked in server.asked[-3:]] == ["/p?page=1", "/p?page=2", "/p?page=3"]
    server.answers["/o"] = [Answer(200, [1, 2]), Answer(200, [3]), Answer(200, [])]
    await call(host, server.url + "/o", paging="offset", page_param="skip", first_page=0)
    assert [asked.path for asked in server.asked[-3:]] == ["/o?skip=0", "/o?skip=2", "/o?skip=3"]


async def test_pages_have_limits_and_a_service_that_turns_in_circles_is_left(
    host: LocalHost, server: ScriptedServer
) -> None:
    server.answers["/p"] = Answer(200, [1, 2])
    made = await call(host, server.url + "/p", paging="page", max_pages=3)
    assert (len(made["items"]), len(server.asked)) == (6, 3)
    assert len((await call(host, server.url + "/p", paging="page", max_items=5))["items"]) == 5
    server.asked.clear()
    server.answers["/c"] = Answer(200, {"rows": [1], "next": "same"})
    config = {"paging": "cursor", "items_path": "rows", "page_param": "c"}
    assert (await call(host, server.url + "/c", **config))["items"] == [1, 1]
    assert (await failing(host, server.url + "/c", paging="link"))["code"] == "http_request.no_items"


async def test_answers_come_as_lines_values_events_and_rows(host: LocalHost, server: ScriptedServer) -> None:
    server.answers["/l"] = Answer(200, "\ufeffone\r\ntwo\n\n李".encode())
    assert (await call(host, server.url + "/l", response="lines"))["items"] == ["one", "two", "", "李"]
    server.answers["/j"] = Answer(200, b'{"a": 1}\n\n[2]\r\n"x"')
    made = await call(host, server.url + "/j", response="jsonl")
    assert (made["items"], made["status"], made["body"]) == ([{"a": 1}, [2], "x"], 200, None)
    stream = ': hi\nid: 7\nevent: tick\ndata: {"n":1}\n\ndata: a\ndata: b\n\ndata: cut off'
    server.answers["/e"] = Answer(200, stream, {"Content-Type": "text/event-stream"})
    assert (await call(host, server.url + "/e", response="events"))["items"] == [
        {"event": "tick", "data": '{"n":1}', "id": "7", "value": {"n": 1}},
        {"event": "message", "data": "a\nb", "id": "7"},
    ]
    server.answers["/t"] = Answer(200, "name,n\nAda,1\nBob,2\n")
    rows = (await call(host, server.url + "/t", response="csv"))["items"]
    assert rows == [{"name": "Ada", "n": 1}, {"name": "Bob", "n": 2}]


async def test_answers_that_are_not_what_was_asked_for_say_where(
    host: LocalHost, server: ScriptedServer
) -> None:
    server.answers["/j"] = Answer(200, '{"a": 1}\nnope\n')
    wrong = await failing(host, server.url + "/j", response="jsonl")
    assert (wrong["code"], wrong["details"]["line"]) == ("http_request.line", 2)
    server.answers["/x"] = Answer(200, "nope")
    assert (await failing(host, server.url + "/x", response="json"))["code"] == "http_request.not_json"
    server.answers["/long"] = Answer(200, b"x" * (17 << 20))
    wrong = await failing(host, server.url + "/long", response="lines", max_mb=100)
    assert wrong["code"] == "http_request.long_line"
    wrong = await failing(host, server.url + "/long", response="file", max_mb=1)
    assert wrong["code"] == "http.too_large"


async def test_an_answer_is_saved_as_a_file(host: LocalHost, server: ScriptedServer, tmp_path: Path) -> None:
    named = {
        "Content-Disposition": "attachment; filename*=UTF-8''..%2F..%2Fb%C3%A4r.bin",
        "Content-Type": "a/b",
    }
    server.answers["/f"] = Answer(200, bytes(range(256)) * 40, named)
    file = (await call(host, server.url + "/f", response="file"))["file"]
    assert (file["name"], file["mime"], file["size_bytes"]) == ("bär.bin", "a/b", 10_240)
    assert (tmp_path / "out" / "bär.bin").read_bytes() == bytes(range(256)) * 40
    server.answers["/d/report.pdf"] = Answer(200, "x")
    assert (await call(host, server.url + "/d/report.pdf?x=1", response="file"))["file"][
        "name"
    ] == "report.pdf"
    assert (await call(host, server.url + "/f", response="file", file_name="z.bin"))["file"][
        "name"
    ] == "z.bin"


async def test_files_are_sent_plain_and_in_forms(
    host: LocalHost, server: ScriptedServer, tmp_path: Path
) -> None:
    path = tmp_path / 'a"b.txt'
    path.write_bytes(b"content " * 10_000)
    server.answers["/u"] = [Answer(503, ""), Answer(201, {"ok": 1}), Answer(201, {"ok": 2})]
    made = await call(host, server.url + "/u", method="PUT", body_type="file", files=str(path))
    assert made["body"] == {"ok": 1}
    assert [asked.body for asked in server.asked] == [b"content " * 10_000] * 2
    config = {"body_type": "multipart", "body": {"a": "1", "tags": ["x", "y"]}, "files": str(path)}
    await call(host, server.url + "/u", method="POST", file_field="doc", **config)
    sent = server.asked[-1]
    boundary = sent.headers["Content-Type"].partition("boundary=")[2].encode()
    assert sent.body.count(b"--" + boundary) == 5
    assert b'name="tags"\r\n\r\ny\r\n' in sent.body
    assert b'name="doc"; filename="a%22b.txt"\r\n' in sent.body
    assert b"content " * 10_000 in sent.body
    assert (await failing(host, server.url + "/u", body_type="file"))["code"] == "http_request.no_file"


@pytest.fixture
def keyed(tmp_path: Path) -> Iterator[LocalHost]:
    held = {
        "BASIC": {"kind": "basic", "username": "me", "password": "pw"},
        "QUERY": {"kind": "query_key", "api_key": "k-1", "parameter": "key"},
    }
    environ = {f"SAGE_CREDENTIAL_{name}": json.dumps(shape) for name, shape in held.items()}
    environ |= {f"SAGE_CREDENTIAL_{name}_HOSTS": "127.0.0.1" for name in held}
    with LocalHost(folder=tmp_path, environ={"SAGE_ALLOW_PRIVATE_NETWORK": "127.0.0.0/8", **environ}) as made:
        yield made


async def test_pages_elsewhere_get_no_credential(keyed: LocalHost, server: ScriptedServer) -> None:
    elsewhere = f"http://localhost:{server.port}/b"
    server.answers["/a"] = Answer(200, [1], {"Link": f"<{elsewhere}>; rel=next"})
    server.answers["/b"] = Answer(200, [2])
    for name in ("basic", "query"):
        server.asked.clear()
        problem = await failing(keyed, server.url + "/a", paging="link", credential=name)
        assert problem["code"] == "local.no_credential"
        assert len(server.asked) == 1
    assert server.asked[0].path == "/a?key=k-1"


@pytest.mark.parametrize(
    "say",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-A: " + b"x" * 300_000 + b"\r\n\r\n",
    ],
)
@pytest.mark.parametrize("response", ["auto", "lines"])
async def test_servers_that_make_no_sense_end_in_clear_errors(
    host: LocalHost, say: bytes, response: str
) -> None:
    with rude_server(say, close=True) as port:
        wrong = await failing(host, f"http://127.0.0.1:{port}/", response=response)
    assert wrong["code"] in {"http.unreachable", "http.bad_answer"}, wrong
