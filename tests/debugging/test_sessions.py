"""Debug sessions on the server: stops, commands by HTTP and socket, two people, crashes, parts."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from apps.executions import debug_selectors
from apps.executions.adapters.worker import RunWorker
from apps.executions.models import DebugCommand, Run, RunEvent
from apps.flows.models import Flow
from tests.executions import ledger
from tests.executions.conftest import FAST
from tests.executions.flows import definition, make_flow, wait_for
from tests.executions.test_sockets import hear, listening, subscribe
from tests.world import World, make_world

pytestmark = pytest.mark.django_db(transaction=True)
WAIT_S = 90.0


def ledger_node(node_id: str, give: Any, **more: Any) -> dict[str, Any]:
    return {"id": node_id, "type": "test_ledger", "config": {"path": "/dev/null", "give": give}, **more}


CHAIN = definition(
    [
        {"id": "start", "type": "manual_trigger"},
        ledger_node("one", "{{ flow.inputs.n }}"),
        ledger_node("two", "{{ inputs.value + 1 }}"),
        ledger_node("three", "{{ two.value * 2 }}"),
    ],
    ["one:value>two:value", "two:value>three:value"],
    inputs=[{"name": "n", "type": "number"}],
    outputs=[{"name": "three", "value": "{{ three.value }}"}],
)
LOOP = definition(
    [
        {"id": "start", "type": "manual_trigger"},
        {"id": "loop", "type": "loop_for", "config": {"items": [1, 2, 3]}},
        ledger_node("x", "{{ item * 10 }}", parent="loop"),
        ledger_node("end", "{{ loop.results }}"),
    ],
    ["loop:item>x:value", "loop:results>end:value"],
    outputs=[{"name": "end", "value": "{{ end.value }}"}],
)


@pytest.fixture
def people(transactional_db: None) -> World:
    ledger.register()
    return make_world()


@pytest.fixture
def flow(people: World) -> Flow:
    return make_flow(people.editor.person, people.workspace, CHAIN)


def begin(people: World, flow: Flow, *breakpoints: dict[str, Any], **more: Any) -> str:
    body = {"flow_id": str(flow.pk), "debug": {"breakpoints": list(breakpoints)}, **more}
    answer = people.editor.client.post(f"{people.url}/runs", body)
    assert answer.status_code == 202, answer.content
    run_id: str = answer.json()["id"]
    return run_id


def tell(people: World, run_id: str, command: str, **more: Any) -> int:
    answer = people.editor.client.post(f"{people.url}/runs/{run_id}/debug", {"command": command, **more})
    assert answer.status_code == 202, answer.content
    seq: int = answer.json()["seq"]
    return seq


def eventually(what: Callable[[], Any]) -> Any:
    give_up_at = time.monotonic() + WAIT_S
    while not (found := what()):
        assert time.monotonic() < give_up_at, f"still {found!r}"
        time.sleep(0.02)
    return found


def stands_at(run_id: str, node_id: str, *, beyond: str = "") -> str:
    """Wait until the run stands before a node, at another stop than ``beyond``; the stop's id."""

    def current() -> str | None:
        state = debug_selectors.debug_state(Run.objects.get(pk=run_id))
        if state is None:
            return None
        current = state["current"]
        found = [s["id"] for s in state["stops"] if s["id"] == current and s["node_id"] == node_id]
        return found[0] if found and found[0] != beyond else None

    found: str = eventually(current)
    return found


def test_a_run_stops_shows_what_the_node_would_get_and_goes_on_with_edited_inputs(
    people: World, flow: Flow, worker: RunWorker
) -> None:
    run_id = begin(people, flow, {"node_id": "two"}, inputs={"n": 4})
    stop = stands_at(run_id, "two")
    shown = people.viewer.client.get(f"{people.url}/runs/{run_id}/debug").json()
    assert shown["state"]["mode"] == "paused"
    hit = shown["hits"][stop]["data"]
    assert hit["inputs"] == {"value": 4}
    assert hit["config"]["give"] == 5
    tell(people, run_id, "set_inputs", stop=stop, inputs={"value": 40})
    tell(people, run_id, "step_over", stop=stop)
    tell(people, run_id, "continue", stop=stands_at(run_id, "three"))
    run = wait_for(Run.objects.get(pk=run_id).pk)
    assert (run.state, run.outputs) == ("completed", {"three": 82})
    row = run.node_runs.get(node_id="two")
    assert row.inputs == {"value": 40}
    assert row.config is not None
    assert row.config["give"] == 41


