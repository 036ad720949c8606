"""The services against recorded examples of their protocols, spoken by a local HTTP server."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
import yaml

from sage_studio.plugins.builtin.service import SERVICE_NODES, read
from sage_studio.plugins.declared import read_service, service_node
from sage_studio.plugins.declared.tokens import TOKENS, Exchanged, Tokens
from sage_studio.testing import NodeRun, run_node
from tests.servers.http import Answer, Asked, ScriptedServer

KINDS: dict[str, dict[str, str]] = {
    "telegram": {"kind": "telegram_bot", "token": "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"},
    "discord": {"kind": "discord_bot", "token": "bot-token-1"},
    "feishu_bot": {"kind": "feishu_bot", "key": "hook-key-1", "secret": "sign-me-please"},
    "feishu": {"kind": "feishu_app", "app_id": "cli_1", "app_secret": "app-secret-1"},
    "dingtalk_bot": {"kind": "dingtalk_bot", "token": "robot-token-1", "secret": "SEC-sign-me"},
    "dingtalk": {"kind": "dingtalk_app", "app_key": "ding1", "app_secret": "ding-secret-1"},
    "wecom_bot": {"kind": "wecom_bot", "key": "wecom-key-1"},
    "wecom": {"kind": "wecom_app", "corp_id": "corp1", "corp_secret": "corp-secret-1"},
    "jira": {"kind": "basic", "username": "ann@example.org", "password": "jira-token-1"},
}
BEARER = {"kind": "bearer", "token": "bearer-token-1"}


EXCHANGES: dict[str, tuple[str, dict[str, Any]]] = {
    "feishu": (
        "/open-apis/auth/v3/tenant_access_token/internal",
        {"code": 0, "msg": "ok", "tenant_access_token": "feishu-token", "expire": 7200},
    ),
    "dingtalk": (
        "/gettoken",
        {"errcode": 0, "errmsg": "ok", "access_token": "ding-token", "expires_in": 7200},
    ),
    "wecom": (
        "/cgi-bin/gettoken",
        {"errcode": 0, "errmsg": "ok", "access_token": "wecom-token", "expires_in": 7200},
    ),
}
SIGNATURE = {"timestamp", "sign"}


@dataclass
class Example:
    """An operation, the request it must make, what the service answers, and what the node makes of it. The
    result is the answer unless it says otherwise."""

    service: str
    operation: str
    request: str
    config: dict[str, Any]
    answer: Any
    credential: str = ""
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    status: int = 200
    result: Any = "the answer"
    items: list[Any] = field(default_factory=list)


FOLDER = Path(__file__).parent / "service_examples"
EXAMPLES = [
    Example(service=file.stem, **entry)
    for file in sorted(FOLDER.glob("*.yaml"))
    for entry in yaml.safe_load(file.read_text("utf-8"))
]


@pytest.fixture(autouse=True)
def _no_tokens() -> None:
    """Tokens are kept as long as the process lives."""
    TOKENS.clear()


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


async def call(server: ScriptedServer, service: str, credential: str = "", **config: Any) -> NodeRun:
    """Run an operation at the local server, with a credential that may be sent there."""
    node = service_node(read(service).at(server.url))
    held = KINDS.get(credential or service, BEARER)
    environ = {
        "SAGE_ALLOW_PRIVATE_NETWORK": "127.0.0.0/8",
        "SAGE_CREDENTIAL_MINE": json.dumps(held),
        "SAGE_CREDENTIAL_MINE_HOSTS": f"127.0.0.1:{server.port}",
    }
    return await run_node(node, config={"credential": "mine", **config}, environ=environ)


def query_of(asked: Asked) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(asked.path).query))


def test_every_operation_of_every_service_has_an_example() -> None:
    given = {(example.service, example.operation) for example in EXAMPLES}
    services = [read(node.spec.id) for node in SERVICE_NODES]
    there = {(service.id, entry.id) for service in services for entry in service.operations}
    assert there == given
    assert len(EXAMPLES) == len(given)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.service}-{example.operation}")
async def test_an_operation_asks_and_answers_as_documented(example: Example, server: ScriptedServer) -> None:
    method, path = example.request.split(" ")
    server.answers[path] = Answer(example.status, example.answer)
    if example.service in EXCHANGES:
        exchange, token = EXCHANGES[example.service]
        server.answers[exchange] = Answer(body=token)
    is_hosted = read(example.service).base_url.is_field
    config = {"base_url": server.url, **example.config} if is_hosted else example.config
    run = await call(server, example.service, example.credential, operation=example.operation, **config)

    assert run.error is None
    asked = server.asked[-1]
    assert (asked.method, asked.path.split("?")[0]) == (method, path)
    is_signed = bool(KINDS.get(example.credential, {}).get("secret"))
    assert {k: v for k, v in query_of(asked).items() if not (is_signed and k in SIGNATURE)} == example.query
    sent = json.loads(asked.body) if asked.body else None
    if is_signed and isinstance(sent, dict):
        sent = {name: value for name, value in sent.items() if name not in SIGNATURE}
    assert sent == example.body
    assert {name: asked.headers.get(name) for name in example.headers} == example.headers
    result = example.answer if example.result == "the answer" else example.result
    assert run.outputs == {"result": result, "items": example.items}


async def test_credentials_go_where_their_kind_says(server: ScriptedServer) -> None:
    for path in ("/chat.postMessage", "/channels/1/messages", "/rest/api/3/issue/A-1", "/users"):
        server.answers[path] = Answer(body={"ok": True})
    await call(server, "slack", operation="send_message", channel="C", text="x")
    await call(server, "discord", operation="send_message", channel_id="1", content="x")
    await call(server, "jira", operation="get_issue", key="A-1")
    await call(server, "notion", operation="list_users")

    sent = [asked.headers["Authorization"] for asked in server.asked]
    basic = base64.b64encode(b"ann@example.org:jira-token-1").decode()
    assert sent == ["Bearer bearer-token-1", "Bot bot-token-1", f"Basic {basic}", "Bearer bearer-token-1"]
    assert server.asked[-1].headers["Notion-Version"] == "2022-06-28"


async def test_lists_go_on_by_cursor(server: ScriptedServer) -> None:
    server.answers["/conversations.list"] = [
        Answer(body={"ok": True, "channels": [{"id": 1}], "response_metadata": {"next_cursor": "n1"}}),
        Answer(body={"ok": True, "channels": [{"id": 2}], "response_metadata": {"next_cursor": ""}}),
    ]
    run = await call(server, "slack", operation="list_channels", max_items=150)
    assert run.outputs["items"] == [{"id": 1}, {"id": 2}]
    assert [query_of(asked).get("cursor") for asked in server.asked] == [None, "n1"]
    assert query_of(server.asked[0])["limit"] == "150"


async def test_lists_go_on_by_a_cursor_in_the_body(server: ScriptedServer) -> None:
    server.answers["/databases/d/query"] = [
        Answer(body={"results": [1, 2], "next_cursor": "n1"}),
        Answer(body={"results": [3, 4], "next_cursor": "n2"}),
    ]
    run = await call(server, "notion", operation="query_database", database_id="d", max_items=3)
    assert run.outputs["items"] == [1, 2, 3]
    assert [asked.json() for asked in server.asked] == [
        {"page_size": 3},
        {"page_size": 3, "start_cursor": "n1"},
    ]


async def test_lists_go_on_by_link_but_never_to_another_host(server: ScriptedServer) -> None:
    there = f'<{server.url}/repos/o/r/issues?page=2&per_page=100>; rel="next", <x>; rel="last"'
    server.answers["/repos/o/r/issues"] = [
        Answer(body=[{"number": 1}], headers={"Link": there}),
        Answer(body=[{"number": 2}], headers={"Link": '<http://127.0.0.1:1/evil>; rel="next"'}),
    ]
    run = await call(server, "github", operation="list_issues", owner="o", repo="r", base_url=server.url)
    assert run.outputs["items"] == [{"number": 1}, {"number": 2}]
    assert query_of(server.asked[1]) == {"page": "2", "per_page": "100"}


async def test_lists_go_on_by_counting(server: ScriptedServer) -> None:
    server.answers["/rest/api/3/project/search"] = [
        Answer(body={"values": [{"id": n} for n in range(50)]}),
        Answer(body={"values": [{"id": 50}]}),
    ]
    run = await call(server, "jira", operation="list_projects", base_url=server.url)
    assert len(run.outputs["items"]) == 51
    assert [query_of(asked)["startAt"] for asked in server.asked] == ["0", "50"]


async def test_a_service_that_is_busy_is_asked_again(server: ScriptedServer) -> None:
    server.answers["/chat.postMessage"] = [
        Answer(status=429, body={"ok": False, "error": "ratelimited"}, headers={"Retry-After": "0.01"}),
        Answer(body={"ok": True}),
    ]
    run = await call(server, "slack", operation="send_message", channel="C", text="x")
    assert run.state == "completed"
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("service", "config", "path", "answer", "code", "words"),
    [
        (
            "slack",
            {"operation": "send_message", "channel": "C", "text": "x"},
            "/chat.postMessage",
            Answer(body={"ok": False, "error": "channel_not_found"}),
            "service.refused",
            "channel_not_found",
        ),
        (
            "github",
            {"operation": "get_issue", "owner": "o", "repo": "r", "number": 1},
            "/repos/o/r/issues/1",
            Answer(status=404, body={"message": "Not Found"}),
            "service.refused",
            "(404): Not Found",
        ),
        (
            "notion",
            {"operation": "get_page", "page_id": "p"},
            "/pages/p",
            Answer(status=401, body={"message": "API token is invalid."}),
            "service.not_allowed",
            "token is invalid",
        ),
        (
            "gitlab",
            {"operation": "list_projects"},
            "/projects",
            Answer(body="<html>sign in</html>"),
            "service.answer",
            "cannot be read",
        ),
        (
            "wecom",
            {"operation": "robot_text", "text": "x"},
            "/cgi-bin/webhook/send",
            Answer(body={"errcode": 93000, "errmsg": "invalid webhook url"}),
            "service.refused",
            "invalid webhook url",
        ),
        (
            "github",
            {"operation": "create_issue", "owner": "o", "repo": "r"},
            "/",
            Answer(),
            "service.parameter_missing",
            "title",
        ),
    ],
)
async def test_what_went_wrong_is_said_in_the_services_words(  # noqa: PLR0917 - a table
    server: ScriptedServer,
    service: str,
    config: dict[str, Any],
    path: str,
    answer: Answer,
    code: str,
    words: str,
) -> None:
    server.answers[path] = answer
    more = {"base_url": server.url} if service in ("github", "gitlab") else {}
    credential = "wecom_bot" if service == "wecom" else ""
    run = await call(server, service, credential, **config, **more)
    assert run.error is not None
    assert run.error["code"] == code
    assert words in run.error["message"]


async def test_secrets_in_addresses_are_blotted_in_errors(server: ScriptedServer) -> None:
    run = await call(server, "telegram", operation="get_chat", chat_id="@x")
    assert run.error is not None
    assert "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw" not in json.dumps([run.error, run.events], ensure_ascii=False)


async def test_dingtalks_robots_are_signed(server: ScriptedServer) -> None:
    """timestamp and sign as open.dingtalk.com has them: HMAC-SHA256 over both, keyed with the secret."""
    server.answers["/robot/send"] = Answer(body={"errcode": 0, "errmsg": "ok"})
    run = await call(server, "dingtalk", "dingtalk_bot", operation="robot_text", text="hi", everybody=True)

    assert run.error is None
    query = query_of(server.asked[0])
    wanted = hmac.new(b"SEC-sign-me", f"{query['timestamp']}\nSEC-sign-me".encode(), hashlib.sha256).digest()
    assert query["access_token"] == "robot-token-1"
    assert query["sign"] == base64.b64encode(wanted).decode()
    assert server.asked[0].json() == {"msgtype": "text", "text": {"content": "hi"}, "at": {"isAtAll": True}}


async def test_feishus_robots_are_signed(server: ScriptedServer) -> None:
    server.answers["/open-apis/bot/v2/hook/hook-key-1"] = Answer(body={"code": 0, "msg": "success"})
    run = await call(server, "feishu", "feishu_bot", operation="robot_text", text="hi", base_url=server.url)

    assert run.error is None
    sent = server.asked[0].json()
    wanted = hmac.new(f"{sent['timestamp']}\nsign-me-please".encode(), b"", hashlib.sha256).digest()
    assert sent["sign"] == base64.b64encode(wanted).decode()
    assert (sent["msg_type"], sent["content"]) == ("text", {"text": "hi"})


async def test_apps_exchange_their_secret_for_a_token(server: ScriptedServer) -> None:
    server.answers["/open-apis/auth/v3/tenant_access_token/internal"] = Answer(
        body={"code": 0, "tenant_access_token": "t-g1", "expire": 7200}
    )
    server.answers["/open-apis/im/v1/messages"] = Answer(body={"code": 0, "data": {"message_id": "om_1"}})
    server.answers["/gettoken"] = Answer(body={"errcode": 0, "access_token": "ding-t"})
    server.answers["/topapi/v2/user/get"] = Answer(body={"errcode": 0, "result": {"name": "Ann"}})
    server.answers["/cgi-bin/gettoken"] = Answer(body={"errcode": 0, "access_token": "we-t"})
    server.answers["/cgi-bin/user/simplelist"] = Answer(body={"errcode": 0, "userlist": [{"userid": "a"}]})

    feishu = await call(
        server, "feishu", operation="send_message", receiver="oc_1", text="hi", base_url=server.url
    )
    ding = await call(server, "dingtalk", operation="get_user", userid="u1")
    wecom = await call(server, "wecom", operation="list_users", department=2)

    assert (feishu.outputs["result"], ding.outputs["result"]) == ({"message_id": "om_1"}, {"name": "Ann"})
    assert wecom.outputs["items"] == [{"userid": "a"}]
    asked = {urlsplit(one.path).path: one for one in server.asked}
    assert asked["/open-apis/auth/v3/tenant_access_token/internal"].json() == {
        "app_id": "cli_1",
        "app_secret": "app-secret-1",
    }
    message = asked["/open-apis/im/v1/messages"]
    assert message.headers["Authorization"] == "Bearer t-g1"
    assert message.json() == {"receive_id": "oc_1", "msg_type": "text", "content": '{"text":"hi"}'}
    assert query_of(asked["/gettoken"]) == {"appkey": "ding1", "appsecret": "ding-secret-1"}
    assert query_of(asked["/topapi/v2/user/get"]) == {"access_token": "ding-t"}
    assert parse_qs(urlsplit(asked["/cgi-bin/user/simplelist"].path).query) == {
        "department_id": ["2"],
        "access_token": ["we-t"],
    }


async def test_a_token_is_exchanged_once_until_it_ends_or_is_refused(server: ScriptedServer) -> None:
    exchange, token = EXCHANGES["wecom"]
    fresh = {**token, "access_token": "second"}
    server.answers[exchange] = [Answer(body=token), Answer(body=fresh)]
    server.answers["/cgi-bin/department/list"] = [
        *[Answer(body={"errcode": 0, "department": []})] * 4,
        Answer(body={"errcode": 42001, "errmsg": "access_token expired"}),
        Answer(body={"errcode": 0, "department": [{"id": 1}]}),
    ]
    listing = {"operation": "list_departments"}
    await call(server, "wecom", **listing)
    await asyncio.gather(*(call(server, "wecom", **listing) for _ in range(3)))
    assert [asked.path.split("?")[0] for asked in server.asked].count(exchange) == 1
    refused_once = await call(server, "wecom", **listing)
    assert refused_once.outputs["items"] == [{"id": 1}]
    assert query_of(server.asked[-1]) == {"access_token": "second"}


async def test_another_credential_gets_a_token_of_its_own(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange, token = EXCHANGES["dingtalk"]
    server.answers[exchange] = [Answer(body={**token, "access_token": name}) for name in ("a", "b")]
    server.answers["/topapi/v2/user/get"] = Answer(body={"errcode": 0, "result": {}})
    await call(server, "dingtalk", operation="get_user", userid="u")
    monkeypatch.setitem(KINDS["dingtalk"], "app_secret", "renewed")
    await call(server, "dingtalk", operation="get_user", userid="u")
    used = [query_of(asked)["access_token"] for asked in server.asked if "/user/get" in asked.path]
    assert used == ["a", "b"]


async def test_tokens_end_before_the_service_says(server: ScriptedServer) -> None:
    now = [1_000.0]
    tokens, made = Tokens(clock=lambda: now[0]), list[str]()

    async def exchange() -> Exchanged:
        made.append(f"t{len(made)}")
        return Exchanged(made[-1], 600.0)

    for later_s, wanted in ((0, "t0"), (500, "t0"), (560, "t1"), (2_000, "t2")):
        now[0] = 1_000.0 + later_s
        assert await tokens.held("key", exchange) == wanted
    tokens.drop("key", "t0")
    assert await tokens.held("key", exchange) == "t2"
    tokens.drop("key", "t2")
    assert await tokens.held("key", exchange) == "t3"


PAGED = """
service: sage-studio/service@1
id: paged
name: Paged
description: Lists in pages.
base_url: http://127.0.0.1
operations:
  - id: by_page
    name: By page
    path: /numbered
    items: rows
    paging: {kind: page, parameter: page, first: 1, size: 2, size_parameter: per_page}
  - id: by_page_in_body
    name: By page in the body
    method: POST
    path: /posted
    items: rows
    paging: {kind: page, parameter: page, place: body, first: 0, size: 2, size_parameter: per_page}
  - id: by_address
    name: By address
    path: /first
    items: rows
    paging: {kind: url, next: links.next}
