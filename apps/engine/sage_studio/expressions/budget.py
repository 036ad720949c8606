"""How much one evaluation may cost: steps for work and new values, and a cap on texts.

Loops exist only as functions over lists, so their callbacks and the sizes of new lists and texts
are what is counted; the rest of an expression is as long as its source.
"""

from __future__ import annotations

from contextvars import ContextVar

from sage_studio.expressions.errors import BUDGET, TOO_LARGE, fault

MAX_STEPS = 1_000_000
MAX_TEXT = 16 << 20
"""Characters of a text an expression may build."""

_CHARACTERS_PER_STEP = 64
_VALUES_PER_STEP = 2


class Budget:
    """What is left for one evaluation."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MAX_STEPS

    def spend(self, steps: int, at: int = 0) -> None:
        """Raises ExpressionError ``expression.budget`` when nothing is left."""
        self.left -= steps
        if self.left < 0:
            raise fault(BUDGET, at, limit=MAX_STEPS)

    def text(self, length: int, at: int = 0) -> None:
        """Account for a text of ``length`` characters before it is made."""
        if length > MAX_TEXT:
            raise fault(TOO_LARGE, at, limit=MAX_TEXT)
        self.left -= length // _CHARACTERS_PER_STEP
        if self.left < 0:
            raise fault(BUDGET, at, limit=MAX_STEPS)

    def values(self, count: int) -> None:
        """Account for a list or object of ``count`` values before it is written out as text."""
        self.spend(count // _VALUES_PER_STEP + 1)


CURRENT: ContextVar[Budget] = ContextVar("budget of the evaluation")
"""Set while an expression is evaluated: a value becomes text in many places, keys and built-ins handed
to ``map`` among them, and a list that holds one big value a thousand times is cheap until then."""
