"""Calls of webhooks, without a server: who is let in, what a run gets, and what the caller is told."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from apps.executions.models import Run
from apps.triggers.models import Trigger
from sage_studio.flow.firing import EVENT
from tests.triggers.conftest import Publish, node, publish_again
from tests.world import World

SECRET = "a secret of the hook"


def call(trigger: Trigger, body: Any = None, *, method: str = "post", end: str = "", **headers: str) -> Any:
    content = body if isinstance(body, (str, bytes)) else json.dumps(body)
    return getattr(Client(), method)(
        f"/hooks/{trigger.pk}{end}", content, content_type="application/json", headers=headers
    )


def newest_data() -> Any:
    return Run.objects.latest("created_at").inputs[EVENT]["data"]


def credential(world: World, kind: str, fields: dict[str, str]) -> str:
    body = {"name": "hook", "kind": kind, "fields": fields, "allowed_hosts": ["example.org"]}
    made = world.owner.client.post(f"{world.url}/credentials", body, format="json")
    assert made.status_code == 201, made.content
    return "hook"


def test_a_call_of_a_published_flow_starts_a_run_with_what_came(published: Publish) -> None:
    trigger = published(node("webhook_trigger"))
    answer = call(trigger, {"order": 7}, **{"X-From": "shop", "Authorization": "Bearer x"})
    run = Run.objects.get(pk=answer.json()["run_id"])
    assert (answer.status_code, run.trigger, run.version, run.created_by_id) == (202, "webhook", 1, None)
    data = run.inputs[EVENT]["data"]
    assert (data["body"], data["method"], data["headers"]["x-from"]) == ({"order": 7}, "POST", "shop")
    assert "authorization" not in data["headers"]


def test_what_is_not_published_is_a_clear_404_and_publishing_makes_it_work(world: World, drawn: Any) -> None:
    flow_id = drawn(node("webhook_trigger"))
    [listed] = world.editor.client.get(f"{world.url}/flows/{flow_id}/triggers").json()["items"]
    trigger = Trigger.objects.get(pk=listed["id"])
    assert (listed["state"], call(trigger).json()["code"]) == ("draft", "trigger.not_published")
    publish_again(world, flow_id)
    assert call(trigger, {}).status_code == 202
    unknown = Client().post(f"/hooks/{uuid.uuid4()}")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "trigger.unknown")


def test_a_paused_trigger_says_so(world: World, published: Publish) -> None:
    trigger = published(node("webhook_trigger"))
    address = f"{world.url}/triggers/{trigger.pk}"
    assert world.editor.client.patch(address, {"is_paused": True}, format="json").status_code == 403
    assert world.owner.client.patch(address, {"is_paused": True}, format="json").status_code == 204
    assert call(trigger, {}).json()["code"] == "trigger.paused"
    [listed] = world.editor.client.get(f"{world.url}/triggers").json()["items"]
    assert (listed["state"], listed["address"].endswith(str(trigger.pk))) == ("paused", True)


def test_the_test_address_takes_one_call_while_somebody_listens(world: World, drawn: Any) -> None:
    flow_id = drawn(node("webhook_trigger"))
    [listed] = world.editor.client.get(f"{world.url}/flows/{flow_id}/triggers").json()["items"]
    trigger = Trigger.objects.get(pk=listed["id"])
    assert call(trigger, {}, end="/test").json()["code"] == "trigger.not_listening"
    assert world.viewer.client.post(f"{world.url}/triggers/{trigger.pk}/listen").status_code == 403
    assert world.editor.client.post(f"{world.url}/triggers/{trigger.pk}/listen").status_code == 200
    assert call(trigger, {"a": 1}, end="/test").status_code == 202
    run = Run.objects.get()
    assert (run.version, run.created_by_id) == (None, world.editor.person.pk)
    assert call(trigger, {}, end="/test").json()["code"] == "trigger.not_listening"


def test_a_second_call_under_the_same_key_is_the_first(published: Publish) -> None:
    trigger = published(node("webhook_trigger"))
    answers = [call(trigger, {}, **{"Idempotency-Key": "k1"}).json() for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert Run.objects.count() == 1
    assert call(trigger, {}, **{"Idempotency-Key": "x" * 201}).status_code == 400


def signed(how: str, body: bytes, at: int, secret: str = SECRET) -> dict[str, str]:
    def mac(text: bytes) -> str:
        return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()

    if how == "github":
        return {"X-Hub-Signature-256": f"sha256={mac(body)}", "X-GitHub-Delivery": f"d{at}"}
    if how == "stripe":
        return {"Stripe-Signature": f"t={at},v1={'0' * 64},v1={mac(f'{at}.'.encode() + body)}"}
    if how == "slack":
        digest = mac(f"v0:{at}:".encode() + body)
        return {"X-Slack-Request-Timestamp": str(at), "X-Slack-Signature": f"v0={digest}"}
    raw = hmac.new(secret.encode(), f"m1.{at}.".encode() + body, hashlib.sha256).digest()
    value = "v1," + base64.b64encode(raw).decode()
    return {"Webhook-Id": "m1", "Webhook-Timestamp": str(at), "Webhook-Signature": value}


@pytest.mark.parametrize("how", ["github", "stripe", "slack", "standard"])
def test_a_signed_call_is_let_in_once(world: World, published: Publish, how: str) -> None:
    name = credential(world, "signing_secret", {"secret": SECRET})
    trigger = published(node("webhook_trigger", {"auth": how, "signing_secret": name}))
    body, now = b'{"n": 1}', int(time.time())
    assert call(trigger, body).json()["code"] == "trigger.not_allowed"
    assert call(trigger, body, **signed(how, body, now, "another")).status_code == 401
    assert call(trigger, b'{"n": 2}', **signed(how, body, now)).status_code == 401
    assert Run.objects.count() == 0
    for _ in range(2):
        assert call(trigger, body, **signed(how, body, now)).status_code == 202
    assert Run.objects.count() == 1
    if how != "github":
        assert call(trigger, body, **signed(how, body, now - 400)).json()["code"] == "trigger.too_old"


@pytest.mark.parametrize(
    ("how", "kind", "field", "facts"),
    [
        ("header", "api_key", "key", ({"api_key": "k", "header": "X-Key", "prefix": ""}, {"X-Key": "k"})),
        ("bearer", "bearer", "token", ({"token": "t"}, {"Authorization": "Bearer t"})),
        ("basic", "basic", "account", ({"username": "u", "password": "p"}, {"Authorization": "Basic dTpw"})),
    ],
)
def test_keys_tokens_and_passwords(  # noqa: PLR0917 - the fixtures come by name
    world: World, published: Publish, how: str, kind: str, field: str, facts: Any
) -> None:
    fields, headers = facts
    name = credential(world, kind, fields)
    trigger = published(node("webhook_trigger", {"auth": how, field: name}))
    wrong = {key: value[:-1] + "y" for key, value in headers.items()}
    assert call(trigger, {}).status_code == call(trigger, {}, **wrong).status_code == 401
    assert call(trigger, {}, **headers).status_code == 202


def test_whoever_guesses_is_held_up(world: World, published: Publish) -> None:
    name = credential(world, "bearer", {"token": "t"})
    trigger = published(node("webhook_trigger", {"auth": "bearer", "token": name}))
    codes = [call(trigger, {}).status_code for _ in range(62)]
    assert (set(codes[:60]), set(codes[60:])) == ({401}, {429})


def test_a_trigger_without_its_credential_lets_nobody_in(published: Publish) -> None:
    trigger = published(node("webhook_trigger", {"auth": "bearer", "token": "gone"}))
    assert call(trigger, {}, Authorization="Bearer ").json()["code"] == "trigger.no_secret"


def test_bodies_of_every_kind(published: Publish) -> None:
    trigger = published(node("webhook_trigger", {"method": "any", "max_kb": 4}))
    client, address = Client(), f"/hooks/{trigger.pk}?a=1&b=2&b=3"
    sent = {"name": "Ada", "cv": SimpleUploadedFile("cv.txt", b"My life")}
    assert client.post(address, sent).status_code == 202
    data = newest_data()
    assert (data["body"], data["query"]) == ({"name": "Ada"}, {"a": "1", "b": ["2", "3"]})
    assert (data["files"][0]["name"], data["files"][0]["size_bytes"]) == ("cv.txt", 7)
    assert client.put(address, "x=1&x=2", content_type="application/x-www-form-urlencoded").status_code == 202
    assert newest_data()["body"] == {"x": ["1", "2"]}
    assert client.patch(address, "<a/>", content_type="text/xml").status_code == 202
    assert newest_data()["body"] == "<a/>"
    assert client.post(address, b"\x00\x01", content_type="application/octet-stream").status_code == 202
    assert (newest_data()["body"], newest_data()["files"][0]["size_bytes"]) == (None, 2)
    assert client.get(address).status_code == 202
    assert newest_data()["body"] is None
    for bad in (b"{", b'{"a":1,"a":2}', b"[" * 3000):
        assert call(trigger, bad).status_code == 400
    assert call(trigger, b'"' + b"x" * 5000 + b'"').status_code == 413
    broken = client.post(address, b"no form", content_type="multipart/form-data; boundary=x")
    assert broken.status_code in {202, 400}


def test_a_method_that_is_not_wanted(published: Publish) -> None:
    trigger = published(node("webhook_trigger", {"method": "PUT"}))
    assert (call(trigger, {}).status_code, call(trigger, {}, method="put").status_code) == (405, 202)


def test_pages_of_allowed_origins_may_call(published: Publish) -> None:
    trigger = published(node("webhook_trigger", {"origins": "https://a.example"}))
    assert call(trigger, {}, Origin="https://a.example")["Access-Control-Allow-Origin"] == "https://a.example"
    assert "Access-Control-Allow-Origin" not in call(trigger, {}, Origin="https://b.example")
    asked = Client().options(f"/hooks/{trigger.pk}", headers={"Origin": "https://a.example"})
    assert (asked.status_code, asked["Access-Control-Allow-Methods"]) == (204, "POST")


def test_flow_inputs_are_taken_from_the_body_by_name(published: Publish) -> None:
    inputs = [{"name": "city", "type": "string", "required": True}]
    trigger = published(node("webhook_trigger"), inputs=inputs)
    refused = call(trigger, {"town": "Bern"})
    assert (refused.status_code, refused.json()["code"]) == (422, "run.input_missing")
    trigger.refresh_from_db()
    assert (trigger.refusals, (trigger.last_error or {})["code"]) == (1, "run.input_missing")
    assert call(trigger, {"city": "Bern", "more": 1}).status_code == 202
    assert Run.objects.get().inputs["city"] == "Bern"


def test_listening_ends_by_itself(world: World, published: Publish) -> None:
    trigger = published(node("webhook_trigger"))
    world.editor.client.post(f"{world.url}/triggers/{trigger.pk}/listen")
    Trigger.objects.update(listening_until=timezone.now())
    assert call(trigger, {}, end="/test").json()["code"] == "trigger.not_listening"