"""


async def paged(server: ScriptedServer, operation: str, max_items: int = 100) -> list[Any]:
    environ = {"SAGE_ALLOW_PRIVATE_NETWORK": "127.0.0.0/8"}
    node = service_node(read_service(PAGED).at(server.url))
    run = await run_node(node, config={"operation": operation, "max_items": max_items}, environ=environ)
    assert run.error is None
    items: list[Any] = run.outputs["items"]
    return items


async def test_lists_go_on_by_page(server: ScriptedServer) -> None:
    server.answers["/numbered"] = [Answer(body={"rows": rows}) for rows in ([1, 2], [3, 4], [5])]
    assert await paged(server, "by_page") == [1, 2, 3, 4, 5]
    wanted = [{"page": str(number), "per_page": "2"} for number in (1, 2, 3)]
    assert [query_of(asked) for asked in server.asked] == wanted
    server.answers["/numbered"] = [Answer(body={"rows": rows}) for rows in ([1, 2], [3, 4], [])]
    assert await paged(server, "by_page", 3) == [1, 2, 3]
    assert len(server.asked) == 5
    server.answers["/posted"] = [Answer(body={"rows": rows}) for rows in ([1, 2], [])]
    assert await paged(server, "by_page_in_body") == [1, 2]
    assert [asked.json()["page"] for asked in server.asked[5:]] == [0, 1]


async def test_lists_go_on_at_the_address_the_service_gives(server: ScriptedServer) -> None:
    there = f"{server.url}/second?from=2"
    server.answers["/first"] = Answer(body={"rows": [1], "links": {"next": there}})
    server.answers["/second"] = [
        Answer(body={"rows": [2], "links": {"next": "http://127.0.0.1:1/elsewhere"}}),
        Answer(body={"rows": [2], "links": {"next": there}}),
        Answer(body={"rows": [3], "links": {"next": "/third?a=1&a=2"}}),
    ]
    assert await paged(server, "by_address") == [1, 2]
    assert query_of(server.asked[-1]) == {"from": "2"}
    assert await paged(server, "by_address") == [1, 2]
    server.answers["/third"] = Answer(body={"rows": [4], "links": {}})
    assert await paged(server, "by_address") == [1, 3, 4]
    assert server.asked[-1].path == "/third?a=1&a=2"


async def test_an_operation_says_when_it_needs_another_kind_of_credential(server: ScriptedServer) -> None:
    run = await call(server, "dingtalk", "dingtalk_bot", operation="get_user", userid="u1")
    assert run.error is not None
    assert run.error["code"] == "service.credential_kind"


async def test_gmail_sends_a_whole_message(server: ScriptedServer) -> None:
    server.answers["/messages/send"] = Answer(body={"id": "m1"})
    run = await call(
        server,
        "gmail",
        operation="send",
        to="ann@example.org",
        subject="Grüße\nBcc: x@y.z",
        text="hi",
        html="<b>hi</b>",
    )

    assert run.error is None
    raw = base64.urlsafe_b64decode(server.asked[0].json()["raw"])
    message = message_from_bytes(raw, policy=policy.default)
    assert (message["To"], message["Subject"], message["Bcc"]) == (
        "ann@example.org",
        "Grüße Bcc: x@y.z",
        None,
    )
    assert message.get_body(("plain",)).get_content() == "hi\n"  # type: ignore[union-attr]
