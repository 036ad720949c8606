"""Commit, history, compare, roll back, publish: over HTTP, through the live document."""

from __future__ import annotations

from typing import Any

import pytest

from tests.world import Someone, World

DEFINITION: dict[str, Any] = {
    "schema": "sage-studio/flow@1",
    "name": "Counting",
    "nodes": [
        {"id": "manual_trigger_a1b2", "type": "manual_trigger", "pos": [0, 0]},
        {
            "id": "data_filter_c3d4",
            "type": "data_filter",
            "name": "Keep big",
            "pos": [240, 0],
            "config": {"condition": "{{ item.n > 1 }}"},
        },
    ],
    "edges": [],
}


@pytest.fixture
def flow(world: World) -> str:
    """The address of a flow made by the editor."""
    made = world.editor.client.post(
        f"{world.url}/flows", {"name": "Counting", "definition": DEFINITION}, format="json"
    )
    assert made.status_code == 201, made.content
    return f"{world.url}/flows/{made.json()['id']}"


def commit(who: Someone, flow: str, message: str = "Step") -> Any:
    return who.client.post(f"{flow}/versions", {"message": message}, format="json")


def change(who: Someone, flow: str, *operations: dict[str, Any]) -> Any:
    patch = {"schema": "sage-studio/patch@1", "base": None, "summary": "", "operations": list(operations)}
    answer = who.client.post(f"{flow}/patches", patch, format="json")
    assert answer.status_code == 200, answer.content
    return answer.json()


RENAME = {"op": "set", "node": "data_filter_c3d4", "path": ["name"], "value": "Keep huge"}


def test_commits_are_numbered_and_point_at_their_parent(world: World, flow: str) -> None:
    assert commit(world.editor, flow, "First").json()["number"] == 1
    change(world.editor, flow, RENAME)
    second = commit(world.editor, flow, "Second").json()
    assert (second["number"], second["parent"], second["message"]) == (2, 1, "Second")
    listed = world.viewer.client.get(f"{flow}/versions").json()
    assert [item["number"] for item in listed["items"]] == [2, 1]
    assert listed["draft_changed"] is False


def test_a_commit_without_a_change_is_refused_and_says_so(world: World, flow: str) -> None:
    commit(world.editor, flow)
    refused = commit(world.editor, flow)
    assert (refused.status_code, refused.json()["code"]) == (409, "version.unchanged")


def test_a_change_after_a_commit_is_told_and_described(world: World, flow: str) -> None:
    commit(world.editor, flow)
    change(world.editor, flow, RENAME)
    assert world.editor.client.get(f"{flow}/versions").json()["draft_changed"] is True
    diff = world.viewer.client.get(f"{flow}/versions/1/diff?against=draft").json()
    assert (diff["before"], diff["after"]) == ("v1", "draft")
    [renamed] = diff["changes"]
    assert (renamed["node_id"], renamed["path"]) == ("data_filter_c3d4", "name")
    assert (renamed["before"], renamed["after"]) == ("Keep big", "Keep huge")
    assert renamed["text"]


def test_the_first_version_compared_with_its_parent_adds_everything(world: World, flow: str) -> None:
    commit(world.editor, flow)
    found = world.viewer.client.get(f"{flow}/versions/1/diff").json()
    assert {item["kind"] for item in found["changes"]} >= {"node_added"}


def test_a_rollback_is_a_forward_change_that_can_be_undone(world: World, flow: str) -> None:
    commit(world.editor, flow)
    change(
        world.editor,
        flow,
        RENAME,
        {"op": "add_node", "node": {"id": "notify_e5f6", "type": "notify", "pos": [480, 0]}},
    )
    result = world.editor.client.post(f"{flow}/versions/1/rollback")
    assert result.status_code == 200, result.content
    body = world.editor.client.get(f"{flow}/definition").json()
    assert {node["id"] for node in body["nodes"]} == {"manual_trigger_a1b2", "data_filter_c3d4"}
    assert body["nodes"][0]["name"] == "Keep big"
    undone = world.editor.client.post(f"{flow}/patches", result.json()["inverse"], format="json")
    assert undone.status_code == 200, undone.content
    again = world.editor.client.get(f"{flow}/definition").json()
    assert "notify_e5f6" in {node["id"] for node in again["nodes"]}


def test_publishing_names_one_exact_version_and_needs_the_owner(world: World, flow: str) -> None:
    commit(world.editor, flow)
    assert world.editor.client.post(f"{flow}/publish", {"version": 1}, format="json").status_code == 403
    published = world.owner.client.post(f"{flow}/publish", {"version": 1}, format="json")
    assert published.json()["published"] is True
    assert world.owner.client.post(f"{flow}/publish", {"version": 9}, format="json").status_code == 404


@pytest.mark.parametrize("against", ["9", "draft2", "-1", "1e9", "", "99999999999"])
def test_comparing_with_what_does_not_exist_is_not_found(world: World, flow: str, against: str) -> None:
    commit(world.editor, flow)
    assert world.viewer.client.get(f"{flow}/versions/1/diff?against={against}").status_code == 404


def test_a_viewer_cannot_commit_or_roll_back(world: World, flow: str) -> None:
    commit(world.editor, flow)
    assert commit(world.viewer, flow).status_code == 403
    assert world.viewer.client.post(f"{flow}/versions/1/rollback").status_code == 403