def test_a_command_about_a_stop_that_was_left_is_refused(
    people: World, flow: Flow, worker: RunWorker
) -> None:
    run_id = begin(people, flow, {"node_id": "two"}, inputs={"n": 4})
    stop = stands_at(run_id, "two")
    tell(people, run_id, "step_over", stop=stop)
    stands_at(run_id, "three")
    again = {"command": "step_over", "stop": stop}
    answer = people.owner.client.post(f"{people.url}/runs/{run_id}/debug", again)
    assert (answer.status_code, answer.json()["code"]) == (409, "debug.stop_gone")


def test_two_commands_at_one_stop_move_the_run_once_and_everybody_hears_whose_it_was(
    people: World, flow: Flow, worker: RunWorker
) -> None:
    """Both were accepted before the worker looked; the second is refused where it counts."""
    run_id = begin(people, flow, {"node_id": "two"}, inputs={"n": 4})
    stop = stands_at(run_id, "two")
    run = Run.objects.get(pk=run_id)
    shape = {"command": "step_over", "stop": stop}
    DebugCommand.objects.bulk_create(
        DebugCommand(run=run, seq=seq, shape=shape, created_by=who.person)
        for seq, who in ((1, people.editor), (2, people.owner))
    )
    worker.wake()
    stands_at(run_id, "three")
    told = [
        event.data["command"]
        for event in RunEvent.objects.filter(run=run, type="debug_state").order_by("seq")
        if "command" in event.data
    ]
    assert [(c["seq"], c["by"]["name"]) for c in told] == [(1, "Editor"), (2, "Owner")]
    assert told[0]["error"] is None
    assert told[1]["error"]["code"] == "debug.stop_gone"


def test_a_run_that_nobody_debugged_can_be_paused_and_stepped(
    people: World, flow: Flow, worker: RunWorker
) -> None:
    slow = {**CHAIN, "nodes": [dict(node) for node in CHAIN["nodes"]]}
    slow["nodes"][1]["config"] = {**slow["nodes"][1]["config"], "seconds": 1.0}
    other = make_flow(people.editor.person, people.workspace, slow, "Slow")
    asked = {"flow_id": str(other.pk), "inputs": {"n": 1}}
    run_id = people.editor.client.post(f"{people.url}/runs", asked).json()["id"]
    eventually(lambda: RunEvent.objects.filter(run_id=run_id, type="node_started", node_id="one").exists())
    tell(people, run_id, "pause")
    stop = stands_at(run_id, "two")
    tell(people, run_id, "continue", stop=stop)
    assert wait_for(Run.objects.get(pk=run_id).pk).outputs == {"three": 4}


def test_another_worker_goes_on_at_the_same_stop_in_a_loop(people: World, worker: RunWorker) -> None:
    flow = make_flow(people.editor.person, people.workspace, LOOP)
    run_id = begin(people, flow, {"node_id": "x", "condition": "item == 2"})
    stop = stands_at(run_id, "x")
    worker.stop()
    assert Run.objects.get(pk=run_id).state == "ready"
    tell(people, run_id, "set_inputs", stop=stop, config={"give": 7})
    tell(people, run_id, "continue", stop=stop)
    other = RunWorker(times=FAST, node_threads=2)
    other.start()
    try:
        run = wait_for(Run.objects.get(pk=run_id).pk)
    finally:
        other.stop()
    assert run.outputs == {"end": [10, 7, 30]}
    assert run.node_runs.filter(node_id="x", iteration_path="loop.0@1").count() == 1


def test_stop_cancels_a_run_that_stands(people: World, flow: Flow, worker: RunWorker) -> None:
    run_id = begin(people, flow, {"node_id": "two"}, inputs={"n": 4})
    stands_at(run_id, "two")
    people.editor.client.post(f"{people.url}/runs/{run_id}/debug", {"command": "stop"})
    run = wait_for(Run.objects.get(pk=run_id).pk)
    assert run.state == "cancelled"
    assert run.node_runs.get(node_id="two").state == "cancelled"


