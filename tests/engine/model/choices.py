"""What the rules leave open, and the search for the choices an engine made.

When two nodes of a body fail side by side, either may be the one that counts; when lanes race, either may
win. The interpreter asks ``Choices`` at such a point, and ``every_way`` runs it again for every combination.
"""

from __future__ import annotations

from collections import deque
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
    """The result for every combination of choices, ``most`` of them: first with the likeliest everywhere,
    then with one choice otherwise, then with two, and so on."""
    waiting: deque[list[int]] = deque([[]])
    for _ in range(most):
        if not waiting:
            return
        given = waiting.popleft()
        choices = Choices(given)
        yield interpret(choices)
        positions = [position for position, _ in choices.taken]
        for place in range(len(given), len(positions)):
            for other in range(1, choices.taken[place][1]):
                waiting.append([*positions[:place], other])
