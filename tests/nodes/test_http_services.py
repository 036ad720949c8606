"""graphql_request, webhook_call and sms_send against a local server that keeps what it was asked."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from sage_studio.plugins.builtin.output.webhook_call import WebhookCall
from sage_studio.plugins.builtin.source.graphql_request import GraphqlRequest
from sage_studio.plugins.local_host import LocalHost
from sage_studio.plugins.support.sms import aliyun_authorization, tencent_authorization
from tests.nodes.running import failure_of, run_node
from tests.servers.http import Answer, Asked, ScriptedServer

KEY = base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()


@pytest.fixture
def keyed(tmp_path: Path) -> Iterator[LocalHost]:
    held = {
        "SIGN": {"kind": "signing_secret", "secret": f"whsec_{KEY}"},
        "ACCOUNT": {"kind": "basic", "username": "AC123", "password": "token-1"},
    }
    environ = {f"SAGE_CREDENTIAL_{name}": json.dumps(shape) for name, shape in held.items()}
    environ["SAGE_CREDENTIAL_ACCOUNT_HOSTS"] = environ["SAGE_CREDENTIAL_SIGN_HOSTS"] = "127.0.0.1"
    with LocalHost(folder=tmp_path, environ={"SAGE_ALLOW_PRIVATE_NETWORK": "127.0.0.0/8", **environ}) as made:
        yield made


# ------------------------------------------------------------------------------------------------ GraphQL


async def test_a_graphql_service_is_asked_with_variables(host: LocalHost, server: ScriptedServer) -> None:
    server.answers["/graphql"] = Answer(200, {"data": {"user": {"name": "Ada"}}})
    config = {
        "url": server.url + "/graphql", "query": "query ($id: ID!) { user(id: $id) { name } }",
        "variables": {"id": "7"}, "operation": "Q",
    }  # fmt: skip
    made = await run_node("graphql_request", host, config=config)
    assert made == {"data": {"user": {"name": "Ada"}}, "errors": []}
    assert server.asked[0].json() == {
        "query": config["query"], "variables": {"id": "7"}, "operationName": "Q",
    }  # fmt: skip


async def test_errors_of_graphql_fail_the_node_unless_parts_are_welcome(
    host: LocalHost, server: ScriptedServer
) -> None:
    errors = [{"message": "no such user", "path": ["user", 0]}, {"message": "more"}]
    server.answers["/g"] = Answer(200, {"data": {"user": None, "shop": 1}, "errors": errors})
    config = {"url": server.url + "/g", "query": "{ user }"}
    wrong = await failure_of("graphql_request", host, config=config)
    assert (wrong["code"], wrong["details"]["place"]) == ("graphql.failed", " (at user.0)")
    made = await run_node("graphql_request", host, config={**config, "partial": True})
    assert (made["data"]["shop"], len(made["errors"])) == (1, 2)
    server.answers["/g"] = Answer(
        400, {"errors": [{"message": "bad", "locations": [{"line": 2, "column": 3}]}]}
    )
    wrong = await failure_of("graphql_request", host, config={**config, "partial": True})
    assert "line 2, column 3" in wrong["message"]
    server.answers["/g"] = Answer(404, "<html>")
    assert (await failure_of("graphql_request", host, config=config))["code"] == "graphql.not_graphql"


async def test_a_query_is_repeated_and_a_mutation_is_not(host: LocalHost, server: ScriptedServer) -> None:
    server.answers["/g"] = [Answer(500, ""), Answer(200, {"data": {}})]
    config = {"url": server.url + "/g", "query": "{ a }"}
    await run_node("graphql_request", host, config=config)
    server.answers["/g"] = [Answer(500, ""), Answer(200, {"data": {}})]
    await failure_of("graphql_request", host, config={**config, "kind": "mutation"})
    assert len(server.asked) == 3
    assert GraphqlRequest.effect({"kind": "mutation"}) == "at_most_once"
    assert GraphqlRequest.effect({}) == "idempotent"


# ------------------------------------------------------------------------------------------------ webhooks


def is_signed(asked: Asked) -> bool:
    """As the specification tells receivers to check it."""
    headers = {name.lower(): value for name, value in asked.headers.items()}
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + asked.body
    expected = base64.b64encode(hmac.digest(base64.b64decode(KEY), signed, "sha256")).decode()
    return headers["webhook-signature"] == f"v1,{expected}"


async def test_a_webhook_is_signed_and_repeated_with_the_same_id(
    keyed: LocalHost, server: ScriptedServer
) -> None:
    server.answers["/h"] = [Answer(500, ""), Answer(429, "", {"Retry-After": "0"}), Answer(202, "thanks")]
    config = {"url": server.url + "/h", "credential": "sign", "type": "order.paid"}
    made = await run_node("webhook_call", keyed, config=config, inputs={"value": {"总": 1}})
    assert (made["status"], made["answer"]) == (202, "thanks")
    assert all(map(is_signed, server.asked))
    assert {asked.headers["Webhook-Id"] if "Webhook-Id" in asked.headers else asked.headers["webhook-id"]
            for asked in server.asked} == {made["message_id"]}  # fmt: skip
    body = server.asked[-1].json()
    assert (body["type"], body["data"]) == ("order.paid", {"总": 1})
    assert len({asked.body for asked in server.asked}) == 1
    assert WebhookCall.spec.effect == "idempotent"


@pytest.mark.parametrize("status", [400, 401, 410, 302])
async def test_a_webhook_that_is_refused_is_not_repeated(
    keyed: LocalHost, server: ScriptedServer, status: int
) -> None:
    server.answers["/h"] = Answer(status, "no", {"Location": "/elsewhere"})
    config = {"url": server.url + "/h", "credential": "sign"}
    wrong = await failure_of("webhook_call", keyed, config=config, inputs={"value": 1})
    assert (wrong["code"], wrong["details"]["status"], len(server.asked)) == (
        "webhook_call.refused",
        status,
        1,
    )


async def test_a_signing_secret_signs_only_toward_its_hosts(keyed: LocalHost, server: ScriptedServer) -> None:
    config = {"url": f"http://localhost:{server.port}/h", "credential": "sign"}
    wrong = await failure_of("webhook_call", keyed, config=config, inputs={"value": 1})
    assert wrong["code"] == "local.no_credential"
    assert server.asked == []


# ------------------------------------------------------------------------------------------------ SMS


async def sms(host: LocalHost, provider: str, server: ScriptedServer, path: str = "", **config: Any) -> Any:
    settings = {"provider": provider, "credential": "account", "url": server.url + path, **config}
    return await run_node("sms_send", host, config=settings)


async def test_twilio_is_asked_as_it_wants_it(keyed: LocalHost, server: ScriptedServer) -> None:
    path = "/2010-04-01/Accounts/AC123/Messages.json"
    refusal = {"code": 21211, "message": "The 'To' number is not valid"}
    server.answers[path] = [Answer(201, {"sid": "SM1", "status": "queued"}), Answer(400, refusal)]
    made = await sms(
        keyed, "twilio", server, to="+1 500 555-0006, +15005550001", text="Hi 你好", sender="+1500"
    )
    assert made["sent"] == [{"to": "+15005550006", "id": "SM1"}]
    assert made["refused"] == [{"to": "+15005550001", "reason": "The 'To' number is not valid"}]
    asked = server.asked[0]
    assert parse_qs(asked.body.decode()) == {"To": ["+15005550006"], "From": ["+1500"], "Body": ["Hi 你好"]}
    assert asked.headers["Authorization"] == "Basic " + base64.b64encode(b"AC123:token-1").decode()


async def test_aliyun_and_tencent_get_signed_requests(keyed: LocalHost, server: ScriptedServer) -> None:
    server.answers["/"] = Answer(200, {"Code": "OK", "BizId": "9", "Message": "OK"})
    common = {
        "to": "13800138000",
        "sender": "阿里云",
        "template": "SMS_1",
        "template_values": {"code": "1234"},
    }
    assert (await sms(keyed, "aliyun", server, "/", **common))["sent"][0]["id"] == "9"
    asked = server.asked[-1]
    query = {name: values[0] for name, values in parse_qs(urlsplit(asked.path).query).items()}
    assert (query["PhoneNumbers"], json.loads(query["TemplateParam"])) == ("13800138000", {"code": "1234"})
    headers = {name.lower(): value for name, value in asked.headers.items()}
    signed = {name: headers[name] for name in headers if name.startswith("x-acs-")} | {
        "host": headers["host"]
    }
    assert headers["authorization"] == aliyun_authorization("POST", query, signed, "AC123", "token-1")
    status = {"Code": "Ok", "SerialNo": "s-1"}
    server.answers["/"] = Answer(200, {"Response": {"SendStatusSet": [status]}})
    assert (await sms(keyed, "tencent", server, "/", app_id="140", **common))["sent"][0]["id"] == "s-1"
    asked = server.asked[-1]
    headers = {name.lower(): value for name, value in asked.headers.items()}
    assert asked.json()["TemplateParamSet"] == ["1234"]
    expected = tencent_authorization(
        headers["host"], asked.body.decode(), int(headers["x-tc-timestamp"]), "AC123", "token-1"
    )
    assert headers["authorization"] == expected


def test_the_signature_of_aliyun_is_the_one_of_its_documentation() -> None:
    """From help.aliyun.com, "Request syntax and signature method V3", fixed parameters."""
    query = {"ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd", "RegionId": "cn-shanghai"}
    headers = {
        "host": "ecs.cn-shanghai.aliyuncs.com", "x-acs-action": "RunInstances",
        "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(), "x-acs-date": "2023-10-26T10:22:32Z",
        "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d", "x-acs-version": "2014-05-26",
    }  # fmt: skip
    line = aliyun_authorization("POST", query, headers, "YourAccessKeyId", "YourAccessKeySecret")
    assert line.endswith("Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0")


@pytest.mark.parametrize("to", ["", "abc", "+1;DROP", "12"])
async def test_what_is_no_number_is_not_sent(keyed: LocalHost, server: ScriptedServer, to: str) -> None:
    config = {"credential": "account", "url": server.url, "to": to}
    wrong = await failure_of("sms_send", keyed, config=config)
    assert wrong["code"] in {"sms_send.bad_number", "node.bad_setting"}
    assert server.asked == []


async def test_another_provider_is_sent_json(keyed: LocalHost, server: ScriptedServer) -> None:
    server.answers["/send"] = Answer(200, {"data": {"message": "m-1"}})
    made = await sms(keyed, "generic", server, "/send", to=["+4915112345"], text="Hi", id_path="data.message")
    assert made["sent"] == [{"to": "+4915112345", "id": "m-1"}]
    assert server.asked[0].json() == {"to": "+4915112345", "from": "", "text": "Hi"}
