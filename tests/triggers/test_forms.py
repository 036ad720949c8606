"""Form pages, events of other flows and new files."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.common import events, outbox
from apps.common.db import write_transaction
from apps.executions.events import RUN_FINISHED
from apps.executions.models import Run
from apps.triggers.models import Trigger
from apps.triggers.types import MAX_CHAIN
from sage_studio.flow.firing import EVENT
from tests.triggers.conftest import Publish, node
from tests.world import World

FIELDS = [
    {"name": "name", "label": "Your <b>name</b>", "kind": "text", "required": True, "max_length": 5},
    {"name": "age", "kind": "number"},
    {"name": "mail", "kind": "email"},
    {"name": "day", "kind": "date"},
    {"name": "size", "kind": "select", "options": ["S", "M"]},
    {"name": "agree", "kind": "checkbox"},
    {"name": "cv", "kind": "file"},
    "nonsense",
]


def test_a_stranger_fills_in_the_form_and_the_flow_starts_with_it(published: Publish) -> None:
    trigger = published(node("form_trigger", {"title": "Ask us", "fields": FIELDS, "message": "Got it"}))
    client, address = Client(headers={"Accept-Language": "zh"}), f"/forms/{trigger.pk}"
    page = client.get(address)
    words = page.content.decode()
    assert ("<h1>Ask us</h1>" in words, "Your &lt;b&gt;name" in words, "必填" in words) == (True, True, True)
    assert "default-src 'none'" in page["Content-Security-Policy"]
    wrong = {"name": "Augusta", "age": "old", "mail": "a@", "day": "1.1.", "size": "XXL"}
    refused = client.post(address, wrong)
    assert (refused.status_code, refused.content.decode().count('class="fault"')) == (422, 5)
    assert Run.objects.count() == 0
    cv = SimpleUploadedFile("cv.txt", b"My life")
    right = {"name": "Ada", "age": "36", "size": "M", "agree": "on", "cv": cv, "more": "x"}
    assert "Got it" in client.post(address, right).content.decode()
    run = Run.objects.get()
    data = run.inputs[EVENT]["data"]
    values = {"name": "Ada", "age": 36, "mail": "", "day": "", "size": "M", "agree": True}
    assert (run.trigger, data["values"], data["files"][0]["name"]) == ("form", values, "cv.txt")
    assert "Got it" in client.post(address, {"name": "Bot", "website_": "x"}).content.decode()
    assert Run.objects.count() == 1


def test_a_form_for_members_is_not_there_for_others(world: World, published: Publish) -> None:
    trigger = published(node("form_trigger", {"access": "members"}))
    address = f"/forms/{trigger.pk}"
    assert (Client().get(address).status_code, world.stranger.client.get(address).status_code) == (404, 404)
    assert world.viewer.client.get(address).status_code == 200


def test_the_result_of_the_run_is_shown_when_it_is_there(published: Publish) -> None:
    trigger = published(node("form_trigger", {"after": "result"}))
    client = Client()
    sent = client.post(f"/forms/{trigger.pk}", {"name": "Ada"})
    assert sent.status_code == 302
    assert 'data-state="working"' in client.get(sent["Location"]).content.decode()
    Run.objects.update(state="completed", outputs={"answer": "All <is> well"})
    assert "All &lt;is&gt; well" in client.get(sent["Location"]).content.decode()
    assert client.get(sent["Location"][:-3] + "AAA").status_code == 404


def test_values_are_shown_in_words_of_people(published: Publish) -> None:
    trigger = published(node("form_trigger", {"after": "result"}))
    client = Client()
    sent = client.post(f"/forms/{trigger.pk}", {"name": "Ada"})["Location"]
    outputs = {"end": {"count": 0, "fits": False, "none": None, "tags": ["a", 2], "more": {"k": [True]}}}
    Run.objects.update(state="completed", outputs=outputs)
    page = client.get(sent).content.decode()
    for name, shown in (("count", "0"), ("fits", "No"), ("tags", "a<br>2")):
        assert f"<dt>{name}</dt><dd>{shown}</dd>" in page
    assert ("none" in page, "&quot;k&quot;: [" in page, "True" in page) == (False, True, False)


def test_a_form_that_is_paused_says_so_on_a_page(published: Publish) -> None:
    trigger = published(node("form_trigger", {}))
    Trigger.objects.filter(pk=trigger.pk).update(is_paused=True)
    for language, words in (("en", "The trigger is paused."), ("zh", "触发器已暂停。")):
        client = Client(headers={"Accept-Language": language})
        for answer in (
            client.get(f"/forms/{trigger.pk}"),
            client.post(f"/forms/{trigger.pk}", {"name": "A"}),
        ):
            assert (answer.status_code, answer["Content-Type"]) == (409, "text/html; charset=utf-8")
            assert words in answer.content.decode()
    assert Client().get("/forms/00000000-0000-4000-8000-000000000000").status_code == 404


def test_a_form_that_is_refused_keeps_what_was_filled_in(published: Publish) -> None:
    fields = {"fields": [{"name": "letter", "kind": "textarea"}]}
    trigger = published(
        node("form_trigger", fields), inputs=[{"name": "must", "type": "string", "required": True}]
    )
    refused = Client().post(f"/forms/{trigger.pk}", {"letter": "A long one"})
    page = refused.content.decode()
    assert (refused.status_code, "A long one</textarea>" in page, 'role="alert"' in page) == (422, True, True)
    assert Run.objects.count() == 0


def test_a_form_goes_to_another_page_but_to_no_script(published: Publish) -> None:
    trigger = published(node("form_trigger", {"after": "redirect", "redirect": "https://example.org/x"}))
    assert Client().post(f"/forms/{trigger.pk}", {"name": "Ada"})["Location"] == "https://example.org/x"
    other = published(node("form_trigger", {"after": "redirect", "redirect": "javascript:alert(1)"}))
    assert Client().post(f"/forms/{other.pk}", {"name": "Ada"}).status_code == 200


def end(run: Run, state: str) -> None:
    Run.objects.filter(pk=run.pk).update(state=state, outputs={"n": 1})
    with write_transaction():
        events.emit(RUN_FINISHED, {"run_id": str(run.pk), "state": state})
        events.emit(RUN_FINISHED, {"run_id": str(run.pk), "state": state})
    while outbox.deliver_due():
        pass


def test_the_end_of_one_flow_starts_another_once_and_never_in_a_circle(published: Publish) -> None:
    hook = published(node("webhook_trigger"), name="First")
    heard = published(
        node("flow_event_trigger", {"flow": str(hook.flow_id), "when": "failed"}), name="Second"
    )
    loose = published(node("flow_event_trigger", {"when": "ended"}), name="Third")
    Client().post(f"/hooks/{hook.pk}", "{}", content_type="application/json")
    first = Run.objects.get()
    end(first, "completed")
    [third] = Run.objects.exclude(pk=first.pk)
    data: Any = third.inputs[EVENT]["data"]
    assert (third.flow_id, data["run"]["flow_name"], data["outputs"]) == (loose.flow_id, "First", {"n": 1})
    end(third, "failed")
    assert not Run.objects.filter(flow=heard.flow_id).exists()
    third.inputs[EVENT]["chain"] = MAX_CHAIN
    Run.objects.filter(pk=first.pk).update(inputs=third.inputs)
    first.refresh_from_db()
    end(first, "failed")
    assert not Run.objects.filter(flow=heard.flow_id).exists()
    heard.refresh_from_db()
    assert (heard.last_error or {})["code"] == "trigger.chain"


def test_a_new_file_starts_the_flows_that_wait_for_such_a_name(world: World, published: Publish) -> None:
    trigger = published(node("file_trigger", {"names": "*.csv, invoice-*"}))
    for name in ("a.txt", "B.CSV"):
        sent = {"file": SimpleUploadedFile(name, b"a,b")}
        assert world.editor.client.post(f"{world.url}/files", sent, format="multipart").status_code == 201
    while outbox.deliver_due():
        pass
    run = Run.objects.get()
    assert (run.flow_id, run.inputs[EVENT]["data"]["name"]) == (trigger.flow_id, "B.CSV")
