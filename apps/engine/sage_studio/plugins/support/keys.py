"""Values as keys: under which equal JSON values meet, and in which order values stand."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import rfc8785

from sage_studio.plugins.support.items import at_path

_DIGITS = re.compile(r"(\d+)")
_LAST = (9, 0)


def equal_key(value: Any) -> Any:
    """A hashable value that is the same for equal JSON values; 1 and 1.0 meet, 1 and true stay apart."""
    if isinstance(value, (list, dict)):
        try:
            return ("json", rfc8785.dumps(value))
        except rfc8785.CanonicalizationError:  # numbers beyond those of JavaScript
            return ("json", json.dumps(value, sort_keys=True, default=str))
    return ("boolean", value) if isinstance(value, bool) else value


def keys_at(item: Any, paths: Sequence[str]) -> Any:
    """What an item is told from others by: its values at ``paths``, or all of it."""
    if not paths:
        return equal_key(item)
    if len(paths) == 1:
        return equal_key(at_path(item, paths[0]))
    return tuple(equal_key(at_path(item, path)) for path in paths)


class _Downwards:
    """Turns an order around, also that of texts."""

    __slots__ = ("key",)

    def __init__(self, key: Any) -> None:
        self.key = key

    def __lt__(self, other: _Downwards) -> bool:
        return bool(other.key < self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Downwards) and bool(self.key == other.key)

    __hash__ = None  # type: ignore[assignment]


def _order_key(value: Any, is_natural: bool) -> tuple[int, Any]:
    """Numbers, then texts without regard to case, then yes and no, then the rest as JSON."""
    if isinstance(value, bool):
        return (3, value)
    if isinstance(value, (int, float)):
        return (1, value)
    if isinstance(value, str):
        folded = value.casefold()
        return (2, (_natural(folded), value) if is_natural else (folded, value))
    return (4, json.dumps(value, sort_keys=True, default=str))


def _natural(text: str) -> list[tuple[int, int, str]]:
    """``file 2`` before ``file 10``; runs of more digits than a number is read from stay text."""
    return [
        (0, int(part), "") if part.isdecimal() and len(part) < 300 else (1, 0, part)
        for part in _DIGITS.split(text)
        if part
    ]


@dataclass(frozen=True, slots=True)
class Order:
    """An order over items: by ``fields`` in turn, a minus in front of a name for downwards; without fields
    the items themselves are compared. What is missing comes last both ways."""

    fields: Sequence[str]
    is_natural: bool = False

    def parts(self) -> list[tuple[str, bool]]:
        """The path of each field, and whether it goes downwards."""
        return [(name.removeprefix("-").strip(), name.startswith("-")) for name in self.fields] or [
            ("", False)
        ]

    def key(self, item: Any) -> tuple[Any, ...]:
        """A key under which items stand in this order, for ``heapq.merge``; ``sorted`` is many times as
        quick."""
        made: list[Any] = []
        for path, is_down in self.parts():
            value = at_path(item, path) if path else item
            if _is_missing(value):
                made.append(_LAST)
                continue
            key = _order_key(value, self.is_natural)
            made.append((0, _Downwards(key) if is_down else key))
        return tuple(made)

    def sorted(self, items: Sequence[Any]) -> list[Any]:
        """The items in this order; equal ones stay as they came."""
        result = list(items)
        for path, is_down in reversed(self.parts()):
            values = [at_path(item, path) for item in result] if path else result
            keys, present, missing = self._keys(values)
            present = sorted(present, key=keys.__getitem__, reverse=is_down)
            result = [result[at] for at in (*present, *missing)]
        return result

    def _keys(self, values: Sequence[Any]) -> tuple[Sequence[Any], Sequence[int], Sequence[int]]:
        """A key for each value, the places of values and those of what is missing."""
        kinds = set(map(type, values))
        if kinds <= {int}:
            return values, range(len(values)), ()
        if kinds == {str} and not self.is_natural:
            return [(value.casefold(), value) for value in values], range(len(values)), ()
        missing = [at for at, value in enumerate(values) if _is_missing(value)]
        gone = set(missing)
        present = [at for at in range(len(values)) if at not in gone] if gone else range(len(values))
        if kinds <= {int, float, type(None)}:
            return values, present, missing
        keys = [None if at in gone else _order_key(v, self.is_natural) for at, v in enumerate(values)]
        return keys, present, missing


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
