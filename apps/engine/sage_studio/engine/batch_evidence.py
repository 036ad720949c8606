"""What ``adaptive_batching`` knows: what each size has brought, the cost of a call, and the cycles of
a rate limit."""

from __future__ import annotations

KEEP = 0.9
"""How much of a rung's past counts against one new measurement."""


class Rung:
    """One size and what it has brought lately, as fading sums of items and seconds."""

    __slots__ = ("items", "seconds", "size", "weight")

    def __init__(self, size: int) -> None:
        self.size = size
        self.items = self.seconds = self.weight = 0.0

    @property
    def rate(self) -> float:
        """Items per second, 0 when never tried."""
        return self.items / self.seconds if self.seconds else 0.0

    def add(self, items: int, seconds: float) -> None:
        self.items = self.items * KEEP + items
        self.seconds = self.seconds * KEEP + max(seconds, 1e-9)
        self.weight = self.weight * KEEP + 1

    def forget(self) -> None:
        self.items = self.seconds = self.weight = 0.0


class Cycles:
    """Joins batches between two refusals of a rate limit into one measurement.

    Without a limit every batch is a measurement of its own. A limit is taken to be gone when a cycle
    brings much more than ever before, or when batches of a size that was refused have gone through
    for twice the longest cycle.
    """

    __slots__ = (
        "_items", "_longest_s", "_most_items", "_seconds", "_smallest_refused", "is_limited", "refusals",
    )  # fmt: skip

    def __init__(self) -> None:
        self.is_limited = False
        self.refusals = 0
        self._smallest_refused = 0
        self._most_items = 0
        self._longest_s = 0.0
        self.restart()

    def restart(self) -> None:
        self._items, self._seconds = 0, 0.0

    def passed(self, size: int, items: int, seconds: float) -> tuple[int, float] | None:
        """A measurement, when one is complete."""
        self.refusals = 0
        if not self.is_limited:
            return items, seconds
        self._items += items
        self._seconds += seconds
        is_richer = (
            0 < self._most_items * 1.2 < self._items
            and self._items * self._longest_s > 1.1 * self._most_items * self._seconds
        )
        if self._seconds <= 2 * self._longest_s and not is_richer:
            return None
        self.is_limited = size < self._smallest_refused and not is_richer
        whole = self._items, self._seconds
        self.restart()
        return whole

    def refused(self, size: int, seconds: float) -> tuple[int, float] | None:
        """The cycle that ends here; None for the first, whose beginning nobody saw."""
        self.refusals += 1
        self._smallest_refused = min(self._smallest_refused, size) if self.is_limited else size
        whole = (self._items, self._seconds + seconds) if self.is_limited and self._items else None
        self._longest_s = whole[1] if whole else max(self._longest_s, seconds)
        # The allowance was less than what passed and what was refused together.
        self._most_items = max(self._most_items, self._items + size) if whole else 0
        self.is_limited = True
        self.restart()
        return whole


class CallCost:
    """What a call costs by itself and per item: a line through the fading times of batches."""

    __slots__ = ("_n", "_nn", "_nt", "_t", "_weight")

    def __init__(self) -> None:
        self._weight = self._n = self._t = self._nn = self._nt = 0.0

    def add(self, items: int, seconds: float) -> None:
        fade = 0.95
        self._weight = self._weight * fade + 1
        self._n = self._n * fade + items
        self._t = self._t * fade + seconds
        self._nn = self._nn * fade + items * items
        self._nt = self._nt * fade + items * seconds

    def size_for(self, rate: float) -> float | None:
        """The smallest size that brings ``rate`` items a second; None when sizes tell nothing yet."""
        line = self._line()
        if line is None or rate * line[1] >= 1:
            return None
        return rate * line[0] / (1 - rate * line[1])

    def gain(self, size: int, other: int) -> float | None:
        """How many times the items a second ``size`` should bring, compared with ``other``."""
        line = self._line()
        if line is None:
            return None
        call_s, item_s = line
        mine, others = call_s + item_s * size, call_s + item_s * other
        return size * others / (other * mine) if mine else None

    def _line(self) -> tuple[float, float] | None:
        """Seconds per call and per item, by least squares."""
        spread = self._nn * self._weight - self._n**2
        if spread <= 1e-6 * self._nn * self._weight:
            return None
        item_s = max((self._nt * self._weight - self._n * self._t) / spread, 0.0)
        return max((self._t - item_s * self._n) / self._weight, 0.0), item_s
