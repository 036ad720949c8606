"""An event loop whose time passes only by waiting, so that time limits and long waits cost nothing."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    """Does not wait for a timer: says how long that would have taken."""

    def __init__(self, passed: Callable[[float], None]) -> None:
        super().__init__()
        self._passed = passed

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            return super().select()
        ready = super().select(0)
        if not ready and timeout > 0:
            self._passed(timeout)
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    """When nothing is left to do before the next timer, it is that time. Not for work in threads: nothing
    waits for them."""

    def __init__(self) -> None:
        self._moment = 0.0
        super().__init__(_Selector(self._pass))

    def time(self) -> float:
        return self._moment

    def _pass(self, seconds: float) -> None:
        self._moment += seconds


def run_jumping(main: Coroutine[Any, Any, T]) -> T:
    """``asyncio.run`` on such a loop."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(main)