async def test_everybody_sees_the_stop_and_drives_by_socket(
    people: World, flow: Flow, worker: RunWorker
) -> None:
    async with listening(people.editor, flow) as editor, listening(people.viewer, flow) as viewer:
        await subscribe(editor)
        await subscribe(viewer)
        run_id = await sync_to_async(begin)(people, flow, {"node_id": "two"}, inputs={"n": 4})
        hits = [(await hear(socket, "breakpoint_hit"))[-1] for socket in (editor, viewer)]
        assert hits[0] == hits[1]
        stop = hits[0]["data"]["stop"]["id"]
        step = {"type": "debug", "run_id": run_id, "command": "step_over", "stop": stop, "ref": 1}
        await viewer.send_to(json.dumps(step))
        refused = (await hear(viewer, "debug_refused"))[-1]
        assert (refused["error"]["code"], refused["ref"]) == ("auth.forbidden", 1)
        await editor.send_to(json.dumps(step))
        heard = [(await hear(socket, "breakpoint_hit"))[-1] for socket in (editor, viewer)]
        assert {event["node_id"] for event in heard} == {"three"}
        last = {
            "type": "debug",
            "run_id": run_id,
            "command": "continue",
            "stop": heard[0]["data"]["stop"]["id"],
        }
        await editor.send_to(json.dumps(last))
        assert (await hear(viewer, "run_completed"))[-1]["run_id"] == run_id


def test_parts_run_on_recorded_data(people: World, flow: Flow, worker: RunWorker) -> None:
    url = f"{people.url}/runs"
    client = people.editor.client

    def run(**asked: Any) -> Run:
        answer = client.post(url, {"flow_id": str(flow.pk), **asked})
        assert answer.status_code == 202, answer.content
        return wait_for(answer.json()["id"])

    whole = run(inputs={"n": 4})
    assert whole.outputs == {"three": 10}
    from_two = run(from_node="two", data_of_run=str(whole.pk))
    assert from_two.outputs == {"three": 10}
    started = from_two.events.filter(type="node_started").values_list("node_id", flat=True)
    assert set(started) == {"two", "three"}
    until = run(until_node="two", inputs={"n": 1})
    assert set(until.node_runs.values_list("node_id", flat=True)) == {"one", "two"}
    alone = run(only_node="two", data_of_run=str(whole.pk))
    assert alone.outputs == {"two": {"value": 5}}
    given = run(only_node="two", node_inputs={"value": 99})
    assert given.outputs == {"two": {"value": 100}}


def test_stepping_into_a_sub_flow_stops_at_its_first_node_and_out_again(
    people: World, flow: Flow, worker: RunWorker
) -> None:
    calling = make_flow(
        people.editor.person,
        people.workspace,
        definition(
            [
                {"id": "start", "type": "manual_trigger"},
                {"id": "call", "type": "sub_flow", "config": {"flow": str(flow.pk), "inputs": {"n": 2}}},
                ledger_node("after", "{{ call.outputs.three }}"),
            ],
            ["call:outputs>after:value"],
            outputs=[{"name": "after", "value": "{{ after.value }}"}],
        ),
        "Calling",
    )
    run_id = begin(people, calling, {"node_id": "call"})
    tell(people, run_id, "step_into", stop=stands_at(run_id, "call"))
    child = eventually(lambda: Run.objects.filter(parent_run_id=uuid.UUID(run_id)).first())
    stop = stands_at(str(child.pk), "one")
    tell(people, str(child.pk), "continue", stop=stop)
    stop = stands_at(run_id, "after")
    tell(people, run_id, "continue", stop=stop)
    assert wait_for(Run.objects.get(pk=run_id).pk).outputs == {"after": 6}


def test_a_run_nobody_commands_is_put_down_and_taken_up_by_the_next_command(
    people: World, flow: Flow, settings: Any, worker: RunWorker
) -> None:
    settings.RUN_STAND_FOR_S = 0.3
    run_id = begin(people, flow, {"node_id": "two"}, inputs={"n": 4})
    stop = stands_at(run_id, "two")
    eventually(lambda: Run.objects.get(pk=run_id).owner == "")
    assert Run.objects.get(pk=run_id).state == "running"
    tell(people, run_id, "step_over", stop=stop)
    tell(people, run_id, "continue", stop=stands_at(run_id, "three"))
    assert wait_for(Run.objects.get(pk=run_id).pk).outputs == {"three": 10}
