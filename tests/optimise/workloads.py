"""Three kinds of work whose best batch size differs, in virtual time.

Each answers what handing over ``size`` items at ``at`` seconds costs. Nothing sleeps: the same code
measures every fixed size and the controller.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from sage_studio.engine.adaptive_batching import BatchController


@dataclass(frozen=True, slots=True)
class Cost:
    """``wait_s`` is what a service asked for when it refused because of its limit."""

    seconds: float
    is_refused: bool = False
    is_limit: bool = False
    wait_s: float = 0.0


Work = Callable[[int, float], Cost]


@dataclass
class Linear:
    """A fixed cost per call, one per item, and a little that grows with the square (copying, garbage)."""

    call_s: float = 0.08
    item_s: float = 0.001
    square_s: float = 0.0
    noise: float = 0.0
    chance: random.Random = field(default_factory=lambda: random.Random(7))

    def __call__(self, size: int, at: float) -> Cost:
        plain = self.call_s + self.item_s * size + self.square_s * size * size
        return Cost(plain * self.chance.uniform(1 - self.noise, 1 + self.noise))


@dataclass
class MemoryCliff:
    """More than ``room(at)`` items do not fit: the attempt dies half way."""

    room: Callable[[float], int]
    call_s: float = 0.05
    item_s: float = 0.001

    def __call__(self, size: int, at: float) -> Cost:
        whole = self.call_s + self.item_s * size
        return Cost(whole * 0.5, is_refused=True) if size > self.room(at) else Cost(whole)


@dataclass
class RateLimit:
    """So many items per window of a second; what does not fit any more is refused (HTTP 429) with
    the seconds to the next window."""

    allowed: Callable[[float], int]
    call_s: float = 0.02
    item_s: float = 0.0002
    window_s: float = 1.0
    _window: int = -1
    _used: int = 0

    def __call__(self, size: int, at: float) -> Cost:
        window = math.floor(at / self.window_s)
        if window != self._window:
            self._window, self._used = window, 0
        if self._used + size > self.allowed(at):
            wait_s = (window + 1) * self.window_s - at
            wait_s = max(wait_s - self.call_s, 0.0)
            return Cost(self.call_s, is_refused=True, is_limit=True, wait_s=wait_s)
        self._used += size
        return Cost(self.call_s + self.item_s * size)


GIVE_UP = 500
"""Refusals in a row after which a fixed size is taken never to pass."""


def fixed_s(work: Work, items: int, size: int) -> float:
    """Seconds for all items in batches of one size. A batch refused by a limit waits as told and comes
    again; one that does not fit in memory is done in halves (kinder than code that just dies)."""
    at, left = 0.0, items
    while left and at < math.inf:
        at = _push(work, min(size, left), at)
        left -= min(size, left)
    return at


def _push(work: Work, size: int, at: float) -> float:
    for _ in range(GIVE_UP):
        cost = work(size, at)
        at += cost.seconds + cost.wait_s
        if not cost.is_refused:
            return at
        if not cost.is_limit:
            half = max(size // 2, 1)
            at = _push(work, half, at)
            return _push(work, size - half, at) if size > half else at
    return math.inf


def adaptive_s(work: Work, items: int, controller: BatchController, *, after: int = 0) -> float:
    """Seconds the controller takes for all items, or for those behind the first ``after``."""
    at, left, skipped_at = 0.0, items, 0.0
    while left:
        size = min(controller.size(), left)
        cost = work(size, at)
        at += cost.seconds + cost.wait_s
        if cost.is_refused:
            if cost.is_limit:
                controller.limited(cost.seconds + cost.wait_s)
            else:
                controller.does_not_fit(cost.seconds)
            continue
        left -= size
        controller.done(size, cost.seconds)
        if items - left <= after:
            skipped_at = at
    return at - skipped_at


SIZES = sorted({round(4 * 1.14**power) for power in range(48)})


def best_fixed_s(make: Callable[[], Work], items: int) -> tuple[int, float]:
    """The best of sizes from 4 to about 2,000, and its seconds."""
    times = {size: fixed_s(make(), items, size) for size in SIZES}
    best = min(times, key=lambda size: times[size])
    return best, times[best]
