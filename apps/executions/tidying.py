"""A thread of every worker process that removes what nobody needs any more: old runs and files, then values
no row names. One of them all does it each day; another when that one dies over it."""

from __future__ import annotations

import hashlib
import random
import socket
import threading
from datetime import timedelta

import structlog
from celery.signals import worker_ready, worker_shutdown
from django.conf import settings
from django.db import DatabaseError, close_old_connections, connections

from apps.catalogue.services import plugin_folders_forget
from apps.common import chores
from apps.executions.selectors import packages_pinned
from apps.executions.services import runs_forget
from apps.files.services import blobs_collect, files_forget, uploads_forget

logger = structlog.get_logger(__name__)
EVERY = timedelta(days=1)
# Longer than any part of it takes; whoever dies over it keeps the others from it for so long.
LEASE = timedelta(hours=2)
# How often a process asks whether it is due: first a while after the start, and not all at once.
ASK_AFTER_S = (600.0, 3600.0)
_stop = threading.Event()


def tidy() -> bool:
    """Once, now, unless another process has done so within a day or is at it; whether it was done."""
    hold = chores.take("tidy", LEASE)
    if hold is None:
        return False
    counts: dict[str, int] = {}
    chores_of_a_day = {
        "runs": runs_forget,
        "files": files_forget,
        "uploads": uploads_forget,
        "values": blobs_collect,
    }
    for what, remove in chores_of_a_day.items():
        counts[what] = remove()
        hold.renew(LEASE)
    hold.done(EVERY)
    if any(counts.values()):
        logger.info("tidied", **counts)
    return True


def tidy_plugins() -> bool:
    """Once a day on every machine: each unpacks the packages it needs itself."""
    place = f"{socket.gethostname()}:{settings.DATA_DIR}".encode()
    hold = chores.take(f"plugin folders {hashlib.sha256(place).hexdigest()[:16]}", LEASE)
    if hold is None:
        return False
    if count := plugin_folders_forget(packages_pinned):
        logger.info("tidied", plugin_folders=count)
    hold.done(EVERY)
    return True


def _tidy_daily() -> None:
    dice = random.SystemRandom()
    while not _stop.wait(dice.uniform(*ASK_AFTER_S)):
        try:
            tidy()
            tidy_plugins()
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
