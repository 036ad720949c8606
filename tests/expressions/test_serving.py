"""The reference of expressions over HTTP, and what an expression gives with the values of a run."""

from __future__ import annotations

import pytest
from django.utils import timezone

from apps.credentials.models import Variable
from apps.executions.models import NodeRun, Run
from sage_studio.engine import FlowState
from tests.executions.flows import definition, make_flow, start
from tests.world import World

FLOW = definition([{"id": "rows", "type": "manual_trigger", "config": {}}], [])


@pytest.fixture
def run(world: World) -> Run:
    """A finished run whose first node gave rows."""
    flow = make_flow(world.editor.person, world.workspace, FLOW)
    run = start(world.editor.person, flow)
    now = timezone.now()
    Run.objects.filter(pk=run.pk).update(state=FlowState.COMPLETED, started_at=now, finished_at=now)
    outputs = {"data": [{"name": "Ada-1", "n": 2}], "big": {"$blob": "sha256:0", "size_bytes": 9 << 20}}
    NodeRun.objects.create(
        run=run,
        node_id="rows",
        attempt=1,
        state="completed",
        started_at=now,
        finished_at=now,
        outputs=outputs,
    )
    Variable.objects.create(workspace=world.workspace, name="city", value="Bern")
    Variable.objects.create(workspace=world.workspace, name="key", is_secret=True)
    return run


def test_the_reference_has_every_function_in_both_languages_with_its_result(world: World) -> None:
    items = world.viewer.client.get(f"{world.url}/expressions/functions").json()["items"]
    found = {(item["kind"], item["name"]): item for item in items}
    first = found["list", "first"]
    assert (first["signature"], first["result"]) == ("first()", 1)
    assert all(item["zh"] and item["en"] and item["example"] for item in items)
    codes = {
        who: client.get(f"{world.url}/expressions/functions").status_code
        for who, client in world.everyone().items()
    }
    assert codes == {
        "anonymous": 401,
        "owner": 200,
        "editor": 200,
        "viewer": 200,
        "stranger": 404,
        "admin": 404,
    }


def test_an_expression_shows_what_it_gives_with_a_run(world: World, run: Run) -> None:
    url = f"{world.url}/expressions/try"

    def shown(text: str, **more: object) -> str:
        answer = world.editor.client.post(url, {"text": text, "run_id": str(run.pk), **more}, format="json")
        assert answer.status_code == 200, answer.content
        return str(answer.json()["shown"])

    assert shown("{{ rows.data[0].n + 1 }}") == "3"
    assert shown("{{ rows.data[0].name.replace(/-\\d/, '') }} in {{ vars.city }}") == '"Ada in Bern"'
    assert shown("{{ inputs.value.length }}", inputs={"value": {"node_id": "rows", "port": "data"}}) == "1"
    assert shown("{{ item.name + index }}", item={"node_id": "rows", "port": "data"}) == '"Ada-10"'
    assert shown("{{ vars.key }}") == '"•••"'
    missing = world.editor.client.post(url, {"text": "{{ rows.big }}", "run_id": str(run.pk)}, format="json")
    assert missing.json() == {"shown": "null", "is_cut": False, "count": None, "missing": ["rows"]}


def test_a_fault_is_said_in_the_readers_language_and_viewers_may_not_try(world: World, run: Run) -> None:
    url = f"{world.url}/expressions/try"
    body = {"text": "{{ rows.data.lenght() }}", "run_id": str(run.pk)}
    answer = world.editor.client.post(url, body, format="json", headers={"Accept-Language": "zh-CN"})
    assert answer.status_code == 422
    assert answer.json()["code"] == "expression.unknown_method"
    assert "lenght" in answer.json()["title"] + answer.json().get("detail", "")
    assert world.viewer.client.post(url, body, format="json").status_code == 403
    assert world.stranger.client.post(url, body, format="json").status_code == 404
