"""Lists as tables of a database that lives as long as one query, and cannot reach anything else.

SQLite's authorizer refuses everything but reading: no other file, no pragma, no extension. A query that
takes too long is broken off; what does not fit into its cache goes to a file without a name.
"""

from __future__ import annotations

import json
import sqlite3
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import islice
from typing import Any

from sage_studio.kernel import define_error
from sage_studio.plugins.support.items import OBJECTS
from sage_studio.plugins.support.sqlite_functions import hold_to_time
from sage_studio.sdk import NodeError

BAD_QUERY = define_error(
    "table_sql.bad_query",
    3916,
    en="The query failed: {reason}. Tables: {tables}.",
    zh="查询失败：{reason}。可用表格：{tables}。",
    hint_en="It is SQLite's SQL, and may only read. Put names with odd letters into double quotes.",
    hint_zh="使用 SQLite 语法，且只能读取数据。含特殊字符的名称请加双引号。",
    status=422,
)
TOO_LONG = define_error(
    "table_sql.too_long",
    3917,
    en="The query took longer than {seconds} seconds.",
    zh="查询耗时超过 {seconds} 秒。",
    hint_en="Look for a join without a condition, or filter first.",
    hint_zh="请检查是否存在缺少条件的关联，或先过滤数据。",
    status=422,
)
TOO_MANY_COLUMNS = define_error(
    "table_sql.too_many_columns",
    3918,
    en="The table “{table}” has more than {limit} fields.",
    zh="表格“{table}”的字段超过 {limit} 个。",
    hint_en="Keep the fields you need with Map first.",
    hint_zh="请先用“转换数据”保留所需字段。",
    status=422,
)

TOO_BIG = define_error(
    "table_sql.too_big",
    3919,
    en="The rows of the query are bigger than {limit_mb} MB.",
    zh="查询结果超过 {limit_mb} MB。",
    hint_en="Take fewer rows or columns, or make the texts shorter.",
    hint_zh="请减少行数或列数，或缩短文本。",
    status=422,
)

MAX_COLUMNS = 1_000
MAX_RESULT_BYTES = 256 << 20
_MAX_VALUE_BYTES = 16 << 20
_STEPS_BETWEEN_LOOKS = 20_000
_CACHE_PAGES = 16_000
_BATCH = 5_000
_READING = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
)
_AS_THEY_ARE = frozenset({float, bool, type(None)})
_REFUSED_FUNCTIONS = frozenset({"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"})


def query(
    tables: Mapping[str, Sequence[Any]],
    sql: str,
    parameters: Mapping[str, Any],
    *,
    max_rows: int,
    seconds: float,
    stopped: Callable[[], bool],
) -> list[dict[str, Any]]:
    """The rows a query gives. Raises NodeError ``table_sql.*``."""
    until = time.monotonic() + seconds
    with closing(sqlite3.connect("", isolation_level=None)) as database:
        database.execute(f"pragma cache_size = {_CACHE_PAGES}")
        database.execute("pragma journal_mode = off")
        for name, items in tables.items():
            _fill(database, name, items)
        database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE_BYTES)
        hold_to_time(database)
        database.set_authorizer(_may)
        database.set_progress_handler(lambda: stopped() or time.monotonic() > until, _STEPS_BETWEEN_LOOKS)
        try:
            found = database.execute(sql, {name: _cell(value) for name, value in parameters.items()})
            names = [column[0] for column in found.description or ()]
            rows = islice(_within(found, MAX_RESULT_BYTES), max_rows)
            return [dict(zip(names, map(_plain, row), strict=True)) for row in rows]
        except (sqlite3.Error, sqlite3.Warning, OverflowError, ValueError) as error:
            if time.monotonic() > until:
                raise NodeError(TOO_LONG, {"seconds": seconds}) from error
            facts = {"reason": str(error)[:500], "tables": ", ".join(tables) or "–"}
            raise NodeError(BAD_QUERY, {**facts}, path="config.query") from error


def _within(found: Iterable[tuple[Any, ...]], limit_bytes: int) -> Iterator[tuple[Any, ...]]:
    """The rows, while their texts stay within the limit: a query can make more of them than fit here."""
    left = limit_bytes
    for row in found:
        left -= sum(len(cell) for cell in row if isinstance(cell, (str, bytes)))
        if left < 0:
            raise NodeError(TOO_BIG, {"limit_mb": limit_bytes >> 20}, path="config.query")
        yield row


def _may(action: int, first: str | None, second: str | None, _database: Any, _trigger: Any) -> int:
    if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in _REFUSED_FUNCTIONS:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK if action in _READING else sqlite3.SQLITE_DENY


def _fill(database: sqlite3.Connection, name: str, items: Sequence[Any]) -> None:
    """A table with a column for every field that some item has; other items are the one column ``value``."""
    rows = [item if isinstance(item, OBJECTS) else {"value": item} for item in items]
    columns = list(dict.fromkeys(field for row in rows for field in row)) or ["value"]
    if len(columns) > MAX_COLUMNS:
        raise NodeError(TOO_MANY_COLUMNS, {"table": name, "limit": MAX_COLUMNS})
    columns = _told_apart(columns)
    quoted = ", ".join(map(_quoted, columns))
    database.execute(f"create table {_quoted(name)} ({quoted})")
    places = ", ".join("?" * len(columns))
    insert = " ".join(["insert into", _quoted(name), "values (", places, ")"])
    database.execute("begin")
    for start in range(0, len(rows), _BATCH):
        part = rows[start : start + _BATCH]
        database.executemany(insert, ([_cell(row.get(field)) for field in columns] for row in part))
    database.execute("commit")


def _told_apart(columns: list[str]) -> list[str]:
    """SQLite takes names that differ in case only for one: the later ones are left out."""
    seen: dict[str, str] = {}
    for column in columns:
        seen.setdefault(column.lower(), column)
    return list(seen.values())


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""').replace("\x00", "") + '"'


def _plain(value: Any) -> Any:
    return b64encode(value).decode() if isinstance(value, bytes) else value


def _cell(value: Any) -> Any:
    if type(value) in _AS_THEY_ARE:
        return value
    if isinstance(value, (list, Mapping)):
        return json.dumps(value, ensure_ascii=False, default=str)
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return float(value)
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "replace").decode()  # half a character is none for SQLite
    return value
