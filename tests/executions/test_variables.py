"""Variables of the workspace in runs on the server: read by expressions, the secret ones unseen."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apps.collaboration.selectors import flow_problems
from apps.credentials.services import variable_create
from apps.executions.adapters.worker import RunWorker
from apps.executions.models import NodeRun, RunEvent
from tests.executions.flows import definition, make_flow, start, wait_for
from tests.world import World, make_world

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "tok-very-secret-42"


@pytest.fixture
def people(transactional_db: None) -> World:
    return make_world()


def keep(people: World, name: str, value: Any, environment: str = "", *, is_secret: bool = False) -> None:
    variable_create(
        people.owner.person,
        people.workspace,
        name=name,
        environment=environment,
        is_secret=is_secret,
        value=value,
    )


def test_expressions_read_variables_and_no_secret_is_left_behind(people: World, worker: RunWorker) -> None:
    keep(people, "limit", 5)
    keep(people, "limit", 9, "draft")
    keep(people, "own", "of the workspace")
    keep(people, "TOKEN", SECRET, is_secret=True)
    nodes: list[dict[str, Any]] = [
        {"id": "start", "type": "manual_trigger"},
        {
            "id": "said",
            "type": "template_text",
            "config": {"template": "{{ vars.limit }} {{ vars.own }} Bearer {{ vars.TOKEN }}"},
        },
        {"id": "log", "type": "logger", "config": {"message": "have {{ said.text }}"}},
    ]
    edges = ["start:data>said:value", "said:text>log:value"]
    body = definition(nodes, edges, variables={"own": "of the flow"})
    flow = make_flow(people.editor.person, people.workspace, body)
    run = wait_for(start(people.editor.person, flow).pk)
    assert run.state == "completed", run.error
    said = NodeRun.objects.get(run=run, node_id="said")
    assert said.outputs is not None
    assert said.outputs["text"] == "9 of the flow Bearer ••••••"
    events = list(RunEvent.objects.filter(run=run).values_list("data", flat=True))
    records = list(NodeRun.objects.filter(run=run).values_list("outputs", "inputs", "config"))
    left = json.dumps([run.outputs, events, records], ensure_ascii=False, default=str)
    assert "have 9 of the flow" in left
    assert SECRET not in left
    assert SECRET not in json.dumps(flow.definition.body)


def test_the_check_knows_the_variables_of_the_workspace(people: World) -> None:
    keep(people, "limit", 5)
    nodes: list[dict[str, Any]] = [
        {"id": "start", "type": "manual_trigger"},
        {"id": "a", "type": "template_text", "config": {"template": "{{ vars.limit }} {{ vars.limits }}"}},
    ]
    flow = make_flow(people.editor.person, people.workspace, definition(nodes, ["start:data>a:value"]))
    found = [json.dumps(problem) for problem in flow_problems(flow)]
    about = [said for said in found if "limit" in said]
    assert len(about) == 1
    assert "limits" in about[0]
