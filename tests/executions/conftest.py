"""Fixtures for runs: flows of tiny test nodes, and a worker in this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from apps.executions.adapters.worker import RunWorker, WorkerTimes

FAST = WorkerTimes(lease_s=2.0, heartbeat_s=0.3, give_up_s=1.5, poll_s=0.1, drain_s=2.0)


@pytest.fixture
def worker(transactional_db: None) -> Iterator[RunWorker]:
    """A run worker in a thread of this process, with short times."""
    running = RunWorker(times=FAST, node_threads=2)
    running.start()
    yield running
    running.stop()
