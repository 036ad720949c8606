"""Items of a map that go to other workers together: equal results, cancellation, and a worker killed as it
hands a chunk in."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.executions.adapters import fleet
from apps.executions.adapters.worker import RunWorker
from apps.executions.models import NodeJob, NodeRun, Run, RunEvent
from apps.executions.services import run_cancel
from tests.executions import ledger
from tests.executions.conftest import CALM, FAST
from tests.executions.flows import add_for_this_test, definition, make_flow, start, wait_for
from tests.executions.processes import WorkerProcess
from tests.executors.flows import TEST_NODES
from tests.world import World, make_world

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture
def people(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> World:
    ledger.register()
    add_for_this_test(monkeypatch, TEST_NODES.values())
    # A worker that is started and one that is killed come late on a busy machine.
    monkeypatch.setattr(fleet, "NOBODY_AFTER_S", 3600.0)
    return make_world()


@pytest.fixture
def home(people: World) -> Iterator[RunWorker]:
    """A worker that runs flows and does no jobs."""
    running = RunWorker(times=CALM, node_threads=2, queues=())
    running.start()
    yield running
    running.stop()


@pytest.fixture
def help_out(people: World) -> Iterator[Callable[[], None]]:
    """Start a worker that does jobs and claims no runs."""
    started: list[RunWorker] = []

    def begin() -> None:
        started.append(RunWorker(times=FAST, node_threads=2, queues=("default", "cpu"), max_runs=0))
        started[-1].start()

    yield begin
    for worker in started:
        worker.stop()


def mapped(*children: dict[str, Any], executor: str = "celery", **config: Any) -> dict[str, Any]:
    settings = {"parallelism": 1, "chunk_size": 2, **config}
    nodes = [
        {"id": "m", "type": "map_each", "config": settings},
        *({**child, "parent": "m"} for child in children),
    ]
    return definition(nodes, settings={"executor": executor})


def begin(people: World, body: dict[str, Any]) -> Run:
    return start(people.editor.person, make_flow(people.editor.person, people.workspace, body))


def left_by(run: Run) -> tuple[Any, ...]:
    """What a run leaves behind but times, and but when whose turn was."""
    fields = ("node_id", "iteration_path", "attempt", "state", "outputs", "error")
    rows = NodeRun.objects.filter(run=run).order_by("node_id", "iteration_path", "attempt")
    told = RunEvent.objects.filter(run=run).exclude(type="node_progress").order_by("seq")
    events = sorted((one.node_id or "", one.iteration_path, one.type) for one in told)
    return run.state, run.outputs, list(rows.values_list(*fields)), events


def test_chunks_leave_the_same_behind_as_single_items(
    people: World, home: RunWorker, help_out: Callable[[], None]
) -> None:
    help_out()
    work = {"id": "x", "type": "adder", "config": {"by": "{{ item * 10 }}"}}
    bad = {"id": "bad", "type": "complain", "config": {}, "on_error": "continue"}
    items: dict[str, Any] = {"items": [1, 2, 3, 4, 5], "parallelism": 2, "result": "{{ x.value }}"}
    here = wait_for(begin(people, mapped(work, bad, executor="local", **items)).pk)
    there = wait_for(begin(people, mapped(work, bad, **items)).pk)
    assert there.state == "completed", there.error
    assert (there.outputs or {})["m"]["results"] == [10, 20, 30, 40, 50]
    assert left_by(there) == left_by(here)
    seqs = list(RunEvent.objects.filter(run=there).order_by("seq").values_list("seq", flat=True))
    assert seqs == list(range(1, len(seqs) + 1))
    assert not NodeJob.objects.exists()


def test_a_cancelled_run_stops_its_chunks(
    people: World, home: RunWorker, help_out: Callable[[], None]
) -> None:
    help_out()
    slow = {"id": "x", "type": "crunch", "config": {"seconds": 600}}
    run = begin(people, mapped(slow, items=[1, 2, 3]))
    until(lambda: NodeJob.objects.filter(state="running").exists())
    run_cancel(person=people.editor.person, workspace_id=people.workspace.pk, run_id=run.pk)
    assert wait_for(run.pk).state == "cancelled"
    until(lambda: not NodeJob.objects.exists())


@pytest.mark.kill
def test_the_chunk_of_a_killed_worker_is_done_by_another(
    people: World,
    home: RunWorker,
    help_out: Callable[[], None],
    spawn: Callable[..., WorkerProcess],
    tmp_path: Path,
) -> None:
    path = tmp_path / "ledger"
    note = {"id": "x", "type": "test_ledger", "config": {"path": str(path), "give": "{{ item }}"}}
    run = begin(people, mapped(note, items=[10, 11, 12, 13, 14, 15]))
    until(NodeJob.objects.exists)  # the run is at home from here on
    lost = spawn("lost", "job.answer:kill@2")
    lost.wait_until_dead()
    # The chunk that was handed in is on record, and no other.
    until(lambda: {place for name, place in iterations(run) if name == "m"} == {"m.0@1", "m.1@1"})
    help_out()
    ended = wait_for(run.pk)
    assert ended.state == "completed", ended.error
    assert (ended.outputs or {})["m"]["results"] == [10, 11, 12, 13, 14, 15]
    keys = [line[2].rpartition(":")[2] for line in ledger.lines(path)]
    assert sorted(keys) == sorted(f"m.{i}@1" for i in (0, 1, 2, 3, 2, 3, 4, 5))
    assert {line[1] for line in ledger.lines(path)} == {"1"}


def iterations(run: Run) -> list[tuple[str, str]]:
    found = NodeRun.objects.filter(run=run, state="completed").exclude(iteration_path="")
    return list(found.values_list("node_id", "iteration_path"))


def until(condition: Callable[[], bool], wait_s: float = 120.0) -> None:
    give_up_at = time.monotonic() + wait_s
    while not condition():
        assert time.monotonic() < give_up_at
        time.sleep(0.02)
