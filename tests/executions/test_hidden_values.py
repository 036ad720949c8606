"""An owner may hide from viewers what runs take and give; that runs happen they always see."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.utils import timezone

from apps.audit.models import AuditEntry
from apps.executions.feeds import Feed
from apps.executions.models import NodeRun, Run, RunEvent
from apps.files import disk
from apps.files.services import artifact_write, blob_put
from tests.executions.flows import definition, make_flow
from tests.world import Someone, World

SECRET = "four thousand and twelve"
EVENTS: list[tuple[str, dict[str, Any]]] = [
    ("log", {"level": "info", "message": SECRET, "fields": {"answer": SECRET}}),
    ("node_progress", {"done": 1, "total": 2, "message": SECRET}),
    ("node_waiting", {"name": "approval", "kind": "approval", "message": SECRET}),
    ("breakpoint_hit", {"stop": {"id": "s1"}, "inputs": {"value": SECRET}}),
    ("node_completed", {"items": 1}),
]


@pytest.fixture
def run(world: World) -> Run:
    """A run with a value in every place where one can be."""
    flow = make_flow(world.editor.person, world.workspace, definition([{"id": "a", "type": "wait"}]))
    body = {"flow_id": str(flow.pk), "inputs": {"question": SECRET}}
    found = Run.objects.get(pk=world.editor.client.post(f"{world.url}/runs", body).json()["id"])
    found.outputs, found.state = {"answer": SECRET}, "running"
    found.save()
    ask = {"kind": "approval", "message": SECRET, "signal": "approval", "since": 1.0}
    state = {"state": "waiting", "waits": {"approval": ask}}
    values = {"outputs": {"value": SECRET}, "inputs": {"value": SECRET}, "config": {"text": SECRET}}
    NodeRun.objects.create(run=found, node_id="a", attempt=1, **state, **values)
    for seq, (type_, data) in enumerate(EVENTS, start=found.last_seq + 1):
        RunEvent.objects.create(run=found, seq=seq, type=type_, at=timezone.now(), node_id="a", data=data)
    Run.objects.filter(pk=found.pk).update(last_seq=found.last_seq + len(EVENTS))
    return found


def read_all(world: World, someone: Someone, run: Run) -> dict[str, tuple[int, str]]:
    """Status and text of everything that is told of a run."""
    key = blob_put(world.workspace.pk, SECRET.encode())
    with disk.Draft() as draft:
        draft.write(SECRET.encode())
        file = artifact_write(
            world.workspace.pk, run_id=run.pk, name="out.txt", mime="text/plain", draft=draft
        )
    at = f"{world.url}/runs/{run.pk}"
    addresses = {
        "run": at,
        "node": f"{at}/nodes/{NodeRun.objects.get(run=run).pk}",
        "nodes": f"{at}/nodes",
        "events": f"{at}/events",
        "log": f"{at}/log",
        "debug": f"{at}/debug",
        "waits": f"{at}/waits",
        "approvals": f"{world.url}/approvals",
        "blob": f"{world.url}/blobs/{key}",
        "files": f"{world.url}/files",
        "file": f"{world.url}/files/{file.pk}/content",
    }
    answers = {name: someone.client.get(address) for name, address in addresses.items()}
    return {name: (answer.status_code, b"".join(answer).decode()) for name, answer in answers.items()}


def test_viewers_see_values_unless_the_owner_hides_them(world: World, run: Run) -> None:
    before = read_all(world, world.viewer, run)
    assert {status for status, _ in before.values()} == {200}
    for place in ("run", "node", "events", "log", "waits", "approvals", "blob", "file"):
        assert SECRET in before[place][1], place

    assert world.editor.client.patch(world.url, {"viewers_see_values": False}).status_code == 403
    answer = world.owner.client.patch(world.url, {"viewers_see_values": False})
    assert answer.json()["viewers_see_values"] is False
    assert AuditEntry.objects.filter(action="workspace.viewers_see_values").count() == 1

    hidden = read_all(world, world.viewer, run)
    assert {name for name, (status, _) in hidden.items() if status == 403} == {"node", "log", "blob", "file"}
    assert all(SECRET not in text for _, text in hidden.values())
    shown = json.loads(hidden["run"][1])
    assert (shown["are_values_hidden"], shown["state"]) == (True, "running")
    types = [event["type"] for event in json.loads(hidden["events"][1])["items"]]
    assert types[-len(EVENTS) :] == [type_ for type_, _ in EVENTS]
    assert "out.txt" not in hidden["files"][1]

    for someone in (world.editor, world.owner):
        assert read_all(world, someone, run) == {**before, "run": read_all(world, someone, run)["run"]}


@pytest.mark.parametrize("hides", [False, True])
def test_live_events_carry_values_only_to_those_who_see_them(run: Run, hides: bool) -> None:
    feed = Feed(run.flow_id, {run.pk: 0}, follow=False)
    feed.hides_values = hides
    told = [json.loads(text) for text in feed.read().events]
    assert [event["type"] for event in told][-len(EVENTS) :] == [type_ for type_, _ in EVENTS]
    assert (SECRET in json.dumps(told)) is not hides
    assert told[-2]["data"]["stop"] == {"id": "s1"}
