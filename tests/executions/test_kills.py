"""Workers killed, stopped, frozen and drained in the middle of runs; real Celery processes. What happens
at each single point of a commit path is in ``test_points``, late writers are in ``test_fencing``."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from apps.executions.models import NodeRun, Run, RunEvent
from tests.executions import ledger
from tests.executions.flows import definition, make_flow, start, wait_for
from tests.executions.processes import WorkerProcess
from tests.world import World, make_world

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.kill,
    pytest.mark.slow,
    pytest.mark.timeout(400),
]
STEPS = 6


@pytest.fixture
def people(transactional_db: None) -> World:
    ledger.register()
    return make_world()


def _chain(path: Path, seconds: float, kind: str = "test_ledger") -> dict[str, object]:
    nodes = [
        {"id": f"n{i}", "type": kind, "config": {"path": str(path), "seconds": seconds, "give": i}}
        for i in range(STEPS)
    ]
    return definition(nodes, [f"n{i}:value>n{i + 1}:value" for i in range(STEPS - 1)])


def _start_chain(people: World, path: Path, seconds: float, kind: str = "test_ledger") -> Run:
    flow = make_flow(people.editor.person, people.workspace, _chain(path, seconds, kind))
    return start(people.editor.person, flow)


def _wait_for_nodes(run: Run, count: int, state: str = "completed") -> None:
    give_up_at = time.monotonic() + 120
    while NodeRun.objects.filter(run=run, state=state).count() < count:
        assert time.monotonic() < give_up_at, f"{count} nodes {state}"
        time.sleep(0.02)


def _check_ended_whole(run: Run) -> None:
    """Every node once, every number once, every key's effect known."""
    completed = NodeRun.objects.filter(run=run, state="completed").values_list("node_id", flat=True)
    assert sorted(completed) == [f"n{i}" for i in range(STEPS)]
    seqs = list(RunEvent.objects.filter(run=run).order_by("seq").values_list("seq", flat=True))
    assert seqs == list(range(1, len(seqs) + 1))
    assert seqs[-1] == run.last_seq
    types = list(RunEvent.objects.filter(run=run).values_list("type", flat=True))
    assert types.count("run_completed") == 1
    assert types.count("run_started") == 1


def test_a_run_survives_its_worker_and_no_finished_node_is_repeated(
    people: World, spawn: Callable[..., WorkerProcess], tmp_path: Path
) -> None:
    path = tmp_path / "ledger"
    workers = [spawn("a"), spawn("b")]
    for worker in workers:
        worker.wait_until_ready()
    run = _start_chain(people, path, 0.4)
    _wait_for_nodes(run, 2)
    holder = Run.objects.get(pk=run.pk).owner.split(":")[1]
    first = next(worker for worker in workers if str(worker.pid) == holder)
    finished = set(NodeRun.objects.filter(run=run, state="completed").values_list("node_id", flat=True))
    lines_before = len(ledger.lines(path))
    first.kill()
    ended = wait_for(run.pk, wait_s=120)
    assert ended.state == "completed", ended.error
    repeated = {line[0] for line in ledger.lines(path)[lines_before:]} & finished
    assert repeated == set()
    _check_ended_whole(ended)
    assert ended.fence == 2


def test_a_frozen_worker_that_wakes_up_writes_nothing_into_a_run_taken_over(
    people: World, spawn: Callable[..., WorkerProcess], rescue: Callable[[], None], tmp_path: Path
) -> None:
    path = tmp_path / "ledger"
    frozen = spawn("a")
    frozen.wait_until_ready()
    run = _start_chain(people, path, 0.5)
    _wait_for_nodes(run, 1)
    # The next node is on disk as under way and busy for a while: not frozen within a commit, where a
    # process holds SQLite's write lock and everybody waits.
    _wait_for_nodes(run, 1, "running")
    frozen.signal(signal.SIGSTOP)
    rescue()
    ended = wait_for(run.pk, wait_s=120)
    assert ended.state == "completed"
    rows = list(NodeRun.objects.filter(run=run).order_by("node_id", "attempt").values())
    frozen.signal(signal.SIGCONT)
    time.sleep(2)
    assert list(NodeRun.objects.filter(run=run).order_by("node_id", "attempt").values()) == rows
    assert Run.objects.get(pk=run.pk).last_seq == ended.last_seq
    _check_ended_whole(ended)
    said = frozen.log.read_text(errors="replace")
    assert "late_writer_refused" in said or "run_lost" in said


