"""A real failing run gets its diagnosis through the outbox."""

from __future__ import annotations

import time

from apps.common.tasks import outbox_deliver
from apps.executions.adapters.worker import RunWorker
from tests.executions.conftest import worker
from tests.executions.flows import definition, make_flow, start, wait_for
from tests.world import World

__all__ = ["worker"]

FAILING = definition(
    [
        {"id": "manual_trigger_a1b2", "type": "manual_trigger"},
        {
            "id": "http_request_c3d4",
            "type": "http_request",
            "config": {"url": "http://name-that-does-not-exist.invalid/"},
        },
    ],
    ["manual_trigger_a1b2:text>http_request_c3d4:value"],
)


def test_a_failing_run_is_diagnosed_once_with_evidence_and_a_fix(world: World, worker: RunWorker) -> None:
    person = world.editor.person
    run = start(person, make_flow(person, world.workspace, FAILING))
    assert wait_for(run.pk).state == "failed"
    address = f"{world.url}/runs/{run.pk}/diagnoses"
    deadline = time.monotonic() + 60
    while not (found := world.viewer.client.get(address).json()["items"]) and time.monotonic() < deadline:
        outbox_deliver()
    outbox_deliver()
    [diagnosis] = found
    assert diagnosis["node_id"] == "http_request_c3d4"
    assert diagnosis["rule"] == "name_unknown"
    assert "name-that-does-not-exist.invalid" in diagnosis["evidence"]
    assert diagnosis["cause"]["zh"]
    assert diagnosis["cause"]["en"]


def test_diagnoses_of_another_workspaces_run_are_not_found(world: World, worker: RunWorker) -> None:
    person = world.editor.person
    run = start(person, make_flow(person, world.workspace, FAILING))
    elsewhere = f"/api/v1/workspaces/{world.elsewhere.pk}/runs/{run.pk}/diagnoses"
    assert world.stranger.client.get(elsewhere).status_code == 404


def test_whoever_started_a_failing_run_is_told_once_in_their_language(
    world: World, worker: RunWorker
) -> None:
    person = world.editor.person
    run = start(person, make_flow(person, world.workspace, FAILING, name="Night job"))
    assert wait_for(run.pk).state == "failed"
    for _ in range(2):
        outbox_deliver()
    [notice] = world.editor.client.get("/api/v1/notifications", headers={"accept-language": "zh"}).json()[
        "items"
    ]
    assert "Night job" in notice["title"]
    assert notice["link"].endswith(str(run.pk))
    assert world.owner.client.get("/api/v1/notifications").json()["items"] == []
