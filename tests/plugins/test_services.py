"""The services against recorded examples of their protocols, spoken by a local HTTP server."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from sage_studio.plugins.builtin.service import read
from sage_studio.plugins.declared import service_node
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


@dataclass
class Example:
    """An operation, the request it must make, what the service answers, and what the node makes of it."""

    service: str
    operation: str
    config: dict[str, Any]
    method: str
    path: str
    answer: Any
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None
    result: Any = None
    items: list[Any] = field(default_factory=list)
    credential: str = ""


EXAMPLES = [
    Example(
        "slack",
        "send_message",
        {"channel": "C1", "text": "hi"},
        "POST",
        "/chat.postMessage",
        {"ok": True, "ts": "1.2", "channel": "C1"},
        body={"channel": "C1", "text": "hi"},
        result={"ok": True, "ts": "1.2", "channel": "C1"},
    ),
    Example(
        "slack",
        "find_user",
        {"email": "a@b.c"},
        "GET",
        "/users.lookupByEmail",
        {"ok": True, "user": {"id": "U1"}},
        query={"email": "a@b.c"},
        result={"id": "U1"},
    ),
    Example(
        "slack",
        "add_reaction",
        {"channel": "C1", "ts": "1.2", "emoji": "thumbsup"},
        "POST",
        "/reactions.add",
        {"ok": True},
        body={"channel": "C1", "timestamp": "1.2", "name": "thumbsup"},
        result={"ok": True},
    ),
    Example(
        "telegram",
        "send_message",
        {"chat_id": "@news", "text": "hi", "parse_mode": "HTML", "reply_to": 7},
        "POST",
        "/bot110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/sendMessage",
        {"ok": True, "result": {"message_id": 8}},
        body={
            "chat_id": "@news",
            "text": "hi",
            "parse_mode": "HTML",
            "reply_parameters": {"message_id": 7},
            "disable_notification": False,
        },
        result={"message_id": 8},
    ),
    Example(
        "telegram",
        "get_updates",
        {"offset": 5},
        "GET",
        "/bot110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/getUpdates",
        {"ok": True, "result": [{"update_id": 5}]},
        query={"offset": "5", "limit": "100"},
        result={"ok": True, "result": [{"update_id": 5}]},
        items=[{"update_id": 5}],
    ),
    Example(
        "discord",
        "send_message",
        {"channel_id": "11", "content": "hi", "reply_to": "9"},
        "POST",
        "/channels/11/messages",
        {"id": "12"},
        body={"content": "hi", "message_reference": {"message_id": "9"}},
        result={"id": "12"},
    ),
    Example(
        "discord",
        "add_reaction",
        {"channel_id": "11", "message_id": "12", "emoji": "👍"},
        "PUT",
        "/channels/11/messages/12/reactions/%F0%9F%91%8D/@me",
        "",
        result=None,
    ),
    Example(
        "discord",
        "list_members",
        {"guild_id": "3", "max_items": 2},
        "GET",
        "/guilds/3/members",
        [{"nick": "a"}, {"nick": "b"}],
        query={"limit": "2"},
        result=[{"nick": "a"}, {"nick": "b"}],
        items=[{"nick": "a"}, {"nick": "b"}],
    ),
    Example(
        "notion",
        "create_page",
        {"database_id": "d1", "properties": {"Name": {"title": []}, "N": {"number": 1}}},
        "POST",
        "/pages",
        {"object": "page", "id": "p1"},
        body={"parent": {"database_id": "d1"}, "properties": {"Name": {"title": []}, "N": {"number": 1}}},
        result={"object": "page", "id": "p1"},
    ),
    Example(
        "notion",
        "append_text",
        {"block_id": "b1", "text": "hello"},
        "PATCH",
        "/blocks/b1/children",
        {"results": []},
        body={
            "children": [
                {
                    "object": "block",
                    "type": "paragraph",
                    "paragraph": {"rich_text": [{"type": "text", "text": {"content": "hello"}}]},
                }
            ]
        },
        result={"results": []},
    ),
    Example(
        "airtable",
        "create_records",
        {"base": "app1", "table": "My Table", "records": [{"Name": "a"}]},
        "POST",
        "/app1/My%20Table",
        {"records": [{"id": "rec1", "fields": {"Name": "a"}}]},
        body={"records": [{"fields": {"Name": "a"}}], "typecast": False},
        result={"records": [{"id": "rec1", "fields": {"Name": "a"}}]},
        items=[{"id": "rec1", "fields": {"Name": "a"}}],
    ),
    Example(
        "github",
        "create_issue",
        {"owner": "o", "repo": "r", "title": "t", "labels": ["bug"]},
        "POST",
        "/repos/o/r/issues",
        {"number": 5},
        body={"title": "t", "labels": ["bug"]},
        result={"number": 5},
    ),
    Example(
        "github",
        "get_file",
        {"owner": "o", "repo": "r", "file_path": "docs/a b.md", "ref": "main"},
        "GET",
        "/repos/o/r/contents/docs/a%20b.md",
        "# Title",
        query={"ref": "main"},
        result="# Title",
    ),
    Example(
        "github",
        "run_workflow",
        {
            "owner": "o",
            "repo": "r",
            "workflow": "build.yml",
            "workflow_ref": "main",
            "workflow_inputs": {"env": "prod"},
        },
        "POST",
        "/repos/o/r/actions/workflows/build.yml/dispatches",
        "",
        body={"ref": "main", "inputs": {"env": "prod"}},
    ),
    Example(
        "gitlab",
        "create_issue",
        {"project": "group/name", "title": "t"},
        "POST",
        "/projects/group%2Fname/issues",
        {"iid": 3},
        body={"title": "t"},
        result={"iid": 3},
    ),
    Example(
        "gitlab",
        "run_pipeline",
        {"project": "7", "pipeline_ref": "main", "variables": {"A": 1}},
        "POST",
        "/projects/7/pipeline",
        {"id": 9},
        body={"ref": "main", "variables": [{"key": "A", "value": "1"}]},
        result={"id": 9},
    ),
    Example(
        "google_sheets",
        "append",
        {"spreadsheet": "s1", "range": "Sheet1!A1", "values": [["a", 1]]},
        "POST",
        "/spreadsheets/s1/values/Sheet1%21A1:append",
        {"updates": {"updatedRows": 1}},
        query={"valueInputOption": "USER_ENTERED", "insertDataOption": "INSERT_ROWS"},
        body={"values": [["a", 1]]},
        result={"updatedRows": 1},
    ),
    Example(
        "google_sheets",
        "read",
        {"spreadsheet": "s1", "range": "A1:B2"},
        "GET",
        "/spreadsheets/s1/values/A1%3AB2",
        {"range": "A1:B2", "values": [["a", "b"]]},
        result={"range": "A1:B2", "values": [["a", "b"]]},
        items=[["a", "b"]],
    ),
    Example(
        "gmail",
        "get",
        {"message": "m1"},
        "GET",
        "/messages/m1",
        {"id": "m1"},
        query={"format": "full"},
        result={"id": "m1"},
    ),
    Example(
        "google_drive",
        "create_folder",
        {"name": "New", "folder": "f1"},
        "POST",
        "/files",
        {"id": "f2"},
        body={"name": "New", "mimeType": "application/vnd.google-apps.folder", "parents": ["f1"]},
        result={"id": "f2"},
    ),
    Example(
        "google_drive",
        "export_text",
        {"file": "f1"},
        "GET",
        "/files/f1/export",
        "words",
        query={"mimeType": "text/plain"},
        result="words",
    ),
    Example(
        "google_calendar",
        "create_event",
        {
            "summary": "Talk",
            "start": "2026-03-01T09:00:00Z",
            "end": "2026-03-01T10:00:00Z",
            "attendees": ["a@b.c"],
        },
        "POST",
        "/calendars/primary/events",
        {"id": "e1"},
        body={
            "summary": "Talk",
            "start": {"dateTime": "2026-03-01T09:00:00Z"},
            "end": {"dateTime": "2026-03-01T10:00:00Z"},
            "attendees": [{"email": "a@b.c"}],
        },
        result={"id": "e1"},
    ),
    Example(
        "hubspot",
        "create",
        {"object": "contacts", "properties": {"email": "a@b.c"}},
        "POST",
        "/crm/v3/objects/contacts",
        {"id": "51"},
        body={"properties": {"email": "a@b.c"}},
        result={"id": "51"},
    ),
    Example(
        "hubspot",
        "search",
        {"object": "deals", "query": "acme", "shown": "name, amount", "max_items": 5},
        "POST",
        "/crm/v3/objects/deals/search",
        {"total": 1, "results": [{"id": "1"}]},
        body={"query": "acme", "properties": ["name", "amount"], "limit": 5},
        result={"total": 1, "results": [{"id": "1"}]},
        items=[{"id": "1"}],
    ),
    Example(
        "jira",
        "create_issue",
        {"project": "PROJ", "summary": "Broken", "description": "It is."},
        "POST",
        "/rest/api/3/issue",
        {"key": "PROJ-1"},
        body={
            "fields": {
                "project": {"key": "PROJ"},
                "summary": "Broken",
                "issuetype": {"name": "Task"},
                "description": {
                    "type": "doc",
                    "version": 1,
                    "content": [{"type": "paragraph", "content": [{"type": "text", "text": "It is."}]}],
                },
            }
        },
        result={"key": "PROJ-1"},
    ),
    Example(
        "jira",
        "transition",
        {"key": "PROJ-1", "transition": "31"},
        "POST",
        "/rest/api/3/issue/PROJ-1/transitions",
        "",
        body={"transition": {"id": "31"}},
    ),
    Example(
        "wecom",
        "robot_text",
        {"text": "hi", "mobiles": ["13800001111"]},
        "POST",
        "/cgi-bin/webhook/send",
        {"errcode": 0, "errmsg": "ok"},
        query={"key": "wecom-key-1"},
        body={"msgtype": "text", "text": {"content": "hi", "mentioned_mobile_list": ["13800001111"]}},
        result={"errcode": 0, "errmsg": "ok"},
        credential="wecom_bot",
    ),
]


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


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"{example.service}-{example.operation}")
async def test_a_recorded_example(example: Example, server: ScriptedServer) -> None:
    server.answers[example.path] = Answer(body=example.answer)
    run = await call(
        server, example.service, example.credential, operation=example.operation, **example.config
    )

    assert run.error is None
    (asked,) = server.asked
    assert (asked.method, asked.path.split("?")[0]) == (example.method, example.path)
    assert {name: query_of(asked).get(name) for name in example.query} == example.query
    assert (json.loads(asked.body) if asked.body else None) == example.body
    assert run.outputs == {"result": example.result, "items": example.items}


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
