"""The HTTP door of runs, as owner, editor, viewer, stranger and nobody."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apps.accounts.models import Person
from apps.catalogue.selectors import registry
from apps.executions.models import NodeRun, Run, RunEvent
from apps.executions.services import accept
from apps.flows.models import Flow
from tests.executions.flows import definition, make_flow
from tests.world import World

BODY = definition([{"id": "start_a1", "type": "manual_trigger"}])


def _start(world: World, client_name: str = "editor", **headers: str) -> tuple[int, dict[str, Any]]:
    """Start a run of the workspace's one flow, which is made when it is not there yet."""
    flow = Flow.objects.filter(workspace=world.workspace, name="Test").first()
    if flow is None:
        flow = make_flow(world.editor.person, world.workspace, BODY)
    client = world.everyone()[client_name]
    answer = client.post(f"{world.url}/runs", {"flow_id": str(flow.pk), "inputs": {"q": 1}}, headers=headers)
    return answer.status_code, answer.json()


@pytest.mark.parametrize(
    ("who", "status"),
    [("anonymous", 401), ("stranger", 404), ("viewer", 403), ("editor", 202), ("owner", 202), ("admin", 404)],
)
def test_only_editors_and_owners_start_runs(world: World, who: str, status: int) -> None:
    assert _start(world, who)[0] == status


def test_starting_twice_with_one_key_accepts_one_run(world: World) -> None:
    first = _start(world, **{"Idempotency-Key": "abc"})
    again = _start(world, **{"Idempotency-Key": "abc"})
    assert first[0] == again[0] == 202
    assert first[1]["id"] == again[1]["id"]
    assert Run.objects.count() == 1


def test_a_viewer_reads_a_run_and_cannot_command_it(world: World) -> None:
    run_id = _start(world)[1]["id"]
    viewer = world.viewer.client
    assert viewer.get(f"{world.url}/runs/{run_id}").json()["inputs"] == {"q": 1}
    for part in ("nodes", "events", "log", "definition"):
        assert viewer.get(f"{world.url}/runs/{run_id}/{part}").status_code == 200, part
    refused = viewer.post(f"{world.url}/runs/{run_id}/commands", {"command": "cancel"})
    assert refused.status_code == 403


def test_what_went_wrong_is_told_in_the_readers_language_among_the_events_too(world: World) -> None:
    run = Run.objects.get(pk=_start(world)[1]["id"])
    error = {"code": "internal", "message": "Something went wrong on our side."}
    RunEvent.objects.create(
        run=run, seq=run.last_seq + 1, type="node_failed", at=run.created_at, data={"error": error}
    )
    url = f"{world.url}/runs/{run.pk}/events"
    for language, words in (("zh", "服务器内部发生错误。"), ("en", error["message"])):
        Person.objects.filter(pk=world.viewer.person.pk).update(language=language)
        told = world.viewer.client.get(url).json()["items"][-1]["data"]["error"]
        assert told["message"] == words


def test_a_run_of_another_workspace_is_not_there(world: World) -> None:
    run_id = _start(world)[1]["id"]
    elsewhere = f"/api/v1/workspaces/{world.elsewhere.pk}"
    for part in ("", "/nodes", "/events", "/log", "/definition"):
        assert world.stranger.client.get(f"{elsewhere}/runs/{run_id}{part}").status_code == 404
    told = world.stranger.client.post(f"{elsewhere}/runs/{run_id}/commands", {"command": "cancel"})
    assert told.status_code == 404


def test_cancelling_a_run_nobody_has_claimed_ends_it_at_once(world: World) -> None:
    run_id = _start(world)[1]["id"]
    answer = world.editor.client.post(f"{world.url}/runs/{run_id}/commands", {"command": "cancel"})
    assert (answer.status_code, answer.json()["state"]) == (202, "cancelled")
    events = world.editor.client.get(f"{world.url}/runs/{run_id}/events").json()
    assert [event["type"] for event in events["items"]] == ["run_queued", "run_cancelled"]
    again = world.editor.client.post(f"{world.url}/runs/{run_id}/commands", {"command": "cancel"})
    assert (again.status_code, again.json()["code"]) == (409, "run.not_cancellable")


