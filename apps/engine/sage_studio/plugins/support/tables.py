"""Rows out of CSV, TSV, JSON and JSON Lines, as lists of objects.

Columns whose every filled cell is a number become numbers, so that a condition such as
``item.amount > 100`` means what it says; everything else stays text and empty cells become null.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Callable, Iterator
from itertools import islice
from operator import itemgetter
from typing import Any

from sage_studio.kernel import define_error
from sage_studio.sdk import NodeError

BAD_ROWS = define_error(
    "file.bad_rows",
    3161,
    en="“{name}”, line {line}: {reason}.",
    zh="“{name}”第 {line} 行：{reason}。",
    hint_en="Correct this line, or choose another format or separator.",
    hint_zh="请修正该行，或选择其他格式或分隔符。",
    status=422,
)
BAD_JSON = define_error(
    "file.bad_json",
    3162,
    en="“{name}” is not valid JSON: {reason} (line {line}, column {column}).",
    zh="“{name}”不是有效的 JSON：{reason}（第 {line} 行，第 {column} 列）。",
    hint_en="Check the file with a JSON checker, or read it as text.",
    hint_zh="请用 JSON 检查工具核对，或按文本读取。",
    status=422,
)

MAX_COLUMNS = 2_000
MAX_CELL = 1 << 20
_HUGE = re.compile(r"[eE]\+?\d{3}|\d{309}")
_LOOKED_AT = 1 << 16
_QUOTED = re.compile(r'"[^"]*"')
INTEGER = re.compile(r"^[+-]?\d+$")
NUMBER = re.compile(r"^[+-]?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?(?:[eE][+-]?\d{1,2})?$")


def csv_rows(
    name: str, text: str, *, delimiter: str = "", has_header: bool = True, max_rows: int, numbers: bool = True
) -> list[dict[str, Any]]:
    """Rows as objects; ``delimiter`` empty means: find out. Raises NodeError ``file.bad_rows``."""
    csv.field_size_limit(MAX_CELL)
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter or delimiter_of(text), strict=False
    )
    try:
        cells = list(islice(filter(any, reader), max_rows + has_header))
    except csv.Error as error:
        raise NodeError(BAD_ROWS, {"name": name, "line": reader.line_num, "reason": str(error)}) from error
    if not cells:
        return []
    width = max(map(len, cells))
    if width > MAX_COLUMNS:
        raise NodeError(BAD_ROWS, {"name": name, "line": 1, "reason": f"more than {MAX_COLUMNS} columns"})
    header = column_names(cells[0] if has_header else [], width)
    body = cells[1:] if has_header else cells
    for row in body:
        if len(row) < width:
            row.extend([""] * (width - len(row)))
    # Column by column: that takes a third of the time of going through the cells row by row.
    columns = [_converted(list(map(itemgetter(i), body)), numbers) for i in range(width)]
    return [dict(zip(header, row, strict=True)) for row in zip(*columns, strict=True)]


def delimiter_of(text: str) -> str:
    """The separator that splits the first lines most evenly; a comma when in doubt."""
    plain = _QUOTED.sub("", text[:_LOOKED_AT])
    lines = [line for line in islice(io.StringIO(plain), 20) if line.strip()]
    best, best_score = ",", 0
    for candidate in (",", ";", "\t", "|"):
        counts = [line.count(candidate) for line in lines]
        score = min(counts, default=0)
        if score > best_score:
            best, best_score = candidate, score
    return best


def column_names(header: list[str], width: int) -> list[str]:
    names: list[str] = []
    seen: set[str] = set()
    for index in range(width):
        base = header[index].strip() if index < len(header) else ""
        name = base or f"column_{index + 1}"
        suffix = 2
        while name in seen:
            name = f"{base or 'column'}_{suffix}"
            suffix += 1
        seen.add(name)
        names.append(name)
    return names


def _converted(column: list[str], numbers: bool) -> list[Any]:
    """Numbers when every filled cell is one, else texts; empty cells are null."""
    filled = column if all(column) else [cell for cell in column if cell]
    convert: Callable[[str], Any] | None = None
    if numbers and filled and all(map(NUMBER.match, filled)):
        convert = int if all(map(INTEGER.match, filled)) else float
    if filled is column:
        return list(map(convert, column)) if convert else column
    return [(convert(cell) if convert else cell) if cell else None for cell in column]


def json_decoder(text: str) -> json.JSONDecoder:
    """What reads this JSON: no words that are no numbers, and no number beyond what can be written again.
    Looking at every number takes time, so it is done only where one might be."""
    if _HUGE.search(text):
        return json.JSONDecoder(parse_constant=no_constant, parse_float=_finite)
    return json.JSONDecoder(parse_constant=no_constant)


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"the number {digits[:20]} is too large")
    return number


def parse_json(name: str, text: str) -> Any:
    """One JSON value. Raises NodeError ``file.bad_json``, also for one too deep to read."""
    try:
        return json_decoder(text).decode(text)
    except json.JSONDecodeError as error:
        raise bad_json(name, error.msg, error.lineno, error.colno) from error
    except RecursionError as error:
        raise bad_json(name, "it is nested too deeply") from error
    except ValueError as error:
        raise bad_json(name, str(error)) from error


def bad_json(name: str, reason: str, line: int = 1, column: int = 1) -> NodeError:
    return NodeError(BAD_JSON, {"name": name, "reason": reason, "line": line, "column": column})


def no_constant(word: str) -> None:
    raise ValueError(f"{word} is not a JSON value")


def json_rows(name: str, text: str, *, max_rows: int) -> list[Any]:
    """A list's entries, or the one value as a list of one."""
    value = parse_json(name, text)
    return value[:max_rows] if isinstance(value, list) else [value]


def jsonl_rows(name: str, text: str, *, max_rows: int) -> list[Any]:
    """One value per line; empty lines are skipped. Raises NodeError ``file.bad_rows``."""
    return list(islice(_jsonl(name, text), max_rows))


def _jsonl(name: str, text: str) -> Iterator[Any]:
    decoder = json_decoder(text)
    for number, line in enumerate(io.StringIO(text), start=1):
        if not line.strip():
            continue
        try:
            yield decoder.decode(line)
        except (ValueError, RecursionError) as error:
            reason = getattr(error, "msg", None) or str(error)
            raise NodeError(BAD_ROWS, {"name": name, "line": number, "reason": reason}) from error
