"""A run from its acceptance to its last row, with a worker in this process."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator

import pytest

from apps.common import bus
from apps.executions.adapters.worker import RunWorker
from apps.executions.models import NodeRun, RunEvent
from apps.flows.models import Flow
from apps.workspaces.services import workspace_create
from tests.executions.conftest import CALM
from tests.executions.flows import definition, make_flow, start, wait_for
from tests.world import World, make_world

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def people(transactional_db: None) -> World:
    return make_world()


TRIGGER = {"id": "start_a1", "type": "manual_trigger"}


def test_a_fault_in_the_worker_s_own_loop_does_not_end_it(
    people: World, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    faults = iter([RuntimeError("planted")])
    original = bus.subscribe

    def subscribe(channel: str) -> AsyncGenerator[bytes, None]:
        for fault in faults:
            raise fault
        return original(channel)

    monkeypatch.setattr(bus, "subscribe", subscribe)
    request.getfixturevalue("worker")
    flow = make_flow(people.editor.person, people.workspace, definition([TRIGGER], []))
    assert wait_for(start(people.editor.person, flow).pk).state == "completed"
    assert list(faults) == []


def test_a_worker_runs_an_accepted_run_to_its_end(people: World, worker: RunWorker) -> None:
    body = definition([TRIGGER], [])
    flow = make_flow(people.editor.person, people.workspace, body)
    run = start(people.editor.person, flow, question="why")
    worker.wake()
    ended = wait_for(run.pk)
    assert ended.state == "completed", ended.error
    assert [row.state for row in NodeRun.objects.filter(run=run)] == ["completed"]
    events = list(RunEvent.objects.filter(run=run).order_by("seq").values_list("seq", "type"))
    assert [seq for seq, _ in events] == list(range(1, len(events) + 1))
    assert [name for _, name in events] == [
        "run_queued",
        "run_started",
        "node_started",
        "node_completed",
        "run_completed",
        "flow_completed",
    ]
    flow.refresh_from_db()
    assert (flow.last_run_id, flow.last_run_state) == (run.pk, "completed")


def test_a_worker_told_to_stop_the_moment_a_run_begins_ends(people: World) -> None:
    """A hint sent together with the order to stop once swallowed the order, for ever."""
    flow = make_flow(people.editor.person, people.workspace, definition([TRIGGER], []))
    for _ in range(5):
        stopping = RunWorker(times=CALM, node_threads=1)
        stopping.start()
        start(people.editor.person, flow)
        stopping.stop()
        assert "run-heartbeat" not in {thread.name for thread in threading.enumerate()}


def test_a_node_that_computes_in_a_thread_tells_its_processor_time(people: World, worker: RunWorker) -> None:
    flow = Flow.objects.get(workspace=workspace_create(people.owner.person, name="Fresh"), name="Clean a CSV")
    run = start(people.owner.person, flow)
    worker.wake()
    assert wait_for(run.pk, wait_s=120).state == "completed"
    shown = people.owner.client.get(f"/api/v1/workspaces/{flow.workspace_id}/runs/{run.pk}/nodes").json()
    assert any((row["resources"] or {}).get("cpu_ms", 0) > 0 for row in shown["items"])
