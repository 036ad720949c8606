"""A worker that was frozen, anywhere, and goes on after its runs were taken over, writes nothing."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

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
STEPS = 4
# Inside a transaction a frozen process holds what it has locked: on PostgreSQL its rows, until the
# server ends the idle session; on SQLite the whole database, for as long as it is frozen.
INSIDE = ("run.record:stop@3", "run.renew:stop@2", "run.claim:stop@1")
OUTSIDE = ("run.recorded:stop@3", "run.renewed:stop@2", "run.claimed:stop@1", "run.planned:stop@1")


@pytest.fixture
def people(transactional_db: None) -> World:
    ledger.register()
    return make_world()


def _start(people: World, path: Path) -> Run:
    nodes = [
        {"id": f"n{i}", "type": "test_ledger", "config": {"path": str(path), "seconds": 0.3, "give": i}}
        for i in range(STEPS)
    ]
    body = definition(nodes, [f"n{i}:value>n{i + 1}:value" for i in range(STEPS - 1)])
    return start(people.editor.person, make_flow(people.editor.person, people.workspace, body))


def _wait_until_frozen(process: WorkerProcess) -> None:
    """Linux says in the third field whether a process is stopped (proc(5))."""
    give_up_at = time.monotonic() + 120
    while Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "T":
        assert time.monotonic() < give_up_at, "the point was not passed"
        time.sleep(0.02)


def _freeze(
    people: World, spawn: Callable[..., WorkerProcess], path: Path, point: str
) -> tuple[Run, WorkerProcess]:
    """A run and a worker frozen in it, which does not hold the database by chance."""
    while True:
        run = _start(people, path)
        frozen = spawn("a", point)
        _wait_until_frozen(frozen)
        if not _holds_everybody_up():
            return run, frozen
        frozen.kill()
        run.delete()
        path.unlink(missing_ok=True)


def _holds_everybody_up() -> bool:
    """Whether somebody is frozen inside a transaction of SQLite: then the whole process, and its heartbeat
    was just renewing."""
    if connection.vendor != "sqlite":
        return False
    with Path(f"{connection.settings_dict['NAME']}.lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def _all_of(run: Run) -> list[list[Any]]:
    """Everything that is recorded of a run."""
    return [
        list(Run.objects.filter(pk=run.pk).values()),
        list(NodeRun.objects.filter(run=run).order_by("node_id", "attempt").values()),
        list(RunEvent.objects.filter(run=run).order_by("seq").values()),
    ]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks Linux whether a process is frozen")
@pytest.mark.parametrize("point", [*INSIDE, *OUTSIDE])
def test_a_worker_frozen_at_a_point_writes_nothing_into_a_run_taken_over(
    people: World,
    spawn: Callable[..., WorkerProcess],
    rescue: Callable[[], None],
    tmp_path: Path,
    point: str,
) -> None:
    # The heartbeat freezes the whole process, and its writer's thread may be inside a transaction just then.
    if connection.vendor == "sqlite" and (point in INSIDE or point.startswith("run.renewed")):
        pytest.skip("whoever is frozen inside a transaction of SQLite holds everybody up")
    path = tmp_path / "ledger"
    run, frozen = _freeze(people, spawn, path, point)
    rescue()
    ended = wait_for(run.pk, wait_s=120)
    assert ended.state == "completed", ended.error
    recorded = _all_of(run)
    frozen.signal(signal.SIGCONT)
    time.sleep(2)
    assert _all_of(run) == recorded
    assert len({line[2] for line in ledger.lines(path)}) == STEPS, "one key per node over all attempts"
    assert os.getpgid(frozen.pid), "it lives on, and works for others"
