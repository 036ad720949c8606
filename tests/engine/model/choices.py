"""What the rules leave open, and the search for the choices an engine made.

When two nodes of a body fail side by side, either may be the one that counts; when lanes race, either may
win. The interpreter asks ``Choices`` at such a point, and ``every_way`` runs it again for every combination.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

Option = TypeVar("Option")
Result = TypeVar("Result")


class Choices:
    """Answers by a list of positions; past its end always the first option."""

    def __init__(self, given: Sequence[int]) -> None:
        self._given = given
        self.taken: list[tuple[int, int]] = []

    def pick(self, options: Sequence[Option], rank: Callable[[Option], Any]) -> Option:
        """One of the options; what ``rank`` puts first is tried first."""
        ordered = sorted(options, key=rank)
        place = len(self.taken)
        position = self._given[place] if place < len(self._given) else 0
        self.taken.append((position, len(ordered)))
        return ordered[position]


def every_way(interpret: Callable[[Choices], Result], *, most: int) -> Iterator[Result]:
    """The result for every combination of choices, the likeliest first, ``most`` of them."""
    given: list[int] | None = []
    for _ in range(most):
        if given is None:
            return
        choices = Choices(given)
        yield interpret(choices)
        given = _next(choices.taken)


def _next(taken: list[tuple[int, int]]) -> list[int] | None:
    """The following combination: the last choice that has another option moves on."""
    for place in range(len(taken) - 1, -1, -1):
        position, options = taken[place]
        if position + 1 < options:
            return [*(chosen for chosen, _ in taken[:place]), position + 1]
    return None
