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
from sage_studio.plugins.support.items import at_path
from sage_studio.sdk import NodeError, Rows

TOO_MANY = define_error(
    "data_group.too_many",
    3112,
    en="The groups hold more than {limit} {what}, too many to be kept in memory.",
    zh="分组中的{what_zh}超过 {limit} 个，无法保存在内存中。",
    hint_en="Group by fewer or coarser fields, or filter first.",
    hint_zh="请减少分组字段或使用更粗的粒度，或先进行筛选。",
    status=422,
)
MAX_GROUPS = 500_000
MAX_VALUES = 2_000_000
_PLAIN = frozenset({str, int, float, type(None)})
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
    def state(self) -> Json:
        """JSON for a checkpoint; ``load`` takes it back."""

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

    def state(self) -> Json:
        return list(self._counts)

    def load(self, state: Any) -> None:
        self._counts = list(state)


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

    def state(self) -> Json:
        return [list(self._sums), list(self._counts)]

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

    def state(self) -> Json:
        return [list(self._numbers), list(self._texts), list(self._has_text)]

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

    def state(self) -> Json:
        return [list(self._values), list(self._has)]

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

    def state(self) -> Json:
        return [list(values) for values in self._lists]

    def load(self, state: Any) -> None:
        self._lists = [list(values) for values in state]
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
        if self._held > MAX_VALUES:
            raise NodeError(
                TOO_MANY, {"limit": MAX_VALUES, "what": "different values", "what_zh": "不同的值"}
            )

    def result(self, group: int) -> Json:
        return len(self._sets[group])

    def state(self) -> Json:
        return [list[Json](sorted(known)) for known in self._sets]

    def load(self, state: Any) -> None:
        self._sets = [set(known) for known in state]
        self._held = sum(map(len, self._sets))


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


class Groups:
    """Items by the values at ``by``; ``calculations`` are (name, path, calculation)."""

    def __init__(self, by: list[str], calculations: list[tuple[str, str, Calculation]]) -> None:
        self._by = by
        self._calculations = calculations
        self._numbers: dict[Any, int] = {}
        self._firsts: list[list[Any]] = []

    def __len__(self) -> int:
        return len(self._firsts)

    def add(self, items: Sequence[Any]) -> None:
        """Take a chunk in. Raises NodeError ``data_group.too_many``."""
        if not items:
            return
        columns = [values_at(items, path) for path in self._by]
        keys = [_keys(column) for column in columns]
        whole: Sequence[Any] = keys[0] if len(keys) == 1 else list(zip(*keys, strict=True))
        if not keys:
            whole = [None] * len(items)
        groups = list(map(self._numbers.get, whole))
        if None in groups:
            groups = self._with_new(whole, columns)
        for _name, path, calculation in self._calculations:
            calculation.add(groups, values_at(items, path) if path else items)  # type: ignore[arg-type]

    def _with_new(self, whole: Sequence[Any], columns: list[Sequence[Any]]) -> list[Any]:
        numbers = self._numbers
        for at, key in enumerate(whole):
            if key not in numbers:
                numbers[key] = len(self._firsts)
                self._firsts.append([column[at] for column in columns])
                for _name, _path, calculation in self._calculations:
                    calculation.grow()
        if len(self._firsts) > MAX_GROUPS:
            raise NodeError(TOO_MANY, {"limit": MAX_GROUPS, "what": "groups", "what_zh": "分组"})
        return [numbers[key] for key in whole]

    def rows(self) -> list[dict[str, Any]]:
        """A row per group, in the order in which groups first came."""
        return [
            {
                **dict(zip(self._by, first, strict=True)),
                **{name: calculation.result(group) for name, _path, calculation in self._calculations},
            }
            for group, first in enumerate(self._firsts)
        ]

    def state(self) -> Json:
        return {
            "firsts": list[Json](self._firsts),
            "calculations": [c.state() for _n, _p, c in self._calculations],
        }

    def load(self, state: Any) -> None:
        self._firsts = [list(first) for first in state["firsts"]]
        for number, first in enumerate(self._firsts):
            keys = [_keys([value])[0] for value in first]
            self._numbers[keys[0] if len(keys) == 1 else tuple(keys) or None] = number
        for (_name, _path, calculation), held in zip(self._calculations, state["calculations"], strict=True):
            calculation.load(held)


def values_at(items: Sequence[Any], path: str) -> Sequence[Any]:
    """The value at a path of every item."""
    if isinstance(items, Rows):
        column = items.column(path)
        if column is not None or "." not in path:
            return column if column is not None else [None] * len(items)
    return [at_path(item, path) for item in items]


def _keys(column: Sequence[Any]) -> Sequence[Any]:
    """Values under which equal JSON values meet (1 and true stay apart)."""
    if set(map(type, column)) <= _PLAIN:
        return column
    return [_key(value) for value in column]


def _key(value: Any) -> Any:
    if isinstance(value, (list, dict)):
        return ("json", rfc8785.dumps(value))
    return ("boolean", value) if isinstance(value, bool) else value
