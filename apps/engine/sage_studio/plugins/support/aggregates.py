"""Calculations over groups that grow item by item: only the groups are kept, never the items.

Each calculation holds one entry per group, by the group's number, and takes a chunk's values at
once. Results are those of the reducers in ``data_group``, which see all values together.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import rfc8785

from sage_studio.kernel import Json, define_error
from sage_studio.sdk import NodeError

TOO_MANY = define_error(
    "data_group.too_many",
    3112,
    en="The groups hold more than {limit} {what}, too many to be kept in memory.",
    zh="分组中的{what_zh}超过 {limit} 个，无法保存在内存中。",
    hint_en="Group by fewer or coarser fields, or filter first.",
    hint_zh="请减少分组字段或使用更粗的粒度，或先进行筛选。",
    status=422,
)
MAX_VALUES = 2_000_000
_NUMBERS = frozenset({int, float})


def tidy(number: float) -> Json:
    """Sums of decimal fractions without the dust of binary ones; whole numbers as integers."""
    rounded = round(number, 10)
    return int(rounded) if rounded == int(rounded) and abs(rounded) < 2**53 else rounded


def number_of(value: Any) -> float | None:
    """A number, or a text that is one; None for anything else."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    return None


class Calculation(ABC):
    """One calculated column of all groups."""

    @abstractmethod
    def grow(self) -> None:
        """One more group."""

    @abstractmethod
    def add(self, groups: Sequence[int], values: Sequence[Any]) -> None:
        """A chunk: the group each item belongs to, and the item's value."""

    @abstractmethod
    def result(self, group: int) -> Json: ...

    @abstractmethod
    def columns(self) -> list[list[Any]]:
        """All it holds, as lists with an entry per group."""

    @abstractmethod
    def absorb(self, groups: Sequence[int], columns: list[list[Any]]) -> None:
        """Take in what another of its kind held of later items; the group each of its entries belongs to."""

    def state(self) -> Json:
        """JSON for a checkpoint; ``load`` takes it back."""
        return [list(column) for column in self.columns()]

    @property
    def held(self) -> int:
        """Values kept beside one entry per group."""
        return 0

    @abstractmethod
    def load(self, state: Any) -> None: ...


class Count(Calculation):
    def __init__(self) -> None:
        self._counts: list[int] = []

    def grow(self) -> None:
        self._counts.append(0)

    def add(self, groups: Sequence[int], values: Sequence[Any]) -> None:
        for group, count in Counter(groups).items():
            self._counts[group] += count

    def result(self, group: int) -> Json:
        return self._counts[group]

    def columns(self) -> list[list[Any]]:
        return [self._counts]

    def absorb(self, groups: Sequence[int], columns: list[list[Any]]) -> None:
        for group, count in zip(groups, columns[0], strict=True):
            self._counts[group] += count

    def load(self, state: Any) -> None:
        self._counts = list(state[0])


class Sum(Calculation):
    """The sum, or with ``is_mean`` the mean, of what is a number."""

    def __init__(self, *, is_mean: bool = False) -> None:
        self._is_mean = is_mean
        self._sums: list[float] = []
        self._counts: list[int] = []

    def grow(self) -> None:
        self._sums.append(0)
        self._counts.append(0)

    def add(self, groups: Sequence[int], values: Sequence[Any]) -> None:
        sums = self._sums
        if set(map(type, values)) <= _NUMBERS:
            for group, value in zip(groups, values, strict=True):
                sums[group] += value
            if self._is_mean:
                for group, count in Counter(groups).items():
                    self._counts[group] += count
            return
        for group, value in zip(groups, values, strict=True):
            number = number_of(value)
            if number is not None:
                sums[group] += number
                self._counts[group] += 1

    def result(self, group: int) -> Json:
        if not self._is_mean:
            return tidy(self._sums[group])
        count = self._counts[group]
        return tidy(self._sums[group] / count) if count else None

    def columns(self) -> list[list[Any]]:
        return [self._sums, self._counts]

    def absorb(self, groups: Sequence[int], columns: list[list[Any]]) -> None:
        for group, total, count in zip(groups, *columns, strict=True):
            self._sums[group] += total
            self._counts[group] += count

    def load(self, state: Any) -> None:
        self._sums, self._counts = list(state[0]), list(state[1])


