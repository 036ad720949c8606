"""The list of flows and the birth of a flow over HTTP."""

from __future__ import annotations

from apps.flows.models import Definition, Flow
from tests.world import World

FLOW = {
    "schema": "sage-studio/flow@1",
    "nodes": [
        {"id": "start", "type": "manual_trigger", "pos": [0, 0]},
        {"id": "keep", "type": "data_filter", "pos": [200, 0], "config": {"condition": "{{ item.a > 1 }}"}},
    ],
    "edges": [{"source": "start", "source_port": "inputs", "target": "keep", "target_port": "items"}],
}


def test_a_flow_is_created_and_listed_with_its_size(world: World) -> None:
    made = world.editor.client.post(f"{world.url}/flows", {"name": " First ", "definition": FLOW})
    assert made.status_code == 201, made.content
    listed = world.viewer.client.get(f"{world.url}/flows").json()
    assert [item["name"] for item in listed["items"]] == ["First"]
    assert listed["items"][0]["node_count"] == 2
    assert listed["items"][0]["updated_by"]["name"] == "Editor"
    assert listed["items"][0]["last_run"] is None


def test_only_members_with_the_role_create_and_only_members_see(world: World) -> None:
    answers = {
        name: client.post(f"{world.url}/flows", {"name": "x"}).status_code
        for name, client in world.everyone().items()
    }
    assert answers == {
        "anonymous": 401,
        "owner": 201,
        "editor": 201,
        "viewer": 403,
        "stranger": 404,
        "admin": 404,
    }
    assert world.stranger.client.get(f"{world.url}/flows").status_code == 404
    assert world.viewer.client.get(f"{world.url}/flows").status_code == 200


def test_a_definition_that_is_no_flow_is_refused_with_the_place(world: World) -> None:
    broken = {**FLOW, "nodes": [{"id": "1 bad id", "type": "manual_trigger"}]}
    answer = world.editor.client.post(f"{world.url}/flows", {"name": "x", "definition": broken})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "nodes[0].id"
    assert not Flow.objects.exists()


def test_the_same_content_is_stored_once(world: World) -> None:
    for _ in range(2):
        world.editor.client.post(f"{world.url}/flows", {"name": "Same", "definition": FLOW})
    assert Flow.objects.count() == 2
    assert Definition.objects.count() == 1


def test_names_are_bounded_and_needed(world: World) -> None:
    client = world.editor.client
    assert client.post(f"{world.url}/flows", {"name": "  "}).status_code in (400, 422)
    assert client.post(f"{world.url}/flows", {"name": "x" * 201}).status_code in (400, 422)
    assert client.post(f"{world.url}/flows", {"name": "x", "owner": "me"}).status_code == 400
