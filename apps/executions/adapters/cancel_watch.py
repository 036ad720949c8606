"""Ends cancelled runs whose worker is gone, from the process in which people cancel: there may be no other
worker, and the next one takes seconds to start."""

from __future__ import annotations

import threading
import time

import structlog
from django.db import Error as DatabaseError, connection

from apps.executions.adapters.worker import WorkerTimes
from apps.executions.services import cancels_overdue_end

logger = structlog.get_logger(__name__)
LOOK_EVERY_S = 1.0


def watch_cancels() -> None:
    """Look every second, in a thread of its own, for as long as the process lives."""
    threading.Thread(target=_watch, name="cancel-watch", daemon=True).start()


def _watch() -> None:
    lease_s = WorkerTimes.from_settings().lease_s
    while True:
        time.sleep(LOOK_EVERY_S)
        try:
            cancels_overdue_end(lease_s)
        except DatabaseError as error:
            logger.warning("cancels_not_watched", error=type(error).__name__)
            connection.close()
