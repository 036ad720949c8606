"""Delivering the outbox: a task that a commit hints at, and a poll in every worker behind it."""

from __future__ import annotations

import threading
import time

import structlog
from celery import shared_task
from celery.signals import worker_ready, worker_shutdown
from django.db import DatabaseError, close_old_connections, connections
from kombu.exceptions import OperationalError

from apps.common import outbox

logger = structlog.get_logger(__name__)
POLL_EVERY_S = 1.0
SWEEP_EVERY_S = 3600.0
_stop = threading.Event()


@shared_task(name="common.outbox_deliver", ignore_result=True)
def outbox_deliver() -> None:
    """Deliver until nothing is due."""
    while outbox.deliver_due():
        pass


def hint() -> None:
    """Ask a worker to deliver now. A broker that is away costs at most a poll's interval."""
    try:
        outbox_deliver.apply_async(retry=False)
    except OperationalError:
        logger.warning("outbox_hint_not_sent")


def _poll() -> None:
    swept_at = 0.0
    while not _stop.wait(POLL_EVERY_S):
        try:
            outbox_deliver()
            if time.monotonic() - swept_at > SWEEP_EVERY_S:
                outbox.sweep()
                swept_at = time.monotonic()
        except DatabaseError:
            logger.warning("outbox_poll_failed", exc_info=True)
            close_old_connections()
    connections.close_all()


@worker_ready.connect
def _start_polling(**_: object) -> None:
    _stop.clear()
    threading.Thread(target=_poll, name="outbox-poll", daemon=True).start()


@worker_shutdown.connect
def _stop_polling(**_: object) -> None:
    _stop.set()
