"""Catching a node that holds up the event loop.

Calls that wait are found as they are made, in the loop's own thread, so that a slow machine makes no
difference: by the interpreter's audit events, and ``time.sleep`` (which has one from Python 3.13 on) by a
profiler. Long computations are found by the processor time between two turns of the loop.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

HELD_LIMIT_S = 1.0
_TURN_S = 0.002
_WAITING = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "subprocess.Popen", "os.system"})


class LoopWatch:
    """``calls`` are the waiting calls that were made on the loop; ``held_s`` the longest computation."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.held_s = 0.0
        self.thread = threading.get_ident()
        self._turn_at = time.thread_time()
        self._timer: asyncio.TimerHandle | None = None

    def note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _WAITING or (event == "socket.connect" and _waits(arguments)):
            self.calls.append(event)

    def profile(self, _frame: FrameType, event: str, called: Any) -> None:
        if event == "c_call" and called is time.sleep:
            self.calls.append("time.sleep")

    def turn(self) -> None:
        now = time.thread_time()
        self.held_s = max(self.held_s, now - self._turn_at)
        self._turn_at = now
        self._timer = asyncio.get_running_loop().call_later(_TURN_S, self.turn)

    def stop(self) -> None:
        self.held_s = max(self.held_s, time.thread_time() - self._turn_at)
        if self._timer is not None:
            self._timer.cancel()


def _waits(arguments: tuple[Any, ...]) -> bool:
    connection = arguments[0] if arguments else None
    return isinstance(connection, socket.socket) and connection.gettimeout() != 0


class _Ear:
    """The one hook of this process: audit hooks cannot be taken away again."""

    def __init__(self) -> None:
        self.watch: LoopWatch | None = None
        self._is_hooked = False

    def hook(self) -> None:
        if not self._is_hooked:
            self._is_hooked = True
            sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        watch = self.watch
        if watch is not None and threading.get_ident() == watch.thread:
            watch.note(event, arguments)


_EAR = _Ear()


@contextmanager
def watched_loop(*, calls: bool = True) -> Iterator[LoopWatch]:
    """Watch the running loop; without ``calls`` for long computations only, and at no cost."""
    watch = LoopWatch()
    if calls:
        _EAR.hook()
        _EAR.watch = watch
        sys.setprofile(watch.profile)
    watch.turn()
    try:
        yield watch
    finally:
        if calls:
            sys.setprofile(None)
            _EAR.watch = None
        watch.stop()