class Extreme(Calculation):
    """The least or the greatest: of numbers when all values are, else of texts."""

    def __init__(self, pick: Callable[..., Any]) -> None:
        self._pick = pick
        self._numbers: list[float | None] = []
        self._texts: list[str | None] = []
        self._has_text: list[bool] = []

    def grow(self) -> None:
        self._numbers.append(None)
        self._texts.append(None)
        self._has_text.append(False)

    def add(self, groups: Sequence[int], values: Sequence[Any]) -> None:
        pick, numbers, texts = self._pick, self._numbers, self._texts
        for group, value in zip(groups, values, strict=True):
            if value is None:
                continue
            text = str(value)
            held = texts[group]
            texts[group] = text if held is None else pick(held, text)
            number = number_of(value)
            if number is None:
                self._has_text[group] = True
            else:
                before = numbers[group]
                numbers[group] = number if before is None else pick(before, number)

    def result(self, group: int) -> Json:
        number = self._numbers[group]
        return self._texts[group] if self._has_text[group] or number is None else tidy(number)

    def columns(self) -> list[list[Any]]:
        return [self._numbers, self._texts, self._has_text]

    def absorb(self, groups: Sequence[int], columns: list[list[Any]]) -> None:
        for group, number, text, has_text in zip(groups, *columns, strict=True):
            self._numbers[group] = _better(self._pick, self._numbers[group], number)
            self._texts[group] = _better(self._pick, self._texts[group], text)
            self._has_text[group] = self._has_text[group] or has_text

    def load(self, state: Any) -> None:
        self._numbers, self._texts, self._has_text = (list(part) for part in state)


class First(Calculation):
    """The first value, or with ``is_last`` the last one."""

    def __init__(self, *, is_last: bool = False) -> None:
        self._is_last = is_last
        self._values: list[Any] = []
        self._has: list[bool] = []

    def grow(self) -> None:
        self._values.append(None)
        self._has.append(False)

    def add(self, groups: Sequence[int], values: Sequence[Any]) -> None:
        for group, value in zip(groups, values, strict=True):
            if self._is_last or not self._has[group]:
                self._values[group] = value
                self._has[group] = True

    def result(self, group: int) -> Json:
        value: Json = self._values[group]
        return value

    def columns(self) -> list[list[Any]]:
        return [self._values, self._has]

    def absorb(self, groups: Sequence[int], columns: list[list[Any]]) -> None:
        for group, value, has in zip(groups, *columns, strict=True):
            if has and (self._is_last or not self._has[group]):
                self._values[group] = value
                self._has[group] = True

    def load(self, state: Any) -> None:
        self._values, self._has = list(state[0]), list(state[1])


class Gather(Calculation):
    """All values as a list. Raises NodeError ``data_group.too_many``."""

    def __init__(self) -> None:
        self._lists: list[list[Any]] = []
        self._held = 0

    def grow(self) -> None:
        self._lists.append([])

    def add(self, groups: Sequence[int], values: Sequence[Any]) -> None:
        for group, value in zip(groups, values, strict=True):
            self._lists[group].append(value)
        self._held += len(groups)
        if self._held > MAX_VALUES:
            raise NodeError(TOO_MANY, {"limit": MAX_VALUES, "what": "values", "what_zh": "值"})

    def result(self, group: int) -> Json:
        return self._lists[group]

    @property
    def held(self) -> int:
        return self._held

    def columns(self) -> list[list[Any]]:
        return [[list(values) for values in self._lists]]

    def absorb(self, groups: Sequence[int], columns: list[list[Any]]) -> None:
        for group, values in zip(groups, columns[0], strict=True):
            self.add([group] * len(values), values)

    def load(self, state: Any) -> None:
        self._lists = [list(values) for values in state[0]]
        self._held = sum(map(len, self._lists))


class Distinct(Calculation):
    """How many different values. Raises NodeError ``data_group.too_many``."""

    def __init__(self) -> None:
        self._sets: list[set[str]] = []
        self._held = 0

    def grow(self) -> None:
        self._sets.append(set())

    def add(self, groups: Sequence[int], values: Sequence[Any]) -> None:
        for group, value in zip(groups, values, strict=True):
            if value is not None:
                known = self._sets[group]
                before = len(known)
                known.add(rfc8785.dumps(value).decode())
                self._held += len(known) - before
        self._check()

    def _check(self) -> None:
        if self._held > MAX_VALUES:
            raise NodeError(
                TOO_MANY, {"limit": MAX_VALUES, "what": "different values", "what_zh": "不同的值"}
            )

    def result(self, group: int) -> Json:
        return len(self._sets[group])

    @property
    def held(self) -> int:
        return self._held

    def columns(self) -> list[list[Any]]:
        return [[sorted(known) for known in self._sets]]

    def absorb(self, groups: Sequence[int], columns: list[list[Any]]) -> None:
        for group, known in zip(groups, columns[0], strict=True):
            before = len(self._sets[group])
            self._sets[group].update(known)
            self._held += len(self._sets[group]) - before
        self._check()

    def load(self, state: Any) -> None:
        self._sets = [set(known) for known in state[0]]
        self._held = sum(map(len, self._sets))


def _better(pick: Callable[..., Any], one: Any, other: Any) -> Any:
    if one is None or other is None:
        return other if one is None else one
    return pick(one, other)


CALCULATIONS: dict[str, Callable[[], Calculation]] = {
    "count": Count,
    "sum": Sum,
    "mean": lambda: Sum(is_mean=True),
    "avg": lambda: Sum(is_mean=True),
    "min": lambda: Extreme(min),
    "max": lambda: Extreme(max),
    "first": First,
    "last": lambda: First(is_last=True),
    "list": Gather,
    "distinct": Distinct,
}