def test_a_node_nobody_may_repeat_pauses_its_run_and_a_person_decides(
    people: World, spawn: Callable[..., WorkerProcess], rescue: Callable[[], None], tmp_path: Path
) -> None:
    path = tmp_path / "ledger"
    first = spawn("a")
    first.wait_until_ready()
    run = _start_chain(people, path, 1.0, "test_ledger_once")
    _wait_for_nodes(run, 1, "running")
    time.sleep(0.2)
    first.kill()
    rescue()
    paused = wait_for(run.pk, wait_s=120)
    assert (paused.state, paused.reason) == ("paused", "outcome_unknown")
    assert len(ledger.lines(path)) == 1, "the effect is not repeated by the machine"
    url = f"{people.url}/runs/{run.pk}/commands"
    assert people.editor.client.post(url, {"command": "retry"}).status_code == 202
    ended = wait_for(run.pk, "completed", wait_s=120)
    _check_ended_whole(ended)
    assert [line[:2] for line in ledger.lines(path)][:2] == [["n0", "1"], ["n0", "2"]]


def test_a_node_that_takes_its_workers_down_becomes_a_dead_letter_until_a_person_tries_again(
    people: World, spawn: Callable[..., WorkerProcess], rescue: Callable[[], None], tmp_path: Path
) -> None:
    path = tmp_path / "ledger"
    settings_ = {"path": str(path), "seconds": 0.3, "give": 7, "deadly": 3}
    body = definition([{"id": "n0", "type": "test_ledger", "config": settings_}])
    run = start(people.editor.person, make_flow(people.editor.person, people.workspace, body))
    for i in range(3):
        spawn(f"w{i}").wait_until_dead(60)
    rescue()
    paused = wait_for(run.pk, wait_s=120)
    assert (paused.state, paused.reason) == ("paused", "dead_letter")
    assert [line[1] for line in ledger.lines(path)] == ["1", "2", "3"]
    listed = people.viewer.client.get(f"{people.url}/runs?state=paused&reason=dead_letter").json()["items"]
    assert [item["id"] for item in listed] == [str(run.pk)]
    assert listed[0]["error"]["code"] == "run.dead_letter"
    url = f"{people.url}/runs/{run.pk}/commands"
    assert people.editor.client.post(url, {"command": "resume"}).status_code == 202
    ended = wait_for(run.pk, "completed", wait_s=120)
    assert ended.outputs == {"n0": {"value": 7}}
    assert [line[1] for line in ledger.lines(path)] == ["1", "2", "3", "4"]


def test_a_worker_told_to_stop_gives_its_run_back_between_nodes(
    people: World, spawn: Callable[..., WorkerProcess], rescue: Callable[[], None], tmp_path: Path
) -> None:
    path = tmp_path / "ledger"
    first = spawn("a")
    first.wait_until_ready()
    run = _start_chain(people, path, 0.4)
    _wait_for_nodes(run, 1)
    first.terminate()
    given_back = Run.objects.get(pk=run.pk)
    assert given_back.state == "ready", "no lease has to run out"
    rescue()
    ended = wait_for(run.pk, wait_s=120)
    assert ended.state == "completed"
    assert len(ledger.lines(path)) == STEPS, "nothing was interrupted"
    _check_ended_whole(ended)


def test_cancelling_a_run_does_not_wait_for_its_node(
    people: World, spawn: Callable[..., WorkerProcess], tmp_path: Path
) -> None:
    worker = spawn("a")
    worker.wait_until_ready()
    run = _start_chain(people, tmp_path / "ledger", 3600)
    _wait_for_nodes(run, 1, "running")
    url = f"{people.url}/runs/{run.pk}/commands"
    assert people.editor.client.post(url, {"command": "cancel"}).status_code == 202
    wait_for(run.pk, "cancelled")


def test_a_failing_node_ends_its_run_and_leaves_the_outbox_event(
    people: World, rescue: Callable[[], None], tmp_path: Path
) -> None:
    from apps.common import events

    events.on("run.failed", "tests.noted", lambda payload: None)
    rescue()
    nodes = [{"id": "n0", "type": "test_ledger", "config": {"path": str(tmp_path / "l"), "fail": True}}]
    flow = make_flow(people.editor.person, people.workspace, definition(nodes))
    ended = wait_for(start(people.editor.person, flow).pk, wait_s=120)
    assert ended.state == "failed"
    assert ended.error is not None
    assert (ended.error["code"], ended.error["node_id"]) == ("node.failed", "n0")
    flow.refresh_from_db()
    assert flow.last_run_state == "failed"
