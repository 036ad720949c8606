"""How many items to hand over at once, found while working.

The right size depends on what nobody knows beforehand: the fixed cost of a call, how memory grows,
what a service lets through. ``BatchController`` starts from a table and walks a ladder of sizes:

- It climbs while more items per second come out, then settles, and looks at the neighbouring sizes
  now and then, less and less often while nothing changes. The noisier the times, the longer it looks.
- A batch that does not fit in memory halves the size; the gap between what fitted and what did not
  is then searched by halving it, and what did not fit is tried again later.
- A service that refuses for a while (HTTP 429) makes it step down; from then on whole cycles from
  refusal to refusal are compared, waiting included, because only they show what comes through.

``batch_driver.in_batches`` drives work with one; the controller itself knows no clock and does no I/O.
"""

from __future__ import annotations

import math

from sage_studio.engine.batch_evidence import CallCost, Cycles, Rung

STEP = 1.5
"""Ratio of neighbouring sizes: fine enough that the best rung gives 98 % of the best size."""
FINE_STEP = 1.15
"""The gap below a size that did not fit in memory is searched down to this ratio."""
GROWTH = 1.02
"""Going on in one direction must bring at least this; a neighbour looked at later ``GAIN``."""
GAIN = 1.01
HOPELESS = 0.85
FIRST_PATIENCE, LIMITED_PATIENCE, LAST_PATIENCE = 4, 8, 64
SURPRISE, COLLAPSE = 1.4, 1 / 3
PRESSURE_HOLD, PRESSURE_SHRINK = 0.85, 0.95


def starting_size(total: int | None) -> int:
    """Where to begin: small amounts in tens, middling in fifties, large in hundreds."""
    if total is None or total < 100:
        return 10
    return 50 if total <= 1000 else 100


