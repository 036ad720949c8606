"""Items as the lines of JSON, JSON Lines, CSV and text files."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sage_studio.kernel import define_error
from sage_studio.sdk import NodeError, Rows

NEW_COLUMN = define_error(
    "file_writer.new_column",
    3232,
    en="Item {index} has a field “{name}” that the first items did not have.",
    zh="第 {index} 项含有字段“{name}”，而最初的数据项中没有该字段。",
    hint_en="A CSV file has its columns from the first items of a stream. Name the fields in a map node "
    "before it, or write JSON Lines.",
    hint_zh="以流写入 CSV 时，列由最初的数据项决定。请先用转换节点固定字段，或写入 JSON Lines。",
    status=422,
)

_FORMULA_START = ("=", "+", "-", "@", "\t", "\r")
_AS_IT_IS = frozenset({int, float, type(None)})
_TEXT = frozenset({str, type(None)})
_MAY_BE_FORMULA = re.compile(r"[=+\-@\t\r]").match
_LOOKS_NUMERIC = re.compile(r"^[+-]?[\d\s.,()%-]+$")


class Lines:
    """Items as bytes of one format."""

    def __init__(self, kind: str, delimiter: str, guard: bool) -> None:
        self.kind = kind
        self._delimiter = delimiter
        self._guard = guard

    def plain(self, items: Sequence[Any], first: int) -> bytes:
        """JSON Lines, text lines, or entries of one JSON list."""
        if self.kind == "json":
            start = "[\n" if not first else ",\n"
            lines = ",\n".join(f"  {as_json(item)}" for item in items)
            return (start + lines).encode("utf-8", "replace") if items else b""
        if self.kind == "text":
            lines = "".join(f"{item if isinstance(item, str) else as_json(item)}\n" for item in items)
            return lines.encode("utf-8", "surrogatepass")
        return "".join(f"{as_json(item)}\n" for item in items).encode("utf-8", "replace")

    def table(self, header: list[str], items: Sequence[Any], first: int) -> bytes:
        """CSV rows under a header. Raises NodeError ``file_writer.new_column``."""
        if not isinstance(items, Rows):
            items = _as_rows(header, items, first)
        for name in items.names:
            if name not in header:
                raise NodeError(NEW_COLUMN, {"name": name, "index": first})
        nothing = [None] * len(items)
        columns = [_cells(items.column(name) or nothing, self._guard) for name in header]
        return self._rows(zip(*columns, strict=True))

    def header(self, names: list[str]) -> bytes:
        return self._rows([_cells(names, self._guard)])

    def _rows(self, rows: Iterable[Iterable[Any]]) -> bytes:
        out = io.StringIO(newline="")
        csv.writer(out, delimiter=self._delimiter, lineterminator="\r\n").writerows(rows)
        return out.getvalue().encode("utf-8", "replace")


def _cells(column: Sequence[Any], guard: bool) -> Sequence[Any]:
    """``_cell`` of a whole column; columns of numbers pass as they are."""
    types = set(map(type, column))
    if types <= _AS_IT_IS:
        return column
    if types <= _TEXT and not (guard and any(map(_MAY_BE_FORMULA, filter(None, column)))):
        return column
    return [_cell(cell, guard) for cell in column]


def field_names(chunk: Sequence[Any]) -> list[str]:
    if isinstance(chunk, Rows):
        return list(chunk.names)
    rows = [item if isinstance(item, Mapping) else {"value": item} for item in chunk]
    return list(dict.fromkeys(name for row in rows for name in row))


def _as_rows(header: list[str], items: Sequence[Any], first: int) -> Rows:
    rows = [item if isinstance(item, Mapping) else {"value": item} for item in items]
    known = set(header)
    for number, row in enumerate(rows, start=first):
        if not known.issuperset(row):
            name = next(name for name in row if name not in known)
            raise NodeError(NEW_COLUMN, {"name": name, "index": number})
    return Rows({name: [row.get(name) for row in rows] for name in header}, len(rows))


def as_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent, default=str)


def as_csv(items: list[Any], delimiter: str, guard: bool) -> str:
    rows = [item if isinstance(item, Mapping) else {"value": item} for item in items]
    header = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow([_cell(name, guard) for name in header])
    writer.writerows([_cell(row.get(name), guard) for name in header] for row in rows)
    return out.getvalue()


def _cell(value: Any, guard: bool) -> Any:
    if isinstance(value, str):
        formula = guard and value.startswith(_FORMULA_START) and not _LOOKS_NUMERIC.match(value)
        return f"'{value}" if formula else value
    if isinstance(value, bool):
        return "true" if value else "false"
    return as_json(value) if isinstance(value, (list, dict)) else value
