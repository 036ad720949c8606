"""Big structures are built without the garbage collector looking on.

Reading, checking and planning a flow makes objects by the hundred thousand and no garbage in cycles. The
collector is called by the number of new objects, so it goes over all of them again and again: on a flow
of 10,000 nodes that is as long as the work itself, and the reason why it would grow faster than the flow.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class _Pauses:
    """How many builds are under way in this process; the collector is one for all its threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._was_enabled = False

    def begin(self) -> None:
        with self._lock:
            if self._count == 0:
                self._was_enabled = gc.isenabled()
                gc.disable()
            self._count += 1

    def end(self) -> None:
        with self._lock:
            self._count -= 1
            if self._count == 0 and self._was_enabled:
                gc.enable()


_pauses = _Pauses()


@contextmanager
def collector_paused() -> Iterator[None]:
    """No collection until the block ends, in whichever thread; blocks may nest and overlap. Also a decorator.
    For work of well under a second: reference counts free everything but cycles all the while."""
    _pauses.begin()
    try:
        yield
    finally:
        _pauses.end()
