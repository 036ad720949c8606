"""http_request against a real server."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from sage_studio.engine import compile_flow
from sage_studio.flow import parse_plain
from sage_studio.plugins.builtin.source.http_request import HttpRequest
from sage_studio.plugins.local_host import LocalHost
from sage_studio.plugins.registry import builtin_registry
from tests.nodes.running import failure_of, run_flow_here, run_node
from tests.servers.http import Answer, ScriptedServer


async def call(host: LocalHost, url: str, **config: Any) -> Any:
    return await run_node("http_request", host, config={"url": url, **config})


@pytest.fixture
def keyed(tmp_path: Path) -> Iterator[LocalHost]:
    """A host with a credential for loopback only."""
    environ = {
        "SAGE_ALLOW_PRIVATE_NETWORK": "127.0.0.0/8",
        "SAGE_CREDENTIAL_SHOP": "s3cret-key",
        "SAGE_CREDENTIAL_SHOP_HOSTS": "127.0.0.1",
    }
    with LocalHost(folder=tmp_path, environ=environ) as host:
        yield host


async def test_json_answers_come_parsed(host: LocalHost, server: ScriptedServer) -> None:
    server.answers["/a"] = Answer(200, {"b": [1]}, {"X-Thing": "yes"})
    made = await call(host, server.url + "/a", query={"q": "ü &"})
    assert (made["status"], made["body"], made["headers"]["x-thing"]) == (200, {"b": [1]}, "yes")
    assert server.asked[0].path == "/a?q=%C3%BC+%26" or server.asked[0].path == "/a?q=%C3%BC%20%26"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
async def test_every_method_is_sent(host: LocalHost, server: ScriptedServer, method: str) -> None:
    server.answers["/m"] = Answer(200, "ok")
    await call(host, server.url + "/m", method=method)
    assert server.asked[0].method == method


async def test_bodies_go_out_as_json_form_and_text(host: LocalHost, server: ScriptedServer) -> None:
    server.answers["/b"] = Answer(201, "")
    await call(host, server.url + "/b", method="POST", body_type="json", body='{"a": "李"}')
    await call(host, server.url + "/b", method="POST", body_type="form", body={"a": "1 2"})
    await call(host, server.url + "/b", method="POST", body_type="text", body="plain")
    sent = [(asked.headers["Content-Type"], asked.body) for asked in server.asked]
    assert sent == [
        ("application/json", '{"a": "李"}'.encode()),
        ("application/x-www-form-urlencoded", b"a=1+2"),
        ("text/plain; charset=utf-8", b"plain"),
    ]


async def test_a_body_that_is_no_json_is_refused_before_sending(
    host: LocalHost, server: ScriptedServer
) -> None:
    config = {"url": server.url, "method": "POST", "body_type": "json", "body": "{nope"}
    assert (await failure_of("http_request", host, config=config))["code"] == "http_request.body"
    assert server.asked == []


async def test_busy_services_are_asked_again_when_they_say(host: LocalHost, server: ScriptedServer) -> None:
    server.answers["/r"] = [Answer(429, "", {"Retry-After": "1"}), Answer(200, "done")]
    started = time.monotonic()
    assert (await call(host, server.url + "/r", method="POST"))["body"] == "done"
    assert time.monotonic() - started >= 1.0


async def test_retry_after_may_be_a_date(host: LocalHost, server: ScriptedServer) -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    server.answers["/r"] = [Answer(503, "", {"Retry-After": soon}), Answer(200, "done")]
    assert (await call(host, server.url + "/r"))["body"] == "done"
    assert len(server.asked) == 2


async def test_a_post_is_not_repeated_after_a_500_but_a_get_is(
    host: LocalHost, server: ScriptedServer
) -> None:
    server.answers["/e"] = Answer(500, "broken")
    problem = await failure_of(
        "http_request", host, config={"url": server.url + "/e", "method": "POST", "retries": 2}
    )
    assert (problem["code"], problem["retryable"], len(server.asked)) == ("http_request.status", False, 1)
    await failure_of("http_request", host, config={"url": server.url + "/e", "retries": 1})
    assert len(server.asked) == 3


async def test_with_a_repeat_key_a_post_is_repeated_with_the_same_key(
    host: LocalHost, server: ScriptedServer
) -> None:
    server.answers["/e"] = [Answer(502, ""), Answer(200, "ok")]
    await call(host, server.url + "/e", method="POST", send_key=True)
    keys = {asked.headers["Idempotency-Key"] for asked in server.asked}
    assert (len(server.asked), len(keys)) == (2, 1)


async def test_any_status_can_be_passed_on(host: LocalHost, server: ScriptedServer) -> None:
    server.answers["/t"] = Answer(404, "none")
    made = await call(host, server.url + "/t", any_status=True)
    assert (made["status"], made["body"]) == (404, "none")


async def test_a_credential_goes_only_to_its_hosts(keyed: LocalHost, server: ScriptedServer) -> None:
    server.answers["/k"] = Answer(200, "ok")
    await call(keyed, server.url + "/k", credential="shop")
    assert server.asked[0].headers["Authorization"] == "Bearer s3cret-key"
    assert keyed.secrets_seen == {"s3cret-key"}
    config = {"url": f"http://localhost:{server.port}/k", "credential": "shop"}
    problem = await failure_of("http_request", keyed, config=config)
    assert problem["code"] == "local.no_credential"
    assert len(server.asked) == 1


async def test_a_service_that_repeats_the_secret_does_not_bring_it_into_the_run(
    keyed: LocalHost, server: ScriptedServer
) -> None:
    server.answers["/echo"] = Answer(200, {"you": "sent Bearer s3cret-key"})
    config = {"url": server.url + "/echo", "credential": "shop"}
    body = {
        "schema": "sage-studio/flow@1",
        "nodes": [{"id": "http_request_1", "type": "http_request", "config": config}],
    }
    kept = (await run_flow_here(body, keyed)).nodes["http_request_1"].outputs
    assert kept is not None
    assert kept["body"] == {"you": "sent Bearer ••••••"}


async def test_a_redirect_elsewhere_loses_the_credential(keyed: LocalHost, server: ScriptedServer) -> None:
    server.answers["/r"] = Answer(302, "", {"Location": f"http://localhost:{server.port}/other"})
    server.answers["/other"] = Answer(200, "reached")
    made = await call(keyed, server.url + "/r", credential="shop")
    assert made["body"] == "reached"
    assert "Authorization" not in server.asked[1].headers


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://10.0.0.1/", "http.refused"),
        ("http://169.254.169.254/latest/meta-data/", "http.refused"),
        ("http://[::ffff:10.0.0.1]/", "http.refused"),
        ("http://2130706433/", "http.unreachable"),
        ("ftp://example.org/", "http.bad_url"),
        ("http://user:pw@example.org/", "http.bad_url"),
        ("nonsense", "http.bad_url"),
        ("http://example.org:99999/", "http.bad_url"),
        ("http://example.org:0/", "http.bad_url"),
    ],
)
async def test_addresses_that_may_not_be_called(host: LocalHost, url: str, code: str) -> None:
    problem = await failure_of("http_request", host, config={"url": url, "retries": 0})
    assert problem["code"] == code or (url == "http://2130706433/" and problem["code"] == "http.refused")


async def test_answers_too_large_and_too_slow_are_cut_off(host: LocalHost, server: ScriptedServer) -> None:
    server.answers["/big"] = Answer(200, b"x" * 200_000)
    server.answers["/slow"] = Answer(200, "late", delay_s=20)
    big = {"url": server.url + "/big", "max_mb": 0.1}
    assert (await failure_of("http_request", host, config=big))["code"] == "http.too_large"
    slow = {"url": server.url + "/slow", "timeout_s": 0.3, "retries": 0}
    assert (await failure_of("http_request", host, config=slow))["code"] == "http.timeout"
    server.released.set()


def test_what_may_happen_after_a_crash_depends_on_the_method() -> None:
    assert HttpRequest.effect({}) == "idempotent"
    assert HttpRequest.effect({"method": "POST"}) == "at_most_once"
    assert HttpRequest.effect({"method": "POST", "send_key": True}) == "idempotent"


async def test_the_plan_of_a_flow_knows_which_requests_may_be_repeated() -> None:
    nodes: list[Any] = [
        {"id": f"http_request_{method}", "type": "http_request", "config": {"method": method, "url": "/x"}}
        for method in ("GET", "POST")
    ]
    plan = compile_flow(parse_plain({"schema": "sage-studio/flow@1", "nodes": nodes}), builtin_registry())
    assert {node.id: node.effect for node in plan.nodes} == {
        "http_request_GET": "idempotent",
        "http_request_POST": "at_most_once",
    }
