"""The HTTP door of debug sessions and partial runs, as owner, editor, viewer, stranger and nobody."""

from __future__ import annotations

from typing import Any

import pytest

from apps.audit.models import AuditEntry
from apps.executions.models import DebugCommand, NodeRun, Run
from apps.flows.models import Flow
from tests.executions import ledger
from tests.executions.flows import definition, make_flow
from tests.world import World

NODES: list[dict[str, Any]] = [
    {"id": "start", "type": "manual_trigger"},
    {"id": "one", "type": "test_ledger", "config": {"path": "/dev/null", "give": "{{ flow.inputs.value }}"}},
    {"id": "two", "type": "test_ledger", "config": {"path": "/dev/null", "give": "{{ one.value + 1 }}"}},
]
BODY = definition(NODES, ["one:value>two:value"], inputs=[{"name": "value", "type": "number"}])


@pytest.fixture
def flow(world: World) -> Flow:
    ledger.register()
    return make_flow(world.editor.person, world.workspace, BODY)


def begin(world: World, flow: Flow, **more: Any) -> dict[str, Any]:
    body = {"flow_id": str(flow.pk), "inputs": {"value": 3}, **more}
    answer = world.editor.client.post(f"{world.url}/runs", body)
    assert answer.status_code == 202, answer.content
    shape: dict[str, Any] = answer.json()
    return shape


@pytest.mark.parametrize(
    ("who", "reads", "commands"),
    [
        ("anonymous", 401, 401),
        ("stranger", 404, 404),
        ("viewer", 200, 403),
        ("editor", 200, 202),
        ("owner", 200, 202),
        ("admin", 404, 404),
    ],
)
def test_everybody_in_the_workspace_looks_and_editors_command(
    world: World, flow: Flow, who: str, reads: int, commands: int
) -> None:
    url = f"{world.url}/runs/{begin(world, flow, debug={})['id']}/debug"
    client = world.everyone()[who]
    assert client.get(url).status_code == reads
    assert client.post(url, {"command": "pause"}).status_code == commands
    breakpoints = f"{world.url}/flows/{flow.pk}/breakpoints"
    assert client.get(breakpoints).status_code == reads
    answer = client.put(breakpoints, {"breakpoints": [{"node_id": "two"}]})
    assert answer.status_code == (200 if commands == 202 else commands)


def test_a_debug_run_begins_with_the_breakpoints_of_its_flow_and_follows_them(
    world: World, flow: Flow
) -> None:
    url = f"{world.url}/flows/{flow.pk}/breakpoints"
    world.editor.client.put(url, {"breakpoints": [{"node_id": "two", "condition": "inputs.value > 1"}]})
    run = Run.objects.get(pk=begin(world, flow, debug={})["id"])
    assert run.debug is not None
    assert [point["node_id"] for point in run.debug["breakpoints"]] == ["two"]
    world.owner.client.put(url, {"breakpoints": []})
    assert DebugCommand.objects.get(run=run).shape == {"command": "set_breakpoints", "breakpoints": []}


def test_a_breakpoint_whose_condition_cannot_be_read_is_refused(world: World, flow: Flow) -> None:
    bad = {"breakpoints": [{"node_id": "two", "condition": "inputs. >"}]}
    answer = world.editor.client.put(f"{world.url}/flows/{flow.pk}/breakpoints", bad)
    assert (answer.status_code, answer.json()["code"]) == (422, "debug.breakpoint")


def test_commands_are_numbered_and_those_that_change_data_are_audited(world: World, flow: Flow) -> None:
    url = f"{world.url}/runs/{begin(world, flow, debug={})['id']}/debug"
    first = world.editor.client.post(url, {"command": "pause"}).json()
    edit = {"command": "set_inputs", "stop": "s1", "inputs": {"value": "secret"}}
    second = world.owner.client.post(url, edit).json()
    assert (first["seq"], second["seq"]) == (1, 2)
    entry = AuditEntry.objects.get(action="run.debug.set_inputs")
    assert entry.after == {"stop": "s1", "names": ["inputs.value"]}
    shown = world.viewer.client.get(url).json()
    assert [command["command"] for command in shown["commands"]] == ["set_inputs", "pause"]
    assert shown["commands"][1]["by"]["name"] == world.editor.person.name


def test_a_command_that_is_none_and_an_ended_run_are_refused(world: World, flow: Flow) -> None:
    run_id = begin(world, flow, debug={})["id"]
    url = f"{world.url}/runs/{run_id}/debug"
    assert world.editor.client.post(url, {"command": "jump"}).status_code == 400
    assert world.editor.client.post(url, {"command": "step_over"}).json()["code"] == "debug.command"
    assert world.editor.client.post(url, {"command": "stop"}).json() == {"seq": None}
    assert Run.objects.get(pk=run_id).state == "cancelled"
    assert world.editor.client.post(url, {"command": "pause"}).json()["code"] == "debug.run_ended"