class BatchController:
    """Chooses the next size from what the last ones brought.

    ``maximum`` is what the other side takes at most; no batch is meant to take longer than
    ``longest_s``, so that progress is seen and a cancelled run ends. Ask ``size()``, hand over that
    many, then say what became of it: ``done``, ``does_not_fit`` or ``limited``.
    """

    def __init__(
        self, total: int | None = None, *, minimum: int = 1, maximum: int = 2048, longest_s: float = 10.0
    ) -> None:
        if not 1 <= minimum <= maximum:
            raise ValueError("sizes must satisfy 1 <= minimum <= maximum")
        start = min(max(starting_size(total), minimum), maximum)
        self._rungs = [Rung(size) for size in _ladder(start, minimum, maximum)]
        self._home = self._at = next(i for i, rung in enumerate(self._rungs) if rung.size == start)
        self._longest_s = longest_s
        self._cycles = Cycles()
        self._cost = CallCost()
        self._noise = 0.05
        self._surprises = 0
        # +1 or -1 while walking on as long as it pays, 0 at home or at a neighbour looked at.
        self._direction = 1
        self._visit = 0
        self._patience = FIRST_PATIENCE
        self._next_look = 1
        # The size that did not fit, for how many measurements it is left alone, and how many next time.
        self._ceiling = math.inf
        self._ceiling_rest = 0
        self._ceiling_patience = FIRST_PATIENCE * 2

    def size(self) -> int:
        """How many items to hand over next."""
        return self._rungs[self._at].size

    def done(self, items: int, seconds: float, *, pressure: float | None = None) -> None:
        """A batch went through. ``pressure`` is the share of memory in use, where it is known."""
        rung = self._rungs[self._at]
        if items < rung.size * 0.8:
            return  # The tail of the work says little about a whole batch.
        if pressure is not None and pressure > PRESSURE_SHRINK:
            self.does_not_fit(seconds)
            return
        self._cost.add(items, seconds)
        was_limited = self._cycles.is_limited
        measured = self._cycles.passed(rung.size, items, seconds)
        if was_limited and not self._cycles.is_limited:
            self._look_afresh()
            self._direction = 1
        elif measured is not None:
            self._measured(rung, *measured, may_grow=pressure is None or pressure < PRESSURE_HOLD)

    def does_not_fit(self, seconds: float) -> None:
        """The batch was too big for memory, or bigger than the service ever takes; its items are
        still to do. ``seconds`` is what finding out cost."""
        failed = self._rungs[self._at]
        failed.add(0, seconds)
        was_look = self._at > self._home
        for rung in self._rungs[self._at :]:
            rung.forget()
        if was_look:
            self._settle(self._home)
        else:
            self._settle(self._at_most(failed.size // 2))
            self._ceiling_patience = FIRST_PATIENCE * 2
            self._patience = FIRST_PATIENCE
        self._ceiling = failed.size
        self._ceiling_rest = self._ceiling_patience
        self._ceiling_patience = min(self._ceiling_patience * 2, LAST_PATIENCE)
        self._next_look = 1
        self._refine()

    def limited(self, seconds: float) -> None:
        """The service lets nothing through for a while; ``seconds`` includes the waiting it asked for."""
        was_limited = self._cycles.is_limited
        cycle = self._cycles.refused(self.size(), seconds)
        if self._cycles.refusals > 1:
            # It waited as told and was refused again: no batch of this size will ever pass.
            self.does_not_fit(seconds)
        elif not was_limited:
            for rung in self._rungs:
                rung.forget()
            self._settle(max(self._at - 1, 0))
            self._patience = 1
        elif cycle is not None:
            self._measured(self._rungs[self._at], *cycle, may_grow=True)

    # Deciding

    def _measured(self, rung: Rung, items: int, seconds: float, *, may_grow: bool) -> None:
        before = rung.rate
        is_surprise = self._is_surprise(rung, items, seconds)
        rung.add(items, seconds)
        self._visit += 1
        if self._ceiling < math.inf:
            self._ceiling_rest -= 1
            if self._ceiling_rest <= 0:
                self._ceiling = math.inf
        if is_surprise or seconds > self._longest_s * 2:
            self._look_afresh()
            if items / max(seconds, 1e-9) < before * COLLAPSE:
                self._settle(self._at_most(rung.size // 2))
                self._direction = -1
            else:
                rung.add(items, seconds)
        elif self._direction:
            self._walk(may_grow)
        elif self._at != self._home:
            self._judge()
        elif self._visit >= self._patience:
            self._look(may_grow)

    @property
    def _evidence(self) -> int:
        """Measurements that make a comparison; the noisier, the more."""
        return 1 if self._cycles.is_limited else min(max(round((self._noise / 0.04) ** 2), 1), 12)

    def _walk(self, may_grow: bool) -> None:
        """On while it pays, from one size to the next."""
        here = self._rungs[self._at]
        if self._visit < self._evidence:
            return
        back = self._at - self._direction
        before = self._rungs[back] if 0 <= back < len(self._rungs) else None
        if before is not None and before.weight and (gain := self._gain(here, before)) < GROWTH:
            self._settle(self._at if gain > 1 else back)
            return
        onward = self._at + self._direction
        if self._is_open(onward) and (may_grow or self._direction < 0):
            self._at, self._visit = onward, 0
        else:
            self._settle(self._at)

    def _gain(self, here: Rung, before: Rung) -> float:
        """Measured; where times are noisy, drawn toward what the cost of a call lets expect."""
        measured = here.rate / before.rate if before.rate else math.inf
        doubt = 0.0 if self._cycles.is_limited else min((self._noise / 0.04) ** 2, 9.0) - 1
        expected = self._cost.gain(here.size, before.size) if doubt > 0 else None
        if expected is None:
            return measured
        return (measured * self._visit + expected * doubt) / (self._visit + doubt)

    def _look(self, may_grow: bool) -> None:
        """Go and see how a neighbouring size does."""
        sides = [self._next_look, -self._next_look]
        self._next_look = -self._next_look
        self._visit = 0
        if self._cycles.is_limited and (small := self._enough_for_limit()) < self._home:
            self._at = small
            return
        for side in sides:
            if self._is_open(self._home + side) and (may_grow or side < 0):
                self._at = self._home + side
                return

    def _enough_for_limit(self) -> int:
        """The smallest size that still uses up what the service lets through, with a quarter to spare:
        the smaller the batches, the less of the allowance is left over at its end."""
        size = self._cost.size_for(self._rungs[self._home].rate * 1.25)
        if size is None:
            return self._home
        return min(self._at_most(math.ceil(size)) + 1, len(self._rungs) - 1)

    def _judge(self) -> None:
        there, home = self._rungs[self._at], self._rungs[self._home]
        hopeless = there.rate < home.rate * HOPELESS and there.weight >= min(self._evidence, 2)
        if self._visit < self._evidence and not hopeless:
            return
        if self._gain(there, home) > GAIN:
            direction = 1 if self._at > self._home else -1
            self._settle(self._at)
            self._next_look = direction
            self._direction = 0 if self._cycles.is_limited else direction
            self._patience = FIRST_PATIENCE
            if direction > 0:
                self._ceiling_patience = FIRST_PATIENCE * 2
                self._refine()
        else:
            self._settle(self._home)
            # Cycles are long and a limit may be lifted any time: look around more often under one.
            longest = LIMITED_PATIENCE if self._cycles.is_limited else LAST_PATIENCE
            self._patience = min(self._patience * 2, longest)

    def _settle(self, at: int) -> None:
        self._home = self._at = at
        self._direction = self._visit = self._surprises = 0
        self._cycles.restart()

    def _is_open(self, at: int) -> bool:
        if not (0 <= at < len(self._rungs) and self._rungs[at].size < self._ceiling):
            return False
        here = self._rungs[self._at]
        return at < self._at or self._rungs[at].size <= here.rate * self._longest_s

    def _at_most(self, size: int) -> int:
        return max((i for i, rung in enumerate(self._rungs) if rung.size <= size), default=0)

    def _refine(self) -> None:
        """Put a rung half way between home and the size that did not fit."""
        home = self._rungs[self._home].size
        if self._ceiling < math.inf and self._ceiling > home * FINE_STEP:
            middle = round(math.sqrt(home * self._ceiling))
            if middle not in {rung.size for rung in self._rungs}:
                self._rungs.insert(self._at_most(middle) + 1, Rung(middle))

    def _is_surprise(self, rung: Rung, items: int, seconds: float) -> bool:
        """Whether this size behaves quite unlike before: three times in a row, or for a whole cycle."""
        if rung.weight < 1 or not rung.rate:
            return False
        ratio = items / max(seconds, 1e-9) / rung.rate
        self._noise += 0.1 * (abs(ratio - 1) - self._noise)
        self._surprises = self._surprises + 1 if ratio > SURPRISE or ratio * SURPRISE < 1 else 0
        if ratio < COLLAPSE:
            return True
        return self._surprises >= (1 if self._cycles.is_limited else 3)

    def _look_afresh(self) -> None:
        """Conditions have changed: what was learned about sizes no longer counts."""
        for rung in self._rungs:
            rung.forget()
        self._settle(self._at)
        self._noise = 0.05
        self._patience = 1


def _ladder(start: int, minimum: int, maximum: int) -> list[int]:
    sizes = {start, minimum, maximum}
    size = float(start)
    while (size := size * STEP) < maximum:
        sizes.add(round(size))
    size = float(start)
    while (size := size / STEP) > minimum:
        sizes.add(round(size))
    return sorted(sizes)