def test_retrying_an_ended_run_makes_a_new_one_of_the_same_definition(world: World) -> None:
    run_id = _start(world)[1]["id"]
    url = f"{world.url}/runs/{run_id}/commands"
    assert world.editor.client.post(url, {"command": "retry"}).json()["code"] == "run.not_retryable"
    world.editor.client.post(url, {"command": "cancel"})
    new = world.editor.client.post(url, {"command": "retry"}).json()
    assert (new["retry_of"], new["number"], new["trigger"]) == (run_id, 2, "retry")
    assert Run.objects.get(pk=new["id"]).definition_id == Run.objects.get(pk=run_id).definition_id


def test_a_flow_that_cannot_run_is_refused_with_the_reason(world: World) -> None:
    empty = make_flow(world.editor.person, world.workspace, definition([]))
    answer = world.editor.client.post(f"{world.url}/runs", {"flow_id": str(empty.pk)})
    assert (answer.status_code, answer.json()["code"]) == (422, "run.flow_empty")
    unknown = make_flow(
        world.editor.person, world.workspace, definition([{"id": "x_1", "type": "not_there"}])
    )
    answer = world.editor.client.post(f"{world.url}/runs", {"flow_id": str(unknown.pk)})
    assert answer.status_code == 422
    assert "not_there" in json.dumps(answer.json())
    assert answer.json()["code"] == "run.flow_invalid"
    assert answer.json()["errors"][0]["path"].startswith("nodes[0]")
    assert Run.objects.count() == 0


def test_unknown_keys_and_states_are_refused(world: World) -> None:
    flow = make_flow(world.editor.person, world.workspace, BODY)
    bad = {"flow_id": str(flow.pk), "definition": {}}
    assert world.editor.client.post(f"{world.url}/runs", bad).status_code == 400
    assert world.editor.client.get(f"{world.url}/runs?state=asleep").status_code == 400
    assert world.editor.client.get(f"{world.url}/runs?flow_id=x").status_code == 400


def test_runs_are_listed_newest_first_and_by_flow(world: World) -> None:
    first = _start(world)[1]["id"]
    second = _start(world)[1]["id"]
    items = world.viewer.client.get(f"{world.url}/runs").json()["items"]
    assert [item["id"] for item in items] == [second, first]
    assert items[0]["flow_name"] == "Test"
    other = make_flow(world.editor.person, world.workspace, BODY)
    assert world.viewer.client.get(f"{world.url}/runs?flow_id={other.pk}").json()["items"] == []


@pytest.mark.parametrize("value", [{"$blob": 5}, {"$blob": ["x"]}, {"$blob": "sha256:" + "0" * 64}])
def test_inputs_that_look_like_references_are_shown_as_they_are_or_as_gone(
    world: World, value: dict[str, Any]
) -> None:
    """A flow of one node also has no edges to read the node's inputs from."""
    flow = make_flow(world.editor.person, world.workspace, BODY)
    started = world.editor.client.post(
        f"{world.url}/runs", {"flow_id": str(flow.pk), "inputs": {"x": value}}
    ).json()
    run = Run.objects.get(pk=started["id"])
    row = NodeRun.objects.create(run=run, node_id="start_a1", state="completed", attempt=1)
    answer = world.viewer.client.get(f"{world.url}/runs/{run.pk}/nodes/{row.pk}")
    assert answer.status_code == 200
    assert answer.json()["inputs"]["x"] in ({"$blob": value["$blob"]}, {**value, "gone": True})


def test_documents_are_kept_by_their_size_and_not_by_their_number(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accept, "MAX_NODES_KEPT", 6)
    monkeypatch.setattr(accept, "_kept", {})
    for count in (1, 2, 3):
        nodes = [{"id": f"n{i}", "type": "manual_trigger"} for i in range(count)]
        flow = make_flow(world.editor.person, world.workspace, definition(nodes))
        types = registry(world.workspace.pk)
        first = accept.runnable(flow.definition_id, types)
        assert accept.runnable(flow.definition_id, types) is first
    assert [len(document.nodes) for document in accept._kept.values()] == [3]
