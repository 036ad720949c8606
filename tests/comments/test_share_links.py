"""Links for people outside: owners alone make them, they show a drawing and nothing else, and they die."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.audit.models import AuditEntry
from apps.collaboration.models import ShareLink
from apps.common import sealed_ids
from apps.flows.models import Flow
from apps.flows.services import flow_archive, flow_create
from apps.workspaces.models import Membership
from apps.workspaces.services import member_role_set
from apps.workspaces.types import Role
from sage_studio.kernel import JsonObject
from tests.world import World

SECRET = "sk-live-0123456789"


@pytest.fixture
def flow(world: World) -> Flow:
    ask: JsonObject = {
        "id": "ask",
        "type": "http_request",
        "name": "Ask",
        "pos": [10, 20],
        "config": {"url": f"https://internal.example.org/?key={SECRET}", "credential": SECRET},
        "pinned": {"body": SECRET},
        "notes": SECRET,
    }
    tell: JsonObject = {"id": "tell", "type": "notify", "pos": [300, 20], "config": {"title": SECRET}}
    edge: JsonObject = {
        "id": "ask:body>tell:value",
        "source": "ask",
        "source_port": "body",
        "target": "tell",
        "target_port": "value",
    }
    note: JsonObject = {"id": "note", "text": "Read me", "pos": [0, 0], "size": [100, 80], "color": "yellow"}
    definition: JsonObject = {
        "schema": "sage-studio/flow@1",
        "name": "Shown",
        "description": SECRET,
        "variables": {"token": SECRET},
        "nodes": [ask, tell],
        "edges": [edge],
        "notes": [note],
    }
    return flow_create(
        person=world.owner.person, workspace=world.workspace, name="Shown", definition=definition
    )


def make(world: World, flow: Flow, **body: Any) -> dict[str, Any]:
    answer = world.owner.client.post(f"{world.url}/flows/{flow.pk}/links", body)
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()
    return found


def behind(link: dict[str, Any]) -> str:
    """The API's address for what is behind a link."""
    return f"/api/v1/shared/{link['url'].rsplit('/', 1)[1]}"


def test_a_link_shows_the_drawing_and_nothing_of_what_is_in_it(world: World, flow: Flow) -> None:
    answer = world.anonymous.get(behind(make(world, flow)))
    assert answer.status_code == 200
    shown = answer.json()
    assert [(node["id"], node.get("name")) for node in shown["nodes"]] == [("ask", "Ask"), ("tell", None)]
    assert set(shown["nodes"][0]["type_name"]) == {"en", "zh"}
    assert [edge["id"] for edge in shown["edges"]] == ["ask:body>tell:value"]
    assert [note["text"] for note in shown["notes"]] == ["Read me"]
    assert SECRET not in answer.content.decode()
    assert set(shown) == {"name", "updated_at", "expires_at", "nodes", "edges", "notes"}
    places = {"id", "type", "name", "type_name", "category", "icon", "pos", "size", "parent", "disabled"}
    assert all(set(node) <= places for node in shown["nodes"])
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Robots-Tag"] == "noindex"


def test_only_owners_see_make_and_take_back_links(world: World, flow: Flow) -> None:
    link = make(world, flow)
    url = f"{world.url}/flows/{flow.pk}/links"
    for client, code in (
        (world.editor.client, 403),
        (world.viewer.client, 403),
        (world.stranger.client, 404),
    ):
        assert client.get(url).status_code == code
        assert client.post(url, {}).status_code == code
        assert client.delete(f"{url}/{link['id']}").status_code == code
    assert [item["id"] for item in world.owner.client.get(url).json()["items"]] == [link["id"]]
    assert world.owner.client.delete(f"{url}/{link['id']}").status_code == 204
    assert world.owner.client.delete(f"{url}/{link['id']}").status_code == 404
    assert world.anonymous.get(behind(link)).status_code == 404
    actions = AuditEntry.objects.filter(target_type="share_link").order_by("seq")
    assert [entry.action for entry in actions] == ["share_link.created", "share_link.deleted"]


def test_a_link_is_taken_back_through_its_own_flow_only(world: World, flow: Flow) -> None:
    link = make(world, flow)
    theirs = flow_create(person=world.stranger.person, workspace=world.elsewhere, name="Theirs")
    foreign = f"/api/v1/workspaces/{world.elsewhere.pk}/flows/{theirs.pk}/links/{link['id']}"
    assert world.stranger.client.delete(foreign).status_code == 404
    assert world.anonymous.get(behind(link)).status_code == 200


def test_a_link_ends_with_its_time_its_flow_and_its_makers_right(world: World, flow: Flow) -> None:
    timed, lasting = make(world, flow, expires_in_days=1), make(world, flow)
    assert timed["expires_at"] is not None
    ShareLink.objects.filter(pk=timed["id"]).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert world.anonymous.get(behind(timed)).status_code == 404
    Membership.objects.filter(person=world.editor.person).update(role=Role.OWNER.value)
    member_role_set(world.editor.person, world.workspace, world.owner.person.pk, Role.EDITOR)
    assert world.anonymous.get(behind(lasting)).status_code == 404
    member_role_set(world.editor.person, world.workspace, world.owner.person.pk, Role.OWNER)
    assert world.anonymous.get(behind(lasting)).status_code == 200
    flow_archive(person=world.owner.person, flow=flow)
    assert world.anonymous.get(behind(lasting)).status_code == 404


def test_links_cannot_be_guessed_and_wrong_ones_all_look_the_same(world: World, flow: Flow) -> None:
    link = make(world, flow)
    link_id, token = uuid.UUID(link["id"]), behind(link).rsplit("/", 1)[1]
    wrong = [
        "x",
        "%20",
        "é",
        str(link_id),
        # Not its last character, which carries bits that no byte takes.
        token[:30] + ("A" if token[30] != "A" else "B") + token[31:],
        sealed_ids.token_for("invitation", link_id),
        sealed_ids.token_for("share", uuid.uuid4()),
    ]
    answers = [world.anonymous.get(f"/api/v1/shared/{guess}") for guess in wrong]
    bodies = [{key: answer.json()[key] for key in ("code", "status", "hint")} for answer in answers]
    assert {answer.status_code for answer in answers} == {404}
    assert all(body == bodies[0] for body in bodies)
    assert bodies[0]["code"] == "share.link_invalid"


@pytest.mark.parametrize("days", [0, 366, "soon"])
def test_a_link_lives_a_day_to_a_year(world: World, flow: Flow, days: object) -> None:
    url = f"{world.url}/flows/{flow.pk}/links"
    assert world.owner.client.post(url, {"expires_in_days": days}).status_code == 400