def test_a_part_needs_nodes_that_are_there_and_data_of_its_own_flow(world: World, flow: Flow) -> None:
    run_id = begin(world, flow)["id"]
    url = f"{world.url}/runs"
    nowhere = world.editor.client.post(url, {"flow_id": str(flow.pk), "until_node": "nowhere"})
    assert nowhere.json()["code"] == "run.part_no_node"
    missing = {"flow_id": str(flow.pk), "only_node": "two", "data_of_run": run_id}
    assert world.editor.client.post(url, missing).json()["code"] == "run.part_no_data"
    other = make_flow(world.editor.person, world.workspace, BODY)
    foreign = {"flow_id": str(other.pk), "from_node": "two", "data_of_run": run_id}
    assert world.editor.client.post(url, foreign).status_code == 404
    both = {"flow_id": str(flow.pk), "only_node": "two", "from_node": "two"}
    assert world.editor.client.post(url, both).status_code == 400
    assert Run.objects.count() == 1


def test_a_run_from_a_node_takes_over_records_and_inputs(world: World, flow: Flow) -> None:
    old = Run.objects.get(pk=begin(world, flow)["id"])
    NodeRun.objects.create(run=old, node_id="start", attempt=1, state="completed", outputs={"value": 3})
    NodeRun.objects.create(run=old, node_id="one", attempt=2, state="completed", outputs={"value": 3})
    asked = {"flow_id": str(flow.pk), "from_node": "two", "data_of_run": str(old.pk)}
    new = Run.objects.get(pk=world.editor.client.post(f"{world.url}/runs", asked).json()["id"])
    assert new.inputs == {"value": 3}
    assert dict(new.node_runs.values_list("node_id", "is_reused")) == {"start": True, "one": True}


def test_repeating_a_run_of_a_part_repeats_the_part_and_nothing_else(world: World, flow: Flow) -> None:
    old = Run.objects.get(pk=begin(world, flow)["id"])
    NodeRun.objects.create(run=old, node_id="start", attempt=1, state="completed", outputs={"value": 3})
    NodeRun.objects.create(run=old, node_id="one", attempt=1, state="completed", outputs={"value": 3})
    asked = {"flow_id": str(flow.pk), "from_node": "two", "until_node": "two", "data_of_run": str(old.pk)}
    part = Run.objects.get(pk=world.editor.client.post(f"{world.url}/runs", asked).json()["id"])
    Run.objects.filter(pk=part.pk).update(state="completed")
    url = f"{world.url}/runs/{part.pk}/commands"
    again = Run.objects.get(pk=world.editor.client.post(url, {"command": "retry"}).json()["id"])
    assert (again.part, again.inputs, again.retry_of) == (part.part, part.inputs, part.pk)
    assert dict(again.node_runs.values_list("node_id", "is_reused")) == {"one": True}
    assert world.editor.client.post(url, {"command": "redrive"}).json()["code"] == "run.redrive_part"


def test_of_several_who_move_a_run_on_one_takes_effect_and_the_others_hear_whose(
    world: World, flow: Flow
) -> None:
    url = f"{world.url}/runs/{begin(world, flow, debug={})['id']}/debug"
    step = {"command": "step_over", "stop": "s1"}
    assert world.editor.client.post(url, step).status_code == 202
    late = world.owner.client.post(url, {**step, "command": "continue"})
    assert (late.status_code, late.json()["code"]) == (409, "debug.going_on")
    assert world.editor.person.name in late.json()["detail"]
    assert world.owner.client.post(url, {**step, "stop": "s2"}).status_code == 202


def test_running_to_a_node_the_flow_does_not_have_is_refused(world: World, flow: Flow) -> None:
    url = f"{world.url}/runs/{begin(world, flow, debug={})['id']}/debug"
    nowhere = world.editor.client.post(url, {"command": "run_to", "node_id": "nowhere"})
    assert (nowhere.status_code, nowhere.json()["code"]) == (422, "debug.no_node")
    assert world.editor.client.post(url, {"command": "run_to", "node_id": "two"}).status_code == 202


def test_a_redriven_run_is_debugged_as_the_one_before_it_was(world: World, flow: Flow) -> None:
    points = [{"node_id": "two"}]
    first = begin(world, flow, debug={"breakpoints": points})["id"]
    Run.objects.filter(pk=first).update(state="failed")
    again = {"command": "redrive", "from_node": "one"}
    answer = world.editor.client.post(f"{world.url}/runs/{first}/commands", again)
    assert answer.status_code == 202, answer.content
    debug = Run.objects.get(pk=answer.json()["id"]).debug
    assert debug is not None
    assert [point["node_id"] for point in debug["breakpoints"]] == ["two"]
    assert debug["follows"] is False


def test_an_input_of_another_type_than_declared_is_refused_before_the_run(world: World, flow: Flow) -> None:
    wrong = {"flow_id": str(flow.pk), "inputs": {"value": "three"}}
    answer = world.editor.client.post(f"{world.url}/runs", wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, "run.input_type")
    assert not Run.objects.exists()


def test_a_state_no_node_can_have_is_refused_with_those_it_can(world: World, flow: Flow) -> None:
    url = f"{world.url}/runs/{begin(world, flow)['id']}/nodes"
    answer = world.viewer.client.get(f"{url}?state=bogus")
    assert answer.status_code == 400
    assert "waiting" in str(answer.json())
    assert world.viewer.client.get(f"{url}?state=waiting").json()["items"] == []
