"""Waits, approvals, pauses and sub-flows with a worker: what is parked, who wakes it, what it gives."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from apps.executions.adapters.host import DjangoHost, in_database_thread
from apps.executions.adapters.worker import RunWorker
from apps.executions.models import NodeRun, Run, RunEvent, Signal
from apps.executions.selectors import rows_outside
from apps.flows.models import Flow
from tests.executions import ledger
from tests.executions.conftest import CALM
from tests.executions.flows import definition, make_flow, start, wait_for
from tests.world import World, make_world

pytestmark = pytest.mark.django_db(transaction=True)
APPROVAL = {"mode": "approval", "message": "Send it?"}


@pytest.fixture(autouse=True)
def patience(settings: Any) -> None:
    """Runs are parked as soon as they only wait."""
    settings.RUN_PARK_AFTER_S = 0.05


@pytest.fixture
def people(transactional_db: None) -> World:
    ledger.register()
    return make_world()


@pytest.fixture
def another(transactional_db: None) -> Iterator[Callable[[], RunWorker]]:
    """Start a worker; all are stopped at the end."""
    started: list[RunWorker] = []

    def begin() -> RunWorker:
        started.append(RunWorker(times=CALM, node_threads=2))
        started[-1].start()
        return started[-1]

    yield begin
    for worker in started:
        worker.stop()


def until(condition: Callable[[], Any], wait_s: float = 120.0) -> Any:
    give_up_at = time.monotonic() + wait_s
    while not (found := condition()):
        assert time.monotonic() < give_up_at, "it never came"
        time.sleep(0.02)
    return found


def parked(run: Run) -> bool:
    row = Run.objects.get(pk=run.pk)
    return (row.state, row.owner, row.reason) == ("running", "", "waiting")


def command(people: World, run: Run, name: str, **more: Any) -> dict[str, Any]:
    answer = people.editor.client.post(f"{people.url}/runs/{run.pk}/commands", {"command": name, **more})
    assert answer.status_code == 202, answer.json()
    return dict(answer.json())


def answer_all(people: World, run: Run, payload: Any) -> int:
    """Answer everything the run waits for; returns how much that was."""
    waits = people.editor.client.get(f"{people.url}/runs/{run.pk}/waits").json()["items"]
    open_waits = [wait for wait in waits if wait["can_signal"] and not wait["is_answered"]]
    for wait in open_waits:
        sent = people.editor.client.post(
            f"{people.url}/runs/{run.pk}/signals", {"key": wait["key"], "payload": payload}
        )
        assert sent.status_code == 202, sent.json()
    return len(open_waits)


def outputs_of(run: Run) -> dict[str, Any]:
    assert run.outputs is not None, run.error
    return dict(run.outputs)


def error_of(run: Run) -> dict[str, Any]:
    assert run.error is not None, run.state
    return dict(run.error)


def check_whole(run: Run) -> None:
    seqs = list(RunEvent.objects.filter(run=run).order_by("seq").values_list("seq", flat=True))
    assert seqs == list(range(1, Run.objects.get(pk=run.pk).last_seq + 1))
    done = NodeRun.objects.filter(run=run, state="completed").values_list("node_id", "iteration_path")
    assert len(done) == len(set(done))


def approval_flow(path: Path, ask: str = "wait") -> dict[str, Any]:
    nodes = [
        {"id": "first", "type": "test_ledger", "config": {"path": str(path), "give": 1}},
        {"id": "ask", "type": ask, "config": APPROVAL},
        {"id": "yes", "type": "test_ledger", "config": {"path": str(path), "give": "{{ ask.payload.by }}"}},
        {"id": "no", "type": "test_ledger", "config": {"path": str(path), "give": "no"}},
    ]
    return definition(nodes, ["first:value>ask:value", "ask:approved>yes:value", "ask:rejected>no:value"])


@pytest.mark.parametrize("decided", [("wait", True, "yes"), ("human_approval", False, "no")])
def test_an_approval_parks_the_run_and_a_person_decides(
    people: World, worker: RunWorker, tmp_path: Path, decided: tuple[str, bool, str]
) -> None:
    ask, approved, ran = decided
    flow = make_flow(people.editor.person, people.workspace, approval_flow(tmp_path / "l", ask))
    run = start(people.editor.person, flow)
    until(lambda: parked(run))
    (wait,) = people.viewer.client.get(f"{people.url}/runs/{run.pk}/waits").json()["items"]
    assert (wait["node_id"], wait["details"]) == ("ask", {"kind": "approval", "message": "Send it?"})
    assert answer_all(people, run, {"approved": approved, "by": "Ada"}) == 1
    ended = wait_for(run.pk)
    assert ended.state == "completed", ended.error
    assert [line[0] for line in ledger.lines(tmp_path / "l")] == ["first", ran]
    assert NodeRun.objects.get(run=run, node_id="ask").attempt == 1
    check_whole(run)


def test_a_wait_outlives_every_worker(
    people: World, another: Callable[[], RunWorker], tmp_path: Path
) -> None:
    first = another()
    flow = make_flow(people.editor.person, people.workspace, approval_flow(tmp_path / "l"))
    run = start(people.editor.person, flow)
    until(lambda: parked(run))
    first.stop()
    answer_all(people, run, {"approved": True, "by": "Bo"})
    assert parked(run)
    another()
    ended = wait_for(run.pk)
    assert ended.state == "completed", ended.error
    assert ended.losses == 0
    assert [line[0] for line in ledger.lines(tmp_path / "l")] == ["first", "yes"]


def test_a_signal_while_the_run_is_held_goes_to_the_waiting_node(
    people: World, worker: RunWorker, tmp_path: Path, settings: Any
) -> None:
    settings.RUN_PARK_AFTER_S = None
    flow = make_flow(people.editor.person, people.workspace, approval_flow(tmp_path / "l"))
    run = start(people.editor.person, flow)
    until(lambda: NodeRun.objects.filter(run=run, state="waiting").exists())
    assert Run.objects.get(pk=run.pk).owner != ""
    answer_all(people, run, {"approved": True, "by": "Cy"})
    assert wait_for(run.pk).state == "completed"
    assert Run.objects.get(pk=run.pk).fence == 1


def test_a_timer_wakes_its_run(people: World, worker: RunWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sage_studio.engine.waiting.SHORTEST_PARKED_S", 0.2)
    nodes = [{"id": "nap", "type": "wait", "config": {"mode": "time", "seconds": 1.5}}]
    run = start(people.editor.person, make_flow(people.editor.person, people.workspace, definition(nodes)))
    until(lambda: parked(run))
    shown = people.viewer.client.get(f"{people.url}/runs/{run.pk}").json()
    assert shown["wakes_at"] is not None
    ended = wait_for(run.pk)
    assert ended.state == "completed"
    assert ended.fence == 2


def test_the_time_limit_of_a_flow_ends_a_run_that_is_parked(
    people: World, worker: RunWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sage_studio.engine.waiting.SHORTEST_PARKED_S", 0.2)
    body = definition([{"id": "ask", "type": "wait", "config": APPROVAL}], settings={"timeout_s": 1.5})
    run = start(people.editor.person, make_flow(people.editor.person, people.workspace, body))
    until(lambda: parked(run))
    ended = wait_for(run.pk)
    assert (ended.state, error_of(ended)["code"]) == ("failed", "run.timeout")


def test_approvals_in_a_map_are_answered_one_by_one_and_keep_their_order(
    people: World, worker: RunWorker
) -> None:
    nodes = [
        {"id": "each", "type": "map_each", "config": {"items": [1, 2, 3], "parallelism": 3,
                                                      "result": "{{ ask.payload }}"}},
        {"id": "ask", "type": "wait", "parent": "each", "config": {"mode": "signal", "message": "?"}},
    ]  # fmt: skip
    run = start(people.editor.person, make_flow(people.editor.person, people.workspace, definition(nodes)))
    until(lambda: NodeRun.objects.filter(run=run, state="waiting").count() == 3 and parked(run))
    waits = people.viewer.client.get(f"{people.url}/runs/{run.pk}/waits").json()["items"]
    for wait in sorted(waits, key=lambda wait: str(wait["key"]), reverse=True):
        number = wait["iteration_path"].split("@")[0].split(".")[1]
        sent = {"key": wait["key"], "payload": f"answer {number}"}
        assert people.editor.client.post(f"{people.url}/runs/{run.pk}/signals", sent).status_code == 202
        until(lambda: parked(run) or Run.objects.get(pk=run.pk).state == "completed")
        left = NodeRun.objects.filter(run=run, state="waiting").values_list("iteration_path", flat=True)
        told = RunEvent.objects.filter(run=run, node_id="ask").order_by("seq")
        newest = dict(told.values_list("iteration_path", "type"))
        # Taken up, they began again: those who watch are told that they wait still.
        assert {newest[path] for path in left} <= {"node_waiting"}
    ended = wait_for(run.pk)
    assert ended.outputs == {
        "each": {"results": ["answer 0", "answer 1", "answer 2"], "count": 3, "errors": []}
    }
    check_whole(run)


def test_a_loop_that_is_paused_goes_on_with_the_next_iteration(
    people: World, another: Callable[[], RunWorker], tmp_path: Path
) -> None:
    path = tmp_path / "l"
    nodes = [
        {"id": "loop", "type": "loop_for", "config": {"items": [1, 2, 3, 4, 5, 6]}},
        {"id": "step", "type": "test_ledger", "parent": "loop",
         "config": {"path": str(path), "seconds": 0.3, "give": "{{ item * 10 }}"}},
    ]  # fmt: skip
    first = another()
    run = start(people.editor.person, make_flow(people.editor.person, people.workspace, definition(nodes)))
    until(lambda: len(ledger.lines(path)) == 2)
    command(people, run, "pause")
    rested = wait_for(run.pk, "paused")
    assert rested.reason == "requested"
    done = len(ledger.lines(path))
    first.stop()
    another()
    time.sleep(0.5)
    assert len(ledger.lines(path)) == done < 6
    command(people, run, "resume")
    ended = wait_for(run.pk)
    assert ended.state == "completed", ended.error
    assert outputs_of(ended)["loop"]["results"] == [10, 20, 30, 40, 50, 60]
    assert len(ledger.lines(path)) == 6, "nothing ran twice"
    check_whole(run)


def sub_flows(
    people: World, path: Path, child_nodes: list[dict[str, Any]], **child: Any
) -> tuple[Flow, Flow]:
    """A flow that calls another once per item, and that other one."""
    called = make_flow(people.editor.person, people.workspace, definition(child_nodes, **child), "Called")
    nodes = [
        {"id": "each", "type": "map_each", "config": {"items": [1, 2, 3], "parallelism": 3,
                                                      "result": "{{ call.outputs }}"}},
        {"id": "call", "type": "sub_flow", "parent": "each",
         "config": {"flow": str(called.pk), "inputs": {"n": "{{ item }}"}}},
    ]  # fmt: skip
    return make_flow(people.editor.person, people.workspace, definition(nodes), "Calling"), called


TEN_TIMES: dict[str, Any] = {
    "inputs": [{"name": "n", "type": "integer", "required": True}],
    "outputs": [{"name": "ten", "value": "{{ flow.inputs.n * 10 }}"}],
}


def test_a_sub_flow_is_a_run_of_its_own_and_gives_its_outputs_to_its_parent(
    people: World, worker: RunWorker, tmp_path: Path
) -> None:
    child_nodes = [{"id": "work", "type": "test_ledger", "config": {"path": str(tmp_path / "l"), "give": 1}}]
    calling, called = sub_flows(people, tmp_path, child_nodes, **TEN_TIMES)
    run = start(people.editor.person, calling)
    ended = wait_for(run.pk)
    assert ended.state == "completed", ended.error
    assert outputs_of(ended)["each"]["results"] == [{"ten": 10}, {"ten": 20}, {"ten": 30}]
    children = list(Run.objects.filter(parent_run=run).order_by("created_at"))
    assert [(child.flow_id, child.state, child.depth, child.trigger) for child in children] == [
        (called.pk, "completed", 1, "flow")
    ] * 3
    assert sorted(child.parent_path for child in children) == [f"call|each.{i}@1|flow@1" for i in range(3)]
    assert len(ledger.lines(tmp_path / "l")) == 3
    check_whole(run)
    called.refresh_from_db()
    assert called.last_run_id is None, "a child is its parent's affair"


def test_a_parent_waits_parked_and_a_cancellation_reaches_its_children(
    people: World, worker: RunWorker, tmp_path: Path
) -> None:
    calling, _ = sub_flows(people, tmp_path, [{"id": "ask", "type": "wait", "config": APPROVAL}], **TEN_TIMES)
    run = start(people.editor.person, calling)
    until(lambda: parked(run) and [parked(child) for child in run.children.all()] == [True] * 3)
    command(people, run, "cancel")
    assert Run.objects.get(pk=run.pk).state == "cancelled"
    assert set(run.children.values_list("state", flat=True)) == {"cancelled"}


@pytest.mark.parametrize("how", ["taken over", "let go"])
def test_a_worker_that_has_lost_a_parent_leaves_its_children_alone(
    people: World, another: Callable[[], RunWorker], tmp_path: Path, settings: Any, how: str
) -> None:
    """Another takes the parent up and finds them: cancelled, they would have failed it."""
    settings.RUN_PARK_AFTER_S = 3600
    calling, _ = sub_flows(people, tmp_path, [{"id": "ask", "type": "wait", "config": APPROVAL}], **TEN_TIMES)
    first = another()
    run = start(people.editor.person, calling)
    until(lambda: NodeRun.objects.filter(run__parent_run=run, state="waiting").count() == 3)
    active = first._active[str(run.pk)]
    if how == "taken over":
        Run.objects.filter(pk=run.pk).update(owner="somebody:1", fence=F("fence") + 1)
        until(lambda: active.task is not None and active.task.done())
        Run.objects.filter(pk=run.pk).update(state="ready", owner="", lease_until=timezone.now())
    else:
        assert first._loop is not None
        assert active.task is not None
        first._loop.call_soon_threadsafe(active.task.cancel)
        until(active.task.done)
    assert set(run.children.values_list("state", flat=True)) == {"running"}
    for child in run.children.all():
        answer_all(people, child, {"approved": True})
    ended = wait_for(run.pk)
    assert ended.state == "completed", ended.error


def test_a_flow_asked_for_by_a_run_that_is_being_cancelled_is_neither_started_nor_refused(
    people: World, tmp_path: Path
) -> None:
    """Its worker will end the node; a refusal would have failed a run that somebody cancelled."""
    calling, called = sub_flows(
        people, tmp_path, [{"id": "ask", "type": "wait", "config": APPROVAL}], **TEN_TIMES
    )
    run = start(people.editor.person, calling)
    mine = Run.objects.filter(pk=run.pk)
    mine.update(state="running", owner="me:1:x", fence=1, cancel_requested_at=timezone.now())
    asked = 0

    async def call(work: Callable[[], Any]) -> Any:
        nonlocal asked
        asked += 1
        if asked == 3:
            await in_database_thread(lambda: mine.update(cancel_requested_at=None))
        return await in_database_thread(work)

    host = DjangoHost(workspace_id=people.workspace.pk, flow_id=calling.pk, run_id=run.pk, fence=1, call=call)
    given = {"n": 1}
    child_id = asyncio.run(
        host.start_flow(str(called.pk), given, version="", key="call||flow@1", deliver=lambda _: None)
    )
    assert asked == 3
    assert [str(child.pk) for child in run.children.all()] == [child_id]


def test_pausing_a_parent_rests_its_children_and_resuming_wakes_them(
    people: World, worker: RunWorker, tmp_path: Path
) -> None:
    path = tmp_path / "l"
    child_nodes = [
        {"id": "one", "type": "test_ledger", "config": {"path": str(path), "seconds": 1, "give": 1}},
        {"id": "two", "type": "test_ledger", "config": {"path": str(path), "give": "{{ one.value }}"}},
    ]
    body = definition(child_nodes, ["one:value>two:value"])
    calling, _ = sub_flows(people, tmp_path, child_nodes, edges_of=None, **TEN_TIMES)
    Flow.objects.filter(name="Called").update(
        definition=make_flow(people.editor.person, people.workspace, {**body, **TEN_TIMES}, "x").definition
    )
    run = start(people.editor.person, calling)
    until(lambda: len(ledger.lines(path)) == 3)
    command(people, run, "pause")
    until(lambda: set(Run.objects.values_list("state", flat=True)) == {"paused"})
    assert len(ledger.lines(path)) == 3
    command(people, run, "resume")
    ended = wait_for(run.pk)
    assert ended.state == "completed", ended.error
    assert len(ledger.lines(path)) == 6


def test_a_child_that_fails_fails_its_node_with_its_own_words(
    people: World, worker: RunWorker, tmp_path: Path
) -> None:
    child_nodes = [
        {"id": "bad", "type": "test_ledger", "config": {"path": str(tmp_path / "l"), "fail": True}}
    ]
    calling, _ = sub_flows(people, tmp_path, child_nodes, **TEN_TIMES)
    ended = wait_for(start(people.editor.person, calling).pk)
    assert ended.state == "failed"
    assert "the ledger is closed" in error_of(ended)["message"]
    until(lambda: not Run.objects.filter(state__in=("ready", "running")).exists())


@pytest.mark.parametrize(
    ("inputs", "code"), [({"n": "one"}, "run.input_type"), ({"m": 1}, "run.input_missing")]
)
def test_inputs_that_do_not_fit_are_refused_before_a_child_starts(
    people: World, worker: RunWorker, tmp_path: Path, inputs: dict[str, Any], code: str
) -> None:
    child_nodes = [{"id": "work", "type": "test_ledger", "config": {"path": str(tmp_path / "l"), "give": 1}}]
    called = make_flow(people.editor.person, people.workspace, definition(child_nodes, **TEN_TIMES), "Called")
    nodes = [{"id": "call", "type": "sub_flow", "config": {"flow": str(called.pk), "inputs": inputs}}]
    calling = make_flow(people.editor.person, people.workspace, definition(nodes), "Calling")
    ended = wait_for(start(people.editor.person, calling).pk)
    assert (ended.state, error_of(ended)["code"]) == ("failed", code)
    assert Run.objects.count() == 1


def test_a_flow_that_calls_itself_is_stopped_at_the_deepest_level(people: World, worker: RunWorker) -> None:
    nodes = [{"id": "call", "type": "sub_flow", "config": {"flow": "Calling", "inputs": {"x": 1}}}]
    calling = make_flow(people.editor.person, people.workspace, definition(nodes), "Calling")
    ended = wait_for(start(people.editor.person, calling).pk, wait_s=120)
    assert (ended.state, error_of(ended)["code"]) == ("failed", "run.too_deep")
    assert Run.objects.count() == 17


def test_a_flow_of_another_workspace_is_not_there(people: World, worker: RunWorker) -> None:
    nodes = [{"id": "ask", "type": "manual_trigger"}]
    theirs = make_flow(people.stranger.person, people.elsewhere, definition(nodes), "Theirs")
    call = [{"id": "call", "type": "sub_flow", "config": {"flow": str(theirs.pk)}}]
    ended = wait_for(
        start(people.editor.person, make_flow(people.editor.person, people.workspace, definition(call))).pk
    )
    assert (ended.state, error_of(ended)["code"]) == ("failed", "run.no_flow")


def test_what_happened_in_finished_iterations_is_not_read_back(people: World, worker: RunWorker) -> None:
    nodes = [
        {"id": "loop", "type": "loop_for", "config": {"items": [1, 2, 3]}},
        {"id": "inner", "type": "loop_for", "parent": "loop", "config": {"items": [1, 2]}},
        {"id": "leaf", "type": "wait", "parent": "inner", "config": {"seconds": 0}},
        {"id": "ask", "type": "wait", "config": APPROVAL},
    ]
    body = definition(nodes, ["loop:results>ask:value"])
    run = start(people.editor.person, make_flow(people.editor.person, people.workspace, body))
    until(lambda: parked(run))
    assert NodeRun.objects.filter(run=run).count() == 2 + 3 + 3 + 6 + 6
    needed = rows_outside(run.pk).values_list("node_id", "iteration_path")
    assert sorted(needed) == [("ask", ""), ("loop", "")]
    command(people, run, "cancel")


def test_iterations_are_folded_in_the_list_of_nodes(people: World, worker: RunWorker) -> None:
    nodes = [
        {"id": "loop", "type": "loop_for", "config": {"items": [1, 2, 3]}},
        {"id": "leaf", "type": "wait", "parent": "loop", "config": {"seconds": 0}},
    ]
    run = start(people.editor.person, make_flow(people.editor.person, people.workspace, definition(nodes)))
    assert wait_for(run.pk).state == "completed"
    get = people.viewer.client.get
    url = f"{people.url}/runs/{run.pk}/nodes"
    shown = get(url).json()
    assert [row["node_id"] for row in shown["items"]] == ["loop"]
    assert shown["iterations"] == {"loop": {"completed": 3}}
    rounds = get(f"{url}?container=loop&limit=2").json()
    assert [row["iteration_path"] for row in rounds["items"]] == ["loop.0@1", "loop.1@1"]
    rest = get(f"{url}?container=loop&limit=2&cursor={rounds['next_cursor']}").json()
    assert [row["iteration_path"] for row in rest["items"]] == ["loop.2@1"]
    assert rest["next_cursor"] is None
    inside = get(f"{url}?path=loop.1@1").json()
    assert [(row["node_id"], row["state"]) for row in inside["items"]] == [("leaf", "completed")]
    assert get(f"{url}?path=loop.1@1&state=failed").json()["items"] == []
    assert get(f"{url}?cursor=x").status_code == 400


def test_the_inputs_of_a_node_in_an_iteration_are_those_of_its_iteration(
    people: World, worker: RunWorker, tmp_path: Path
) -> None:
    ledger_of = {"path": str(tmp_path / "l")}
    nodes: list[dict[str, Any]] = [
        {"id": "out", "type": "test_ledger", "config": {**ledger_of, "give": "outside"}},
        {"id": "loop", "type": "loop_for", "config": {"items": [1, 2]}},
        {"id": "a", "type": "test_ledger", "parent": "loop", "config": {**ledger_of, "give": "{{ item }}"}},
        {"id": "b", "type": "merge", "parent": "loop"},
    ]
    body = definition(nodes, ["a:value>b:values", "out:value>b:values"])
    run = start(people.editor.person, make_flow(people.editor.person, people.workspace, body))
    assert wait_for(run.pk).state == "completed", error_of(Run.objects.get(pk=run.pk))
    row = NodeRun.objects.get(run=run, node_id="b", iteration_path="loop.1@1")
    shown = people.viewer.client.get(f"{people.url}/runs/{run.pk}/nodes/{row.pk}").json()
    assert sorted(str(one["value"]) for one in shown["inputs"]["values"]) == ["2", "outside"]


def test_a_signal_is_asked_for_only_while_its_node_is_open(people: World, worker: RunWorker) -> None:
    from apps.executions.adapters.progress import load_progress

    body = definition([{"id": "ask", "type": "wait", "config": APPROVAL}])
    run = start(people.editor.person, make_flow(people.editor.person, people.workspace, body))
    until(lambda: parked(run))
    worker.stop()
    Signal.objects.create(run=run, key="ask||approval", payload={"approved": True})
    Signal.objects.create(run=run, key="later||early", payload=1)
    assert set(load_progress(str(run.pk), lambda key: b"").signals) == {"ask||approval", "later||early"}
    NodeRun.objects.filter(run=run, node_id="ask").update(state="completed")
    assert set(load_progress(str(run.pk), lambda key: b"").signals) == {"later||early"}
