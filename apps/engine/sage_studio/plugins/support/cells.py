"""Columns of text cells as values: what kind a column is, and its cells as that kind.

Looks at a column as a whole where it can: going cell by cell takes several times as long.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from sage_studio.plugins.support.tables import INTEGER, NUMBER

_EXACT_DIGITS = 15
_ODD_NUMBER = re.compile(rb"\n-?(?:0\d|\.)|\.\n")
_MAY_BE_ODD = (b"\n0", b"\n-0", b"\n.", b"\n-.", b".\n")
_INTEGERS = re.compile(r"(?:[+-]?(?:0|[1-9]\d{0,14})\n)*+", re.ASCII)
_NUMBERS = re.compile(r"(?:[+-]?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?(?:[eE][+-]?\d{1,2})?\n)*+", re.ASCII)
Convert = Callable[[Sequence[Any]], Sequence[Any]]


def kind_of_cells(column: Sequence[str], *, numbers: bool) -> str:
    """What a column holds, judged by its filled cells; empty while there are none."""
    filled = [cell for cell in column if cell]
    if not filled:
        return ""
    if not numbers or not all(map(NUMBER.match, filled)):
        return "text"
    return "integer" if all(map(INTEGER.match, filled)) else "number"


def _texts(column: Sequence[str]) -> Sequence[str | None]:
    return column if all(column) else [cell or None for cell in column]


def _integers(column: Sequence[str]) -> Sequence[Any]:
    return _converted(column, b"0123456789-\n", _INTEGERS, int)


def _floats(column: Sequence[str]) -> Sequence[Any]:
    return _converted(column, b"0123456789-.\n", _NUMBERS, float)


def _converted(
    column: Sequence[str], signs: bytes, shape: re.Pattern[str], convert: Callable[[str], Any]
) -> Sequence[Any]:
    together = "\n".join(column)
    has_breaks = together.count("\n") != len(column) - 1
    if not has_breaks and (_is_simple(together, column, signs) or shape.fullmatch(together + "\n")):
        try:
            return list(map(convert, column))
        except ValueError:
            pass  # a sign inside of a cell
    return [cell_value(cell) for cell in column]


def _is_simple(together: str, column: Sequence[str], signs: bytes) -> bool:
    """Whether cells are short and of these signs, without odd zeros and points: what ``convert`` takes
    of them is what ``shape`` takes, found out in half the time."""
    if not together.isascii() or max(map(len, column), default=0) > _EXACT_DIGITS:
        return False
    raw = f"\n{together}\n".encode()
    if raw.translate(None, signs):
        return False
    return not any(map(raw.__contains__, _MAY_BE_ODD)) or not _ODD_NUMBER.search(raw)


def cell_value(cell: str) -> Any:
    if not NUMBER.match(cell):
        return cell or None
    return int(cell) if INTEGER.match(cell) else float(cell)


CONVERT: dict[str, Convert] = {"text": _texts, "integer": _integers, "number": _floats}
