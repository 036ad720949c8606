"""A thread of every worker process that fires the schedules that are due."""

from __future__ import annotations

import threading
from datetime import timedelta

import structlog
from celery.signals import worker_ready, worker_shutdown
from django.db import DatabaseError, close_old_connections, connections
from django.utils import timezone

from apps.common import chores
from apps.common.db import write_transaction
from apps.triggers.models import Delivery
from apps.triggers.services.scheduling import schedules_fire

logger = structlog.get_logger(__name__)
LOOK_EVERY_S = 1.0
# So long a second call under the same name is the first one.
DELIVERIES_KEPT = timedelta(days=7)
_stop = threading.Event()


def deliveries_forget() -> None:
    """Once a day, by one process of all."""
    hold = chores.take("deliveries", timedelta(minutes=10))
    if hold is not None:
        with write_transaction():
            Delivery.objects.filter(created_at__lt=timezone.now() - DELIVERIES_KEPT).delete()
        hold.done(timedelta(days=1))


def _run() -> None:
    looks = 0
    while not _stop.wait(LOOK_EVERY_S):
        try:
            schedules_fire()
            looks += 1
            if looks % 3600 == 1:
                deliveries_forget()
        except DatabaseError:
            logger.warning("clock_failed", exc_info=True)
            close_old_connections()
        except Exception:  # one schedule must not stop the clock of all
            logger.exception("clock_failed")
    connections.close_all()


def _start(**_: object) -> None:
    _stop.clear()
    threading.Thread(target=_run, name="clock", daemon=True).start()


def _end(**_: object) -> None:
    _stop.set()


def listen() -> None:
    """Begin and end with the worker this process is."""
    worker_ready.connect(_start)
    worker_shutdown.connect(_end)
