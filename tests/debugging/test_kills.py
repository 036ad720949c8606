"""A worker killed while its run stands at a stop, and while a step is under way; real processes."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.executions.models import Run
from tests.debugging.test_sessions import begin, eventually, stands_at, tell
from tests.executions import ledger
from tests.executions.flows import definition, make_flow, wait_for
from tests.executions.processes import WorkerProcess
from tests.world import World, make_world

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.kill,
    pytest.mark.slow,
    pytest.mark.timeout(400),
]


@pytest.fixture
def people(transactional_db: None) -> World:
    ledger.register()
    return make_world()


@pytest.fixture
def spawn(tmp_path: Path, transactional_db: None) -> Iterator[Callable[..., WorkerProcess]]:
    """Start worker processes; whatever is left of them is killed at the end."""
    started: list[WorkerProcess] = []

    def make(name: str, failpoints: str = "") -> WorkerProcess:
        process = WorkerProcess(name, tmp_path / f"{name}.log", failpoints)
        started.append(process)
        process.wait_until_ready()
        return process

    yield make
    for process in started:
        process.kill()


def loop(path: Path, seconds: float = 0.0) -> dict[str, Any]:
    config = {"path": str(path), "seconds": seconds, "give": "{{ item * 10 }}"}
    return definition(
        [
            {"id": "start", "type": "manual_trigger"},
            {"id": "loop", "type": "loop_for", "config": {"items": [1, 2, 3]}},
            {"id": "x", "type": "test_ledger", "parent": "loop", "config": config},
        ],
        ["loop:item>x:value"],
        outputs=[{"name": "all", "value": "{{ loop.results }}"}],
    )


def test_a_run_that_stood_at_a_stop_stands_there_again_after_kill_9(
    people: World, spawn: Callable[..., WorkerProcess], tmp_path: Path
) -> None:
    book = tmp_path / "ledger"
    flow = make_flow(people.editor.person, people.workspace, loop(book))
    first = spawn("first")
    run_id = begin(people, flow, {"node_id": "x", "hit_count": 2})
    stop = stands_at(run_id, "x")
    tell(people, run_id, "set_inputs", stop=stop, config={"give": 7})
    eventually(lambda: people.viewer.client.get(f"{people.url}/runs/{run_id}/debug").json()["hits"][stop]
               ["data"]["config"]["give"] == 7)  # fmt: skip
    first.kill()
    spawn("second")
    eventually(lambda: Run.objects.get(pk=run_id).fence > 1)
    assert stands_at(run_id, "x") == stop
    tell(people, run_id, "step_over", stop=stop)
    # The third hit is a stop of its own.
    third = stands_at(run_id, "x", beyond=stop)
    tell(people, run_id, "continue", stop=third)
    run = wait_for(Run.objects.get(pk=run_id).pk)
    assert run.outputs == {"all": [10, 7, 30]}
    assert len(ledger.lines(book)) == 3, "nothing ran twice"


def test_a_step_that_was_under_way_ends_where_it_was_to_end(
    people: World, spawn: Callable[..., WorkerProcess], tmp_path: Path
) -> None:
    book = tmp_path / "ledger"
    flow = make_flow(people.editor.person, people.workspace, loop(book, 1.5))
    first = spawn("first")
    run_id = begin(people, flow, {"node_id": "x", "condition": "item == 1"})
    first_stop = stands_at(run_id, "x")
    tell(people, run_id, "step_over", stop=first_stop)
    eventually(lambda: len(ledger.lines(book)) == 1)
    first.kill()
    spawn("second")
    stop = stands_at(run_id, "x", beyond=first_stop)
    run = Run.objects.get(pk=run_id)
    assert run.node_runs.filter(node_id="x", iteration_path="loop.0@1", state="completed").count() == 1
    assert run.node_runs.get(node_id="x", iteration_path="loop.1@1").state == "queued"
    tell(people, run_id, "continue", stop=stop)
    assert wait_for(run.pk).outputs == {"all": [10, 20, 30]}


@pytest.mark.parametrize("point", ["debug.take", "debug.taken"])
def test_a_command_taken_by_a_worker_that_dies_is_carried_out_by_the_next(
    people: World, spawn: Callable[..., WorkerProcess], tmp_path: Path, point: str
) -> None:
    book = tmp_path / "ledger"
    flow = make_flow(people.editor.person, people.workspace, loop(book))
    first = spawn("first", f"{point}:kill@1")
    run_id = begin(people, flow, {"node_id": "x", "condition": "item == 2"})
    tell(people, run_id, "continue", stop=stands_at(run_id, "x"))
    assert first.wait_until_dead() == -signal.SIGKILL
    spawn("second")
    assert wait_for(Run.objects.get(pk=run_id).pk).outputs == {"all": [10, 20, 30]}
    assert len(ledger.lines(book)) == 3
