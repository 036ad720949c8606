"""Keeps a worker's claims alive, from a thread and connection of its own: neither a busy event
loop nor a slow commit may cost a worker its runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

import structlog
from django.db import Error as DatabaseError, connection

from apps.common import failpoints
from apps.executions.adapters.claims import renew_leases

logger = structlog.get_logger(__name__)


class Heartbeat:
    """Renews every ``interval_s``; ``on_held`` hears which runs are still ours (run id → fence) and
    when that was asked. ``silent_for_s`` must be watched from elsewhere: a renewal may hang in a socket
    for minutes, or the whole process have been frozen."""

    def __init__(
        self,
        owner: str,
        *,
        lease_s: float,
        interval_s: float,
        on_held: Callable[[Mapping[str, int], float], None],
    ) -> None:
        self._owner = owner
        self._lease_s = lease_s
        self._interval_s = interval_s
        self._on_held = on_held
        self._renewed_at = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="run-heartbeat", daemon=True)

    @property
    def silent_for_s(self) -> float:
        """How long ago the last renewal that succeeded was begun."""
        return time.monotonic() - self._renewed_at

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._stop.wait(self._interval_s):
            asked_at = time.monotonic()
            try:
                failpoints.hit("run.heartbeat")
                held = renew_leases(self._owner, lease_s=self._lease_s)
            except (DatabaseError, failpoints.FailpointHit) as error:
                logger.warning("heartbeat_failed", owner=self._owner, error=type(error).__name__)
                connection.close()
            else:
                self._renewed_at = asked_at
                self._on_held(held, asked_at)
        connection.close()
