"""The ready flows of a new workspace, run as a person would: accepted, claimed, finished."""

from __future__ import annotations

import pytest

from apps.executions.adapters.worker import RunWorker
from apps.executions.models import NodeRun
from apps.flows.models import Flow
from apps.workspaces.services import workspace_create
from tests.executions.flows import start, wait_for
from tests.world import World, make_world

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def people(transactional_db: None) -> World:
    return make_world()


@pytest.mark.parametrize("name", ["Ask your documents", "Clean a CSV"])
def test_a_ready_flow_runs_to_its_end_with_what_it_brings(
    people: World, worker: RunWorker, name: str
) -> None:
    workspace = workspace_create(people.owner.person, name="Fresh")
    flow = Flow.objects.get(workspace=workspace, name=name)
    run = start(people.owner.person, flow)
    worker.wake()
    ended = wait_for(run.pk, wait_s=120)
    failed = NodeRun.objects.filter(run=run, state="failed").values_list("node_id", "error")
    assert ended.state == "completed", (ended.error, list(failed))
    assert ended.outputs
