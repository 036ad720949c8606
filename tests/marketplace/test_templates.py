"""Publishing a flow as a template and installing it elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

from tests.world import World

DEFINITION: dict[str, Any] = {
    "schema": "sage-studio/flow@1",
    "name": "Ask the web",
    "nodes": [
        {"id": "manual_trigger_a1b2", "type": "manual_trigger", "pos": [0, 0]},
        {
            "id": "http_request_c3d4",
            "type": "http_request",
            "pos": [240, 0],
            "config": {"url": "https://api.example.org/v1", "credential": "Team key"},
            "pinned": {"body": "what a run once returned"},
        },
        {
            "id": "file_reader_e5f6",
            "type": "file_reader",
            "pos": [240, 200],
            "config": {"files": [{"ref": "file:0f", "name": "a.txt", "mime": "text/plain", "size_bytes": 3}]},
        },
        {"id": "mystery_0000", "type": "mystery", "pos": [0, 300]},
    ],
    "edges": [],
}


@pytest.fixture
def published(world: World) -> dict[str, Any]:
    flow = world.owner.client.post(
        f"{world.url}/flows", {"name": "Ask the web", "definition": DEFINITION}, format="json"
    )
    assert flow.status_code == 201, flow.content
    made = world.owner.client.post(
        f"{world.url}/templates",
        {"flow_id": flow.json()["id"], "name": "Ask", "summary": "Asks.", "category": "integration"},
        format="json",
    )
    assert made.status_code == 201, made.content
    found: dict[str, Any] = made.json()
    return found


def test_a_template_carries_no_credential_no_upload_and_no_run_data(
    world: World, published: dict[str, Any]
) -> None:
    body = world.stranger.client.get(f"/api/v1/templates/{published['id']}").json()["definition"]
    nodes = {node["id"]: node for node in body["nodes"]}
    assert "credential" not in nodes["http_request_c3d4"]["config"]
    assert "pinned" not in nodes["http_request_c3d4"]
    assert nodes["file_reader_e5f6"]["config"]["files"] == []


def test_a_template_carries_no_secret_somebody_typed_into_a_setting(world: World) -> None:
    config = {
        "url": "https://api.example.org/v1?api_key=typed-1&q=cats",
        "headers": {"Authorization": "Bearer typed-2", "X-Api-Key": "{{ inputs.key }}", "Accept": "text/csv"},
        "query": [{"key": "access_token", "value": "typed-3"}, {"key": "page", "value": "2"}],
        "credential": "typed-4",
        "max_tokens": 50,
    }
    nodes = [
        {"id": "a", "type": "http_request", "config": config},
        {"id": "b", "type": "mystery", "config": config},
    ]
    definition = {"schema": "sage-studio/flow@1", "nodes": nodes, "edges": []}
    flow = world.owner.client.post(f"{world.url}/flows", {"name": "F", "definition": definition}).json()
    made = world.owner.client.post(f"{world.url}/templates", {"flow_id": flow["id"], "name": "T"}).json()
    answer = world.stranger.client.get(f"/api/v1/templates/{made['id']}")
    assert "typed-" not in answer.content.decode()
    for node in answer.json()["definition"]["nodes"]:
        assert node["config"]["url"] == "https://api.example.org/v1?api_key=&q=cats"
        assert node["config"]["headers"]["X-Api-Key"] == "{{ inputs.key }}"
        assert node["config"]["headers"]["Accept"] == "text/csv"
        assert node["config"]["query"][1] == {"key": "page", "value": "2"}
        assert node["config"]["max_tokens"] == 50


def test_a_template_says_what_it_would_reach_before_it_is_installed(
    world: World, published: dict[str, Any]
) -> None:
    needs = world.stranger.client.get(f"/api/v1/templates/{published['id']}").json()["requirements"]
    assert needs["hosts"] == ["api.example.org"]
    assert needs["unknown_types"] == ["mystery"]
    assert needs["credentials"] == ["http_request_c3d4: credential"]


def test_a_template_installs_into_another_workspace_and_is_counted(
    world: World, published: dict[str, Any]
) -> None:
    elsewhere = f"/api/v1/workspaces/{world.elsewhere.pk}"
    made = world.stranger.client.post(
        f"{elsewhere}/templates/{published['id']}/install", {"name": "Mine"}, format="json"
    )
    assert made.status_code == 201, made.content
    flow = world.stranger.client.get(f"{elsewhere}/flows/{made.json()['flow_id']}").json()
    assert (flow["name"], flow["node_count"]) == ("Mine", 4)
    listed = world.stranger.client.get("/api/v1/templates?search=ask").json()["items"]
    assert [item["uses"] for item in listed if item["id"] == published["id"]] == [1]


def test_only_the_publishing_workspace_takes_a_template_back(world: World, published: dict[str, Any]) -> None:
    elsewhere = f"/api/v1/workspaces/{world.elsewhere.pk}/templates/{published['id']}"
    assert world.stranger.client.delete(elsewhere).status_code == 404
    assert world.editor.client.delete(f"{world.url}/templates/{published['id']}").status_code == 403
    assert world.owner.client.delete(f"{world.url}/templates/{published['id']}").status_code == 204
    assert world.owner.client.get(f"/api/v1/templates/{published['id']}").status_code == 404


def test_another_workspaces_flow_cannot_be_published(world: World, published: dict[str, Any]) -> None:
    elsewhere = f"/api/v1/workspaces/{world.elsewhere.pk}"
    mine = world.owner.client.get(f"{world.url}/flows").json()["items"][0]["id"]
    refused = world.stranger.client.post(
        f"{elsewhere}/templates", {"flow_id": mine, "name": "Stolen"}, format="json"
    )
    assert refused.status_code == 404


def test_strange_searches_answer_with_a_list(world: World, published: dict[str, Any]) -> None:
    for text in ("%00", "%25", "'", "x" * 5000):
        answer = world.viewer.client.get(f"/api/v1/templates?search={text}&category={text}")
        assert answer.status_code in {200, 400}, answer.content
