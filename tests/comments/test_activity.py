"""The activity feed: who did what, told from the journal, also after it was compacted."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.collaboration.documents.library import LiveDoc
from apps.collaboration.models import Document, DocumentSnapshot, DocumentUpdate, FlowActivity
from apps.collaboration.rooms.ports import Entry, Write
from apps.collaboration.selectors import document_bytes
from apps.collaboration.services import journal_append, upkeep
from apps.collaboration.services.patches import patch_apply
from apps.flows.models import Flow
from apps.flows.services import flow_create
from apps.versions.services import version_commit, version_rollback
from sage_studio.flow import parse_patch
from sage_studio.kernel import JsonObject
from tests.world import Someone, World


@pytest.fixture
def flow(world: World) -> Flow:
    node: JsonObject = {
        "id": "n1",
        "type": "notify",
        "name": "Tell",
        "pos": [0, 0],
        "config": {"title": "Hello"},
    }
    definition: JsonObject = {"schema": "sage-studio/flow@1", "name": "Watched", "nodes": [node], "edges": []}
    return flow_create(
        person=world.owner.person, workspace=world.workspace, name="Watched", definition=definition
    )


class Hand:
    """Somebody who edits in a browser: each change is a journal row of a room."""

    def __init__(self, flow: Flow, someone: Someone) -> None:
        self._flow, self._person = flow, someone.person

    def change(self, work: Any, *, ago: timedelta = timedelta()) -> int:
        stored = document_bytes(self._flow.pk)
        doc = LiveDoc(stored.updates)
        with doc.change():
            work(doc)
        write = Write(self._flow.pk, 1, stored.seq, [Entry(doc.take_change(), self._person.pk)])
        (outcome,) = journal_append([write])
        seq: int = outcome.last_seq  # type: ignore[union-attr]
        DocumentUpdate.objects.filter(document_id=self._flow.pk, seq=seq).update(
            created_at=timezone.now() - ago
        )
        return seq

    def set(self, key: str, value: Any, **when: Any) -> int:
        def work(doc: LiveDoc) -> None:
            doc.root("nodes")["n1"][key] = value

        return self.change(work, **when)

    def configure(self, key: str, value: Any, **when: Any) -> int:
        def work(doc: LiveDoc) -> None:
            doc.root("nodes")["n1"]["config"][key] = value

        return self.change(work, **when)


def feed(world: World, flow: Flow, query: str = "") -> dict[str, Any]:
    answer = world.viewer.client.get(f"{world.url}/flows/{flow.pk}/activity{query}")
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def words(item: dict[str, Any]) -> list[tuple[str, str, list[str]]]:
    return [(change["kind"], change["name"], change["fields"]) for change in item["changes"]]


def test_the_birth_of_a_flow_is_its_first_activity(world: World, flow: Flow) -> None:
    (item,) = feed(world, flow)["items"]
    assert (item["kind"], item["person"]["name"], item["changes"]) == ("created", "Owner", [])


def test_two_people_who_write_at_once_are_told_apart(world: World, flow: Flow) -> None:
    one, other = Hand(flow, world.owner), Hand(flow, world.editor)
    one.set("name", "Call")
    other.configure("title", "Hi")
    one.set("pos", [5, 5])
    other.configure("body", "All is well")
    one.set("name", "Shout")
    edits = [item for item in feed(world, flow)["items"] if item["kind"] == "edited"]
    told = {item["person"]["name"]: words(item) for item in edits}
    assert told == {
        "Owner": [("node_renamed", "Shout", []), ("node_moved", "Shout", [])],
        "Editor": [("node_configured", "Shout", ["title", "body"])],
    }
    renamed = next(item["changes"][0] for item in edits if item["person"]["name"] == "Owner")
    assert renamed["was"] == "Tell"


def test_work_that_goes_on_is_one_stretch_and_a_pause_begins_another(world: World, flow: Flow) -> None:
    hand = Hand(flow, world.editor)
    hand.configure("title", "Early", ago=timedelta(hours=2))
    feed(world, flow)
    hand.configure("title", "Late", ago=timedelta(minutes=2))
    feed(world, flow)
    hand.configure("level", "info")
    late, early = (item for item in feed(world, flow)["items"] if item["kind"] == "edited")
    assert (words(late)[0][2], words(early)[0][2]) == (["title", "level"], ["title"])
    assert late["last_seq"] > early["last_seq"]


def test_what_was_taken_back_did_not_happen(world: World, flow: Flow) -> None:
    hand = Hand(flow, world.editor)
    hand.set("deleted", 123)
    assert words(feed(world, flow)["items"][0]) == [("node_removed", "Tell", [])]
    hand.set("deleted", None)
    assert feed(world, flow)["items"][0]["changes"] == []


def test_what_came_since_a_position_is_told_exactly(world: World, flow: Flow) -> None:
    hand = Hand(flow, world.editor)
    seen = hand.configure("title", "Seen")
    hand.configure("body", "New")
    found = feed(world, flow, f"?since_seq={seen}&epoch=1")
    assert (found["complete"], found["seq"], found["epoch"]) == (True, seen + 1, 1)
    assert [words(item) for item in found["items"]] == [[("node_configured", "Tell", ["body"])]]
    assert feed(world, flow, f"?since_seq={seen + 1}")["items"] == []


def test_compaction_loses_no_activity_and_says_where_it_cannot_tell(world: World, flow: Flow) -> None:
    hand = Hand(flow, world.editor)
    seen = hand.configure("title", "First")
    for generation in range(3):
        hand.configure("body", f"Text {generation}")
        assert upkeep.document_compact(flow.pk)
        DocumentSnapshot.objects.update(created_at=timezone.now() - timedelta(hours=1))
    assert not DocumentUpdate.objects.filter(document_id=flow.pk, seq__lte=seen).exists()
    assert words(feed(world, flow)["items"][0]) == [("node_configured", "Tell", ["title", "body"])]
    found = feed(world, flow, "?since_seq=1")
    assert (found["complete"], len(found["items"])) == (False, 1)
    assert feed(world, flow, f"?since_seq={seen}&epoch=7")["complete"] is False


def test_rows_compacted_before_anybody_told_them_are_named_as_a_gap(world: World, flow: Flow) -> None:
    Hand(flow, world.editor).configure("title", "Lost")
    for _ in range(2):
        Hand(flow, world.editor).configure("body", "Text")
        upkeep.document_compact(flow.pk)
        DocumentSnapshot.objects.update(created_at=timezone.now() - timedelta(hours=1))
    FlowActivity.objects.all().delete()
    Document.objects.filter(pk=flow.pk).update(activity_seq=0)
    assert [item["kind"] for item in feed(world, flow)["items"]][-1] == "compacted"


def test_server_side_writers_and_versions_are_named(world: World, flow: Flow) -> None:
    person = world.editor.person
    version_commit(person=person, flow=flow, message="As it was")
    operation: JsonObject = {"op": "set", "node": "n1", "path": ["name"], "value": "Shout"}
    patch: JsonObject = {"schema": "sage-studio/patch@1", "summary": "Louder", "operations": [operation]}
    patch_apply(person, flow.pk, parse_patch(patch))
    version_rollback(person=person, flow=flow, number=1)
    kinds = {item["kind"]: item for item in feed(world, flow)["items"]}
    assert kinds["version_committed"]["facts"] == {"number": 1, "message": "As it was"}
    assert (kinds["edited"]["origin"], kinds["edited"]["summary"]) == ("api", "Louder")
    assert words(kinds["restored"]) == [("node_renamed", "Tell", [])]


def test_telling_twice_changes_nothing(world: World, flow: Flow) -> None:
    Hand(flow, world.editor).configure("title", "Once")
    assert feed(world, flow) == feed(world, flow)


def test_outsiders_see_no_activity(world: World, flow: Flow) -> None:
    path = f"/flows/{flow.pk}/activity"
    assert world.stranger.client.get(world.url + path).status_code == 404
    elsewhere = f"/api/v1/workspaces/{world.elsewhere.pk}{path}"
    assert world.stranger.client.get(elsewhere).status_code == 404
    unknown = f"{world.url}/flows/{uuid.uuid4()}/activity"
    assert world.owner.client.get(unknown).status_code == 404
    assert world.owner.client.get(f"{world.url}{path}?since_seq=-1").status_code == 400
