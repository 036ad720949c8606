"""Domain events of runs, and the hints that wake workers.

Topics: ``run.finished`` {run_id, state} and ``run.failed`` {run_id}, both written in the
transaction that ends the run.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable

from apps.common.bus import publish_on_commit
from apps.common.db import after_commit
from apps.executions.types import HINT_ENDING, HINT_EVENTS, WORKERS_CHANNEL, flow_channel

RUN_FINISHED = "run.finished"
RUN_FAILED = "run.failed"

_hints: list[Callable[[], object]] = []


def on_work(call: Callable[[], object]) -> None:
    """Register what else wakes workers after a commit (the Celery message)."""
    _hints.append(call)


def hint_work(flow_id: uuid.UUID) -> None:
    """After the commit, wake workers and the sockets of the flow. A lost hint costs a poll."""
    publish_on_commit(WORKERS_CHANNEL, b"work")
    publish_on_commit(flow_channel(flow_id), HINT_EVENTS)
    for call in _hints:
        after_commit(call)


def hint_wish(flow_id: uuid.UUID) -> None:
    """After the commit, let workers look for wishes (cancel) on the runs they hold."""
    publish_on_commit(WORKERS_CHANNEL, b"wish")
    publish_on_commit(flow_channel(flow_id), HINT_ENDING)
