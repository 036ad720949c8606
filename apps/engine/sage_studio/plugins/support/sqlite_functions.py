"""SQLite's text functions whose own form takes time with the product of two lengths, in linear form.

A statement is broken off between steps of SQLite's machine and never inside of a function, so that
``instr`` over two long texts would hold a thread for minutes whatever the time limit says.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TypeAlias

Value: TypeAlias = str | bytes | int | float | None

_PATTERN_CHARS = 200


def hold_to_time(database: sqlite3.Connection) -> None:
    """Put the linear forms in place, and keep patterns of LIKE and GLOB short."""
    database.setlimit(sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, _PATTERN_CHARS)
    database.create_function("instr", 2, _instr, deterministic=True)
    database.create_function("replace", 3, _replace, deterministic=True)
    for name, sides in (("trim", "both"), ("ltrim", "left"), ("rtrim", "right")):
        database.create_function(name, 2, _trimming(sides), deterministic=True)


def _instr(value: Value, sought: Value) -> int | None:
    if value is None or sought is None:
        return None
    if isinstance(value, bytes) and isinstance(sought, bytes):
        return value.find(sought) + 1
    return _text(value).find(_text(sought)) + 1


def _replace(value: Value, old: Value, new: Value) -> Value:
    if value is None or old is None or new is None:
        return None
    sought = _text(old)
    return _text(value).replace(sought, _text(new)) if sought else value


def _trimming(sides: str) -> Callable[[Value, Value], str | None]:
    def trimmed(value: Value, characters: Value) -> str | None:
        if value is None or characters is None:
            return None
        text, cut = _text(value), _text(characters)
        # Python's own looks through all characters for each it takes away.
        gone = frozenset(cut)
        start, end = 0, len(text)
        while sides != "right" and start < end and text[start] in gone:
            start += 1
        while sides != "left" and end > start and text[end - 1] in gone:
            end -= 1
        return text[start:end]

    return trimmed


def _text(value: Value) -> str:
    """A value as SQLite writes it in a text."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, float):
        return repr(value)
    return "" if value is None else str(value)
