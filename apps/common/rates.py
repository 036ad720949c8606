"""How fast something may come."""

from __future__ import annotations


class Bucket:
    """A token bucket: ``rate`` per second, ``burst`` seconds of it at once."""

    __slots__ = ("_at", "_level", "_rate", "_size")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._size = self._level = rate * burst
        self._at = now

    def take(self, amount: float, now: float) -> bool:
        """Whether ``amount`` is still within bounds; it is taken either way."""
        self._level = min(self._size, self._level + (now - self._at) * self._rate) - amount
        self._at = now
        return self._level >= 0
