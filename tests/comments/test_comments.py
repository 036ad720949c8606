"""Comments: who may write, change, resolve and delete, who is told, and what others never see."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.audit.models import AuditEntry
from apps.collaboration.rooms import hints
from apps.collaboration.services import comments
from apps.common import bus
from apps.common.throttles import ScopedThrottle
from apps.flows.models import Flow
from apps.flows.services import flow_create
from apps.notifications.models import Notification
from tests.world import Someone, World


@pytest.fixture
def flow(world: World) -> Flow:
    return flow_create(person=world.owner.person, workspace=world.workspace, name="Talked about")


@pytest.fixture
def url(world: World, flow: Flow) -> str:
    return f"{world.url}/flows/{flow.pk}/comments"


def begin(client: APIClient, url: str, body: str = "Why?", **anchor: Any) -> dict[str, Any]:
    answer = client.post(url, {"x": 10, "y": 20, "body": body, **anchor})
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()
    return found


def reply(client: APIClient, url: str, thread: dict[str, Any], body: str) -> dict[str, Any]:
    answer = client.post(f"{url}/{thread['id']}/replies", {"body": body})
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()
    return found


def at(url: str, thread: dict[str, Any], place: int = 0) -> str:
    return f"{url}/{thread['id']}/replies/{thread['comments'][place]['id']}"


def told(someone: Someone) -> list[Notification]:
    return list(Notification.objects.filter(person=someone.person).order_by("created_at"))


def test_a_thread_is_seen_by_every_member_with_its_place_and_words(world: World, url: str) -> None:
    thread = begin(world.viewer.client, url, "Is this right?", node_id="n1", node_name="Fetch")
    for someone in (world.owner, world.editor, world.viewer):
        (found,) = someone.client.get(url).json()["items"]
        assert (found["node_id"], found["node_name"], found["x"], found["y"]) == ("n1", "Fetch", 10, 20)
        assert found["comments"][0]["body"] == "Is this right?"
        assert found["comments"][0]["author"]["name"] == "Viewer"
        assert found == thread


@pytest.mark.parametrize("name", ["stranger", "admin"])
def test_outsiders_find_nothing_on_any_route(world: World, url: str, name: str) -> None:
    thread = begin(world.editor.client, url)
    client = getattr(world, name).client
    answers = [
        client.get(url),
        client.post(url, {"x": 0, "y": 0, "body": "Hello"}),
        client.get(f"{url}/{thread['id']}"),
        client.patch(f"{url}/{thread['id']}", {"resolved": True}),
        client.delete(f"{url}/{thread['id']}"),
        client.post(f"{url}/{thread['id']}/replies", {"body": "Hello"}),
        client.patch(at(url, thread), {"body": "Mine"}),
        client.delete(at(url, thread)),
        client.put(f"{at(url, thread)}/reactions", {"emoji": "👍", "on": True}),
    ]
    assert {answer.status_code for answer in answers} == {404}


def test_a_thread_is_reached_through_its_own_flow_only(world: World, url: str) -> None:
    thread = begin(world.editor.client, url)
    other = flow_create(person=world.owner.person, workspace=world.workspace, name="Other")
    elsewhere = flow_create(person=world.stranger.person, workspace=world.elsewhere, name="Theirs")
    for address in (
        f"{world.url}/flows/{other.pk}/comments",
        f"{world.url}/flows/{elsewhere.pk}/comments",
        f"{world.url}/flows/{uuid.uuid4()}/comments",
    ):
        assert world.owner.client.get(f"{address}/{thread['id']}").status_code == 404
        assert world.owner.client.delete(f"{address}/{thread['id']}").status_code == 404
        assert world.owner.client.post(f"{address}/{thread['id']}/replies", {"body": "x"}).status_code == 404


def test_where_the_owner_says_so_viewers_read_and_do_not_write(world: World, url: str) -> None:
    thread = begin(world.viewer.client, url)
    assert world.editor.client.patch(world.url, {"viewers_may_comment": False}).status_code == 403
    answer = world.owner.client.patch(world.url, {"viewers_may_comment": False})
    assert answer.json()["viewers_may_comment"] is False
    assert world.viewer.client.get(url).json()["items"] == [thread]
    refused = world.viewer.client.post(url, {"x": 0, "y": 0, "body": "Hello"})
    assert (refused.status_code, refused.json()["code"]) == (403, "comment.viewers_off")
    assert world.viewer.client.patch(at(url, thread), {"body": "New"}).status_code == 403
    assert world.viewer.client.delete(at(url, thread)).status_code == 403
    assert world.viewer.client.patch(f"{url}/{thread['id']}", {"resolved": True}).status_code == 403
    begin(world.editor.client, url)
    assert AuditEntry.objects.filter(action="workspace.viewers_may_comment").count() == 1


def test_words_are_changed_by_their_author_alone(world: World, url: str) -> None:
    thread = begin(world.editor.client, url, "Frist")
    for other in (world.owner, world.viewer):
        assert other.client.patch(at(url, thread), {"body": "Mine"}).status_code == 403
    changed = world.editor.client.patch(at(url, thread), {"body": "First"}).json()["comments"][0]
    assert changed["body"] == "First"
    assert changed["edited_at"] is not None


def test_a_comment_is_deleted_by_its_author_or_an_owner_and_the_last_takes_the_thread(
    world: World, url: str
) -> None:
    thread = reply(world.viewer.client, url, begin(world.editor.client, url), "Answer")
    assert world.viewer.client.delete(at(url, thread, 0)).status_code == 403
    assert world.editor.client.delete(at(url, thread, 1)).status_code == 403
    assert world.owner.client.delete(at(url, thread, 1)).status_code == 204
    assert [entry.target_type for entry in AuditEntry.objects.filter(action="comment.deleted")] == ["comment"]
    assert world.editor.client.delete(at(url, thread, 0)).status_code == 204
    assert world.owner.client.get(url).json()["items"] == []


def test_a_thread_that_others_answered_is_deleted_by_owners_alone(world: World, url: str) -> None:
    thread = reply(world.viewer.client, url, begin(world.editor.client, url), "Answer")
    assert world.editor.client.delete(f"{url}/{thread['id']}").status_code == 403
    assert world.owner.client.delete(f"{url}/{thread['id']}").status_code == 204
    own = begin(world.editor.client, url)
    assert world.editor.client.delete(f"{url}/{own['id']}").status_code == 204


def test_editors_resolve_any_thread_and_viewers_their_own(world: World, url: str) -> None:
    own, foreign = begin(world.viewer.client, url), begin(world.editor.client, url)
    assert world.viewer.client.patch(f"{url}/{foreign['id']}", {"resolved": True}).status_code == 403
    assert world.viewer.client.patch(f"{url}/{foreign['id']}", {"x": 1, "y": 1}).status_code == 403
    resolved = world.viewer.client.patch(f"{url}/{own['id']}", {"resolved": True}).json()
    assert resolved["resolved_by"]["name"] == "Viewer"
    assert [item["id"] for item in world.owner.client.get(f"{url}?state=open").json()["items"]] == [
        foreign["id"]
    ]
    assert [item["id"] for item in world.owner.client.get(f"{url}?state=resolved").json()["items"]] == [
        own["id"]
    ]
    reopened = world.editor.client.patch(f"{url}/{own['id']}", {"resolved": False}).json()
    assert (reopened["resolved_at"], reopened["resolved_by"]) == (None, None)


def test_who_is_mentioned_is_told_once_with_a_way_to_the_thread(world: World, flow: Flow, url: str) -> None:
    owner, stranger = world.owner.person, world.stranger.person
    thread = begin(world.viewer.client, url, f"<@{owner.pk}> <@{stranger.pk}> look, <@{owner.pk}>!")
    (notice,) = told(world.owner)
    assert notice.kind == "comment.mention"
    assert notice.link == f"/w/{world.workspace.pk}/flows/{flow.pk}?thread={thread['id']}"
    assert notice.title["en"] == "Viewer mentioned you in “Talked about”"
    assert notice.body["en"].startswith("@Owner ")
    assert told(world.stranger) == []
    assert [person["name"] for person in thread["comments"][0]["mentions"]] == ["Owner"]
    changed = f"<@{owner.pk}> and <@{world.editor.person.pk}>"
    world.viewer.client.patch(at(url, thread), {"body": changed})
    assert (len(told(world.owner)), len(told(world.editor))) == (1, 1)


def test_who_wrote_in_a_thread_hears_of_answers_and_nobody_of_their_own(world: World, url: str) -> None:
    thread = begin(world.viewer.client, url)
    reply(world.editor.client, url, thread, "Answer")
    reply(world.viewer.client, url, thread, f"Thanks <@{world.editor.person.pk}>")
    assert [notice.kind for notice in told(world.viewer)] == ["comment.reply"]
    assert [notice.kind for notice in told(world.editor)] == ["comment.mention"]
    assert told(world.owner) == []


def test_reactions_are_counted_once_per_person_and_taken_back(world: World, url: str) -> None:
    thread = begin(world.editor.client, url)
    address = f"{at(url, thread)}/reactions"
    for _ in range(2):
        world.viewer.client.put(address, {"emoji": "👍", "on": True})
    both = world.owner.client.put(address, {"emoji": "👍", "on": True}).json()["comments"][0]["reactions"]
    people = [str(world.viewer.person.pk), str(world.owner.person.pk)]
    assert both == [{"emoji": "👍", "people": people}]
    one = world.viewer.client.put(address, {"emoji": "👍", "on": False}).json()["comments"][0]["reactions"]
    assert one == [{"emoji": "👍", "people": people[1:]}]
    assert world.viewer.client.put(address, {"emoji": "<b>", "on": True}).status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {"x": 0, "y": 0, "body": " \n "},
        {"x": 0, "y": 0, "body": "\u200b\u2060"},
        {"x": 0, "y": 0, "body": "a" * 4001},
        {"x": 1e9, "y": 0, "body": "far"},
        {"x": "NaN", "y": 0, "body": "nowhere"},
        {"x": 0, "y": 0, "body": "who", "author": str(uuid.uuid4())},
        {"y": 0, "body": "half"},
    ],
)
def test_what_is_no_comment_is_refused(world: World, url: str, body: dict[str, Any]) -> None:
    assert world.editor.client.post(url, body).status_code in {400, 422}
    assert world.editor.client.get(url).json()["items"] == []


def test_limits_hold_for_threads_and_comments(
    world: World, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comments, "THREADS_PER_FLOW", 1)
    monkeypatch.setattr(comments, "COMMENTS_PER_THREAD", 1)
    thread = begin(world.editor.client, url)
    again = world.editor.client.post(url, {"x": 0, "y": 0, "body": "More"})
    assert (again.status_code, again.json()["code"]) == (409, "comment.too_many_threads")
    full = world.editor.client.post(f"{url}/{thread['id']}/replies", {"body": "More"})
    assert (full.status_code, full.json()["code"]) == (409, "comment.thread_full")


def test_one_person_cannot_flood_a_flow(world: World, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ScopedThrottle, "THROTTLE_RATES", {"comment": "3/day"})
    thread = begin(world.editor.client, url)
    address = f"{at(url, thread)}/reactions"
    codes = [world.editor.client.put(address, {"emoji": "👀", "on": True}).status_code for _ in range(3)]
    assert codes == [200, 200, 429]
    assert world.editor.client.get(url).status_code == 200
    assert world.viewer.client.put(address, {"emoji": "👀", "on": True}).status_code == 200


def test_every_change_wakes_the_open_editors(
    world: World,
    flow: Flow,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    heard: list[tuple[str, bytes]] = []
    monkeypatch.setattr(bus, "publish", lambda channel, payload: heard.append((channel, payload)))
    with django_capture_on_commit_callbacks(execute=True):
        thread = begin(world.editor.client, url)
        world.viewer.client.put(f"{at(url, thread)}/reactions", {"emoji": "👍", "on": True})
        world.owner.client.patch(f"{url}/{thread['id']}", {"resolved": True})
        world.editor.client.delete(at(url, thread))
    mine = [hints.decode(payload) for channel, payload in heard if channel == hints.channel(flow.pk)]
    assert mine == [(hints.NOBODY, hints.NewsHint("comments"))] * 4
