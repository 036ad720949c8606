"""Items put together by the values of some of their fields, with calculations over each group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias
from zlib import crc32

from sage_studio.kernel import Json, JsonObject
from sage_studio.plugins.support.aggregates import TOO_MANY, Calculation
from sage_studio.plugins.support.items import at_path
from sage_studio.plugins.support.keys import equal_key
from sage_studio.sdk import NodeError, Rows

MAX_GROUPS = 500_000
_PLAIN = frozenset({str, int, float, type(None)})
CalculatedColumn: TypeAlias = tuple[str, str, Callable[[], Calculation]]


class Groups:
    """Items by the values at ``by``; ``calculations`` are (name, path, how to make a calculation).

    Beyond ``limit`` groups ``add`` raises NodeError ``data_group.too_many``; None means that somebody
    else watches.
    """

    def __init__(
        self, by: list[str], calculations: Sequence[CalculatedColumn], *, limit: int | None = MAX_GROUPS
    ) -> None:
        self._by = by
        self._limit = limit
        self._calculations = [(name, path, make()) for name, path, make in calculations]
        self._numbers: dict[Any, int] = {}
        self._firsts: list[list[Any]] = []

    def __len__(self) -> int:
        return len(self._firsts)

    def add(self, items: Sequence[Any]) -> None:
        """Take a chunk in. Raises NodeError ``data_group.too_many``."""
        if not items:
            return
        columns = [values_at(items, path) for path in self._by]
        whole = _whole(columns, len(items))
        groups = list(map(self._numbers.get, whole))
        if None in groups:
            groups = self._with_new(whole, columns)
        for _name, path, calculation in self._calculations:
            calculation.add(groups, values_at(items, path) if path else items)  # type: ignore[arg-type]

    def _with_new(self, whole: Sequence[Any], columns: Sequence[Sequence[Any]]) -> list[Any]:
        numbers = self._numbers
        for at, key in enumerate(whole):
            if key not in numbers:
                numbers[key] = len(self._firsts)
                self._firsts.append([column[at] for column in columns])
                for _name, _path, calculation in self._calculations:
                    calculation.grow()
        if self._limit is not None and len(self._firsts) > self._limit:
            raise NodeError(TOO_MANY, {"limit": self._limit, "what": "groups", "what_zh": "分组"})
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

    @property
    def held(self) -> int:
        """Values kept beside one entry per group and calculation."""
        return sum(calculation.held for _name, _path, calculation in self._calculations)

    def parts(self, count: int) -> list[JsonObject]:
        """All there is in ``count`` parts, for ``absorb``; equal keys are in equal parts, in any process."""
        numbers: list[list[int]] = [[] for _ in range(count)]
        for key, number in self._numbers.items():
            numbers[_stable_hash(key) % count].append(number)
        columns = [calculation.columns() for _name, _path, calculation in self._calculations]
        return [
            {
                "numbers": list[Json](some),
                "firsts": [self._firsts[number] for number in some],
                "calculations": [
                    [[column[number] for number in some] for column in several] for several in columns
                ],
            }
            for some in numbers
        ]

    def absorb(self, part: Any) -> list[int]:
        """Take in groups of later items; the number each has here."""
        firsts = part["firsts"]
        columns = [[first[at] for first in firsts] for at in range(len(self._by))]
        numbers = self._with_new(_whole(columns, len(firsts)), columns)
        for (_name, _path, calculation), held in zip(self._calculations, part["calculations"], strict=True):
            calculation.absorb(numbers, held)
        return numbers

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


def _whole(columns: Sequence[Sequence[Any]], count: int) -> Sequence[Any]:
    """A key for each of ``count`` items."""
    keys = [_keys(column) for column in columns]
    if not keys:
        return [None] * count
    return keys[0] if len(keys) == 1 else list(zip(*keys, strict=True))


def _stable_hash(key: Any) -> int:
    """Of numbers Python's own, under which 1 and 1.0 meet; of texts one that is no other in each process."""
    if isinstance(key, str):
        return crc32(key.encode("utf-8", "surrogatepass"))
    if isinstance(key, tuple):
        return crc32(repr([_stable_hash(part) for part in key]).encode())
    return crc32(key) if isinstance(key, bytes) else hash(key) if key is not None else 0


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
    return [equal_key(value) for value in column]
