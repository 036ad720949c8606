"""What people try at addresses that are open to all."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache.backends.locmem import LocMemCache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from apps.common import sealed_ids
from apps.common.middleware import loggable
from apps.executions.models import NodeRun, Run
from apps.files.models import File
from apps.triggers import adapters, answers, hooks
from apps.triggers.models import Trigger
from apps.triggers.services import happenings
from apps.triggers.types import WATCH_PURPOSE
from sage_studio.flow.firing import EVENT
from tests.triggers.conftest import Publish, node
from tests.triggers.test_forms import end
from tests.triggers.test_hooks import SECRET, call, credential, newest_data, signed
from tests.world import World


@pytest.mark.parametrize(
    ("how", "field", "headers"),
    [
        ("header", "key", {}),
        ("basic", "account", {"Authorization": "Basic Og=="}),
        ("github", "signing_secret", {}),
    ],
)
def test_a_credential_of_another_kind_lets_nobody_in(
    world: World, published: Publish, how: str, field: str, headers: dict[str, str]
) -> None:
    name = credential(world, "bearer", {"token": "t"})
    trigger = published(node("webhook_trigger", {"auth": how, field: name}))
    forged = signed("github", b"{}", 0, secret="")
    assert call(trigger, {}, **headers, **forged).json()["code"] == "trigger.no_secret"
    assert Run.objects.count() == 0


def test_what_lets_a_caller_in_is_not_kept_with_the_run(world: World, published: Publish) -> None:
    name = credential(world, "api_key", {"api_key": "k", "header": "X-Key", "prefix": ""})
    trigger = published(node("webhook_trigger", {"auth": "header", "key": name}))
    assert call(trigger, {}, **{"X-Key": "k", "X-Other": "o"}).status_code == 202
    assert newest_data()["headers"]["x-other"] == "o"
    assert "x-key" not in newest_data()["headers"]


def test_a_signed_call_counts_once_under_whatever_key_it_is_sent_again(
    world: World, published: Publish
) -> None:
    name = credential(world, "signing_secret", {"secret": SECRET})
    trigger = published(node("webhook_trigger", {"auth": "stripe", "signing_secret": name}))
    given = signed("stripe", b"{}", int(time.time()))
    for key in "abc":
        assert call(trigger, b"{}", **given, **{"Idempotency-Key": key}).status_code == 202
    assert Run.objects.count() == 1
    assert "stripe-signature" not in newest_data()["headers"]


def test_only_calls_that_start_a_run_leave_files(world: World, published: Publish) -> None:
    trigger = published(node("webhook_trigger"), inputs=[{"name": "a", "type": "string", "required": True}])
    address = f"/hooks/{trigger.pk}"

    def send(**values: str) -> int:
        cv = SimpleUploadedFile("cv.txt", b"My life")
        return Client().post(address, {**values, "cv": cv}, headers={"Idempotency-Key": "k"}).status_code

    assert (send(), File.objects.count()) == (422, 0)
    assert (send(a="x"), send(a="x"), File.objects.count()) == (202, 202, 1)
    Trigger.objects.update(
        listening_until=timezone.now() - timedelta(seconds=1), listener=world.editor.person
    )
    address += "/test"
    assert (send(a="x"), File.objects.count()) == (404, 1)
    form = published(node("form_trigger", {"fields": [{"name": "a"}]}))
    address = f"/forms/{form.pk}"
    assert (send(a="x"), File.objects.count()) == (200, 1)


def test_no_address_of_a_call_holds_what_no_database_keeps(published: Publish) -> None:
    trigger = published(node("webhook_trigger"))
    kind = "application/x-www-form-urlencoded"
    answer = Client().post(f"/hooks/{trigger.pk}?a%00=%00", "b%00=%00", content_type=kind)
    assert answer.status_code == 202
    assert "\\u0000" not in json.dumps(newest_data())


def test_a_link_to_one_triggers_answer_opens_no_others(published: Publish) -> None:
    trigger = published(node("webhook_trigger"), node("webhook_trigger", node_id="other"))
    call(trigger, {})
    run = Run.objects.get()
    end(run, "completed")
    token = sealed_ids.token_for(WATCH_PURPOSE, run.pk)
    other = Trigger.objects.get(flow_id=trigger.flow_id, node_id="other")
    assert Client().get(f"/hooks/{trigger.pk}/runs/{token}").json() == {"n": 1}
    assert Client().get(f"/hooks/{other.pk}/runs/{token}").status_code == 404


def test_what_a_caller_sent_names_no_value_of_the_workspace(published: Publish) -> None:
    call(published(node("webhook_trigger")), {})
    run = Run.objects.get()
    key = "sha256:" + hashlib.sha256(b"1").hexdigest()
    Run.objects.update(state="completed", outputs={"echo": {"a": {"$$blob": key}, "b": {"$$blob": 5}}})
    answer: Any = answers.answer_find(answers.Waited(run.pk, run.workspace_id))
    assert json.loads(answer.content) == {"echo": {"a": {"$blob": key}, "b": {"$blob": 5}}}


def test_an_answer_speaks_for_its_address_only(published: Publish) -> None:
    call(published(node("webhook_trigger")), {})
    run = Run.objects.get()
    bad = ("NEL", "Report-To", "X-Accel-Redirect", "X-Sendfile", "Alt-Svc", "Sec-X", "Set-Cookie", "Upgrade")
    told = {"kind": "html", "status": 200, "headers": {**dict.fromkeys(bad, "x"), "X-Mine": "x"}}
    rows = {"iteration_path": "", "state": "completed", "outputs": {"body": "<b>", "response": told}}
    NodeRun.objects.create(run=run, node_id="say", attempt=1, **rows)
    answer: Any = answers.answer_find(answers.Waited(run.pk, run.workspace_id, ("say",)))
    assert (answer["X-Mine"], [name for name in bad if name in answer]) == ("x", [])
    assert answer["Content-Security-Policy"].startswith("sandbox;")


def test_counting_ends_with_the_minute_it_began_in(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = LocMemCache("counting", {})
    monkeypatch.setattr(hooks, "cache", kept)
    assert hooks.counted("t") == 1
    expires = dict(kept._expire_info)  # type: ignore[attr-defined] # Django's own
    assert (hooks.counted("t"), hooks.counted("t")) == (2, 3)
    assert kept._expire_info == expires  # type: ignore[attr-defined]


def test_a_page_to_go_to_that_cannot_be_read_breaks_no_form(published: Publish) -> None:
    for redirect, rule in (
        ("http://[", "form-action 'self' ;"),
        ("http://例子.com/", "http://xn--fsqu00a.com"),
    ):
        form = published(node("form_trigger", {"after": "redirect", "redirect": redirect}))
        page = Client().get(f"/forms/{form.pk}")
        assert (page.status_code, rule in page["Content-Security-Policy"]) == (200, True)


@pytest.mark.parametrize("chain", ["x", -1_000_000, None, [1]])
def test_nobody_writes_how_often_flows_started_one_another(
    world: World, published: Publish, drawn: Any, chain: Any
) -> None:
    flow_id = drawn(node("manual_trigger"))
    published(node("flow_event_trigger", {"when": "ended"}))
    body = {"flow_id": flow_id, "inputs": {EVENT: {"node": "start", "chain": chain, "data": {}}}}
    assert world.editor.client.post(f"{world.url}/runs", body, format="json").status_code == 202
    end(Run.objects.get(), "completed")
    assert Run.objects.get(trigger="flow_event").inputs[EVENT]["chain"] == 1


def test_flows_that_listen_to_one_another_do_not_multiply(
    world: World, published: Publish, drawn: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(happenings, "MAX_FOLLOWERS", 3)
    flow_id = drawn(node("manual_trigger"))
    listening = [published(node("flow_event_trigger", {"when": "ended"})) for _ in range(3)]
    body = {"flow_id": flow_id, "inputs": {}}
    assert world.editor.client.post(f"{world.url}/runs", body, format="json").status_code == 202
    while (run := Run.objects.filter(state="ready").first()) is not None:
        end(run, "completed")
    assert Run.objects.filter(trigger="flow_event").count() == 3
    for trigger in listening:
        trigger.refresh_from_db()
    assert {(trigger.last_error or {}).get("code") for trigger in listening} == {"trigger.crowd"}


def test_an_open_address_is_not_called_without_end(
    published: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "OPEN_CALLS_PER_MINUTE", 2)
    trigger = published(node("webhook_trigger", {"auth": "none"}))
    assert [call(trigger, {}).status_code for _ in range(4)] == [202, 202, 429, 429]
    assert Run.objects.count() == 2


async def test_callers_who_wait_are_not_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapters, "MOST_WAITING", 0)
    waited = answers.Waited(uuid.uuid4(), uuid.uuid4())
    later = HttpResponse(status=202)
    assert await adapters.answer_wait(waited, uuid.uuid4(), 300.0, lambda: later) is later


def test_who_may_start_no_run_sees_no_address_that_does(world: World, published: Publish) -> None:
    trigger = published(node("webhook_trigger", {"auth": "none"}))
    (seen,) = world.editor.client.get(f"{world.url}/triggers").json()["items"]
    assert seen["address"].endswith(f"/hooks/{trigger.pk}")
    (seen,) = world.viewer.client.get(f"{world.url}/triggers").json()["items"]
    assert (seen["address"], seen["test_address"]) == ("", "")


def test_logs_open_no_address() -> None:
    secret = "0198a2b4-7c1e-7cc3-98c4-dc0c0c07398f"
    hidden = (f"/hooks/{secret}", f"/hooks/{secret}/test", f"/forms/{secret}/runs/abc", f"/shared/{secret}")
    assert [path for path in hidden if secret in loggable(path) or "abc" in loggable(path)] == []
    assert loggable("/api/v1/runs/1") == "/api/v1/runs/1"
