"""A thread of every worker process that removes what nobody needs any more: old runs and files, then values
no row names. Several at once only share the work."""

from __future__ import annotations

import random
import threading

import structlog
from celery.signals import worker_ready, worker_shutdown
from django.db import DatabaseError, close_old_connections, connections

from apps.executions.services import runs_forget
from apps.files.services import blobs_collect, files_forget

logger = structlog.get_logger(__name__)
EVERY_S = 24 * 3600.0
# The first time comes a while after the start, and not in all processes at once.
FIRST_S = (600.0, 7200.0)
_stop = threading.Event()


def tidy() -> None:
    """Once, now."""
    runs, files, values = runs_forget(), files_forget(), blobs_collect()
    if runs or files or values:
        logger.info("tidied", runs=runs, files=files, values=values)


def _tidy_daily() -> None:
    wait_s = random.SystemRandom().uniform(*FIRST_S)
    while not _stop.wait(wait_s):
        wait_s = EVERY_S
        try:
            tidy()
        except DatabaseError:
            logger.warning("tidying_failed", exc_info=True)
            close_old_connections()
    connections.close_all()


def _start(**_: object) -> None:
    _stop.clear()
    threading.Thread(target=_tidy_daily, name="tidy", daemon=True).start()


def _end(**_: object) -> None:
    _stop.set()


def listen() -> None:
    """Begin and end with the worker this process is."""
    worker_ready.connect(_start)
    worker_shutdown.connect(_end)
