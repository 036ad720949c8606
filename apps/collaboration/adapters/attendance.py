"""Writes down who has which flow open in this process: when it changes, and every few seconds."""

from __future__ import annotations

import asyncio

from apps.collaboration.adapters.threads import DatabaseThread
from apps.collaboration.services.visits import RENEW_EVERY_S, Visit, visits_note


class Attendance:
    """Told every second who is there; writes seldom."""

    def __init__(self, thread: DatabaseThread) -> None:
        self._thread = thread
        self._known: frozenset[Visit] = frozenset()
        self._noted_at = 0.0

    def seen(self, here: frozenset[Visit]) -> None:
        now = asyncio.get_running_loop().time()
        gone = self._known - here
        is_due = bool(here) and now - self._noted_at >= RENEW_EVERY_S
        if here == self._known and not is_due:
            return
        self._known, self._noted_at = here, now
        self._thread.submit(visits_note, here, gone)
