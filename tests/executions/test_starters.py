"""The ready flows of a new workspace, run by a worker on the server's own stores."""

from __future__ import annotations

from typing import Any

import pytest

from apps.executions.adapters.worker import RunWorker
from apps.executions.models import NodeRun
from apps.files.models import File
from apps.flows.models import Flow
from apps.flows.services import starters_create
from apps.notifications.models import Notification
from tests.executions.flows import start, wait_for
from tests.world import World


@pytest.fixture
def ready(world: World) -> dict[str, Flow]:
    starters_create(world.workspace, world.owner.person)
    return {flow.name: flow for flow in Flow.objects.filter(workspace=world.workspace)}


def outputs_of(run: Any, node_type: str) -> Any:
    return NodeRun.objects.get(run=run, node_id__startswith=node_type).outputs


@pytest.mark.django_db(transaction=True)
def test_ask_your_documents_answers_from_the_samples(
    world: World, ready: dict[str, Flow], worker: RunWorker
) -> None:
    run = wait_for(start(world.editor.person, ready["Ask your documents"]).pk, wait_s=30)
    assert run.state == "completed", run.error
    assert "500 full charging cycles" in outputs_of(run, "merge")["value"]


@pytest.mark.django_db(transaction=True)
def test_clean_a_csv_leaves_two_files(world: World, ready: dict[str, Flow], worker: RunWorker) -> None:
    run = wait_for(start(world.editor.person, ready["Clean a CSV"]).pk, wait_s=50)
    assert run.state == "completed", run.error
    names = set(File.objects.filter(workspace=world.workspace, run_id=run.pk).values_list("name", flat=True))
    assert names == {"orders-by-country.csv", "dropped-orders.csv"}


@pytest.mark.django_db(transaction=True)
def test_watch_an_address_notifies_every_member(
    world: World, ready: dict[str, Flow], worker: RunWorker
) -> None:
    """No server listens here, so the flow takes the way of a failing address."""
    run = wait_for(start(world.editor.person, ready["Watch an address"]).pk, wait_s=30)
    assert run.state == "completed", run.error
    told = Notification.objects.filter(workspace=world.workspace, kind="flow.error")
    assert told.count() == 3
