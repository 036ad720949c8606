"""Fixtures for runs: flows of tiny test nodes, and a worker in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from apps.executions.adapters.worker import RunWorker, WorkerTimes
from apps.executions.models import NodeJob, Run
from tests.executions.processes import WorkerProcess

FAST = WorkerTimes(lease_s=2.0, heartbeat_s=0.3, give_up_s=1.5, poll_s=0.1, drain_s=2.0)
# For workers nobody takes runs from: on a busy machine a heartbeat may be seconds late.
CALM = replace(FAST, lease_s=60.0, give_up_s=50.0)


def leases_run_out() -> None:
    """What a dead worker held is free at once: the test does not wait for its lease to end by itself."""
    a_while_ago = timezone.now() - timedelta(seconds=10)
    Run.objects.filter(state=Run.State.RUNNING).exclude(owner="").update(lease_until=a_while_ago)
    NodeJob.objects.filter(state=NodeJob.State.RUNNING).update(lease_until=a_while_ago)


@pytest.fixture
def worker(transactional_db: None) -> Iterator[RunWorker]:
    """A run worker in a thread of this process, with short times."""
    # Nobody dies here: on a machine at its limits a short lease would only take runs from the living.
    running = RunWorker(times=CALM, node_threads=2)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def spawn(tmp_path: Path, transactional_db: None) -> Iterator[Callable[..., WorkerProcess]]:
    """Start worker processes; whatever is left of them is killed at the end."""
    started: list[WorkerProcess] = []

    def make(name: str, failpoints: str = "") -> WorkerProcess:
        process = WorkerProcess(name, tmp_path / f"{name}.log", failpoints)
        started.append(process)
        return process

    yield make
    for process in started:
        process.kill()


@pytest.fixture
def rescue(transactional_db: None) -> Iterator[Callable[[], None]]:
    """Start another worker, in this process: who takes over need not be a process of its own."""
    started: list[RunWorker] = []

    def begin() -> None:
        started.append(RunWorker(times=CALM, node_threads=2))
        started[-1].start()

    yield begin
    for worker in started:
        worker.stop()
