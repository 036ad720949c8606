"""What a worker keeps and what it lets go of when the database answers late, not at all, or in between."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError

from apps.common import failpoints
from apps.executions.adapters import claims, heartbeat as beating, worker as working
from apps.executions.adapters.worker import RunWorker
from apps.executions.adapters.writer import RunWriter
from apps.executions.models import Run
from tests.executions import ledger
from tests.executions.conftest import CALM, FAST
from tests.executions.flows import definition, make_flow, start, wait_for
from tests.world import World, make_world

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(400)]


@pytest.fixture
def people(transactional_db: None) -> Iterator[World]:
    ledger.register()
    yield make_world()
    failpoints.configure("")


def _start(people: World, path: Path, seconds: float = 0.0) -> Run:
    config = {"path": str(path), "seconds": seconds, "give": 1}
    nodes = [{"id": f"n{i}", "type": "test_ledger", "config": config} for i in range(2)]
    body = definition(nodes, ["n0:value>n1:value"])
    return start(people.editor.person, make_flow(people.editor.person, people.workspace, body))


def test_a_claim_whose_answer_was_lost_is_handed_back(
    people: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim is committed, then the connection breaks: the worker owns a run it knows nothing of."""
    real, calls = claims.claim_runs, [0]

    def claim_and_lose_the_answer(*args: object, **more: object) -> object:
        claimed = real(*args, **more)  # type: ignore[arg-type]  # handed through
        if claimed and not calls[0]:
            calls[0] += 1
            raise OperationalError("the connection is gone")
        return claimed

    monkeypatch.setattr(working, "claim_runs", claim_and_lose_the_answer)
    run = _start(people, tmp_path / "ledger")
    worker = RunWorker(times=CALM, node_threads=2)
    worker.start()
    ended = wait_for(run.pk)
    worker.stop()
    assert ended.state == "completed"
    assert ended.fence == 2
    assert calls == [1]


def test_a_run_the_writer_could_not_save_in_time_goes_on_later_instead_of_failing(
    people: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.executions.adapters.writer.GIVE_UP_S", 0.0)
    failures = iter([True])
    real = failpoints.hit

    def fail_once(name: str) -> None:
        if name == "run.record" and next(failures, False):
            raise OperationalError("the server closed the connection")
        real(name)

    monkeypatch.setattr("apps.executions.adapters.writer.failpoints.hit", fail_once)
    monkeypatch.setattr("apps.executions.adapters.writer.RunWriter._write_all", _each_alone)
    run = _start(people, tmp_path / "ledger")
    worker = RunWorker(times=CALM, node_threads=2)
    worker.start()
    ended = wait_for(run.pk)
    worker.stop()
    assert (ended.state, ended.error) == ("completed", None)
    assert ended.fence == 2
    assert len({line[2] for line in ledger.lines(tmp_path / "ledger")}) == 2, "one key per node"


def _each_alone(writer: RunWriter, jobs: list[Any]) -> None:
    for job in jobs:
        if writer._prepare(job):
            writer._write_alone(job)


def test_a_worker_whose_renewal_hangs_stops_its_own_work(
    people: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket that never answers raises nothing; the loop watches the clock instead."""
    hanging = threading.Event()
    monkeypatch.setattr(beating, "renew_leases", lambda *_, **__: hanging.wait(30) and {})
    run = _start(people, tmp_path / "ledger", seconds=20)
    worker = RunWorker(times=FAST, node_threads=2)
    worker.start()
    wait_for(run.pk, "running")
    give_up_at = time.monotonic() + 120
    while not worker._active and time.monotonic() < give_up_at:
        time.sleep(0.02)
    task = next(iter(worker._active.values())).task
    assert task is not None
    while not task.done() and time.monotonic() < give_up_at:
        time.sleep(0.05)
    hanging.set()
    worker.stop()
    assert task.done(), "the node was still at work"
    assert Run.objects.get(pk=run.pk).state in {"ready", "running"}, "it is for others to finish"
