"""The run worker inside a Celery worker: started and drained by its signals, woken by a task."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import structlog
from celery import shared_task
from celery.signals import worker_ready, worker_shutdown, worker_shutting_down
from kombu.exceptions import OperationalError

from apps.executions.adapters.worker import RunWorker
from apps.executions.types import job_queue

logger = structlog.get_logger(__name__)
HINT_INTERVAL_S = 1.0
_sender = ThreadPoolExecutor(1, thread_name_prefix="wake")
_hinted_at = float("-inf")
_job_hinted_at: dict[str, float] = {}
_lock = threading.Lock()
_worker: RunWorker | None = None


@shared_task(name="executions.wake", ignore_result=True)
def wake() -> None:
    """There may be runs to claim. Acknowledged at once: the rows are the queue."""
    if _worker is not None:
        _worker.wake()


@shared_task(name="executions.work", ignore_result=True)
def work() -> None:
    """There may be a node job in one of this worker's queues. The rows are the queue here too."""
    if _worker is not None:
        _worker.wake_for_jobs()


def hint_job(queue: str) -> None:
    """Send ``work`` to some worker of a resource class, at most once in ``HINT_INTERVAL_S``: all workers
    hear of every job over the bus as well. One that is not sent costs at most a poll's interval."""
    now = time.monotonic()
    if now - _job_hinted_at.get(queue, float("-inf")) < HINT_INTERVAL_S:
        return
    _job_hinted_at[queue] = now
    try:
        work.apply_async(queue=job_queue(queue), retry=False, ignore_result=True)
    except OperationalError as error:
        logger.warning("work_not_sent", queue=queue, error=str(error))


def hint() -> None:
    """Send ``wake`` to some worker, at most once in ``HINT_INTERVAL_S`` and not on the caller's time: all
    workers hear of every run over the bus as well, and one that is awake takes all there is. A broker that
    is away costs at most a poll's interval."""
    global _hinted_at  # noqa: PLW0603 - a race costs one message more or less
    now = time.monotonic()
    if now - _hinted_at < HINT_INTERVAL_S:
        return
    _hinted_at = now
    _sender.submit(_send_wake)


def _send_wake() -> None:
    try:
        wake.apply_async(retry=False)
    except OperationalError as error:
        logger.warning("wake_not_sent", error=str(error))


@worker_ready.connect
def _start(**_: object) -> None:
    global _worker  # noqa: PLW0603 - one run worker per process, tied to Celery's signals
    with _lock:
        if _worker is None:
            _worker = RunWorker(on_job=hint_job)
            _worker.start()


@worker_shutting_down.connect
def _ask_to_stop(**_: object) -> None:
    if _worker is not None:
        _worker.ask_to_stop()


@worker_shutdown.connect
def _stop(**_: object) -> None:
    global _worker  # noqa: PLW0603 - see _start
    with _lock:
        if _worker is not None:
            _worker.stop()
            _worker = None
