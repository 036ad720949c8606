"""What the rules leave open, and the search for the choices an engine made.

When two nodes of a body fail side by side, either may be the one that counts; when lanes race, either may
win. The interpreter asks ``Choices`` at such a point, and ``every_way`` runs it again for every combination.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Option = TypeVar("Option")
Result = TypeVar("Result")


class Choices:
    """Answers by a list of positions; past its end always the first option."""

    def __init__(self, given: Sequence[int], rank: Callable[[str, str], float]) -> None:
        self._given = given
        self.taken: list[tuple[int, int]] = []
        # Where in the engine's story a node run settled: what happened first is tried first.
        self._rank = rank

    def pick(self, options: Sequence[Option], key: Callable[[Option], tuple[str, str]]) -> Option:
        """One of the options; ``key`` names the node run that an option stands for."""
        ordered = sorted(options, key=lambda option: self._rank(*key(option)))
        place = len(self.taken)
        position = self._given[place] if place < len(self._given) else 0
        self.taken.append((position, len(ordered)))
        return ordered[position]


def every_way(
    interpret: Callable[[Choices], Result], rank: Callable[[str, str], float], *, most: int
) -> Iterator[Result]:
    """The result for every combination of choices, the likeliest first, ``most`` of them."""
    given: list[int] | None = []
    for _ in range(most):
        if given is None:
            return
        choices = Choices(given, rank)
        yield interpret(choices)
        given = _next(choices.taken)


def _next(taken: list[tuple[int, int]]) -> list[int] | None:
    """The following combination: the last choice that has another option moves on."""
    for place in range(len(taken) - 1, -1, -1):
        position, options = taken[place]
        if position + 1 < options:
            return [*(chosen for chosen, _ in taken[:place]), position + 1]
    return None
