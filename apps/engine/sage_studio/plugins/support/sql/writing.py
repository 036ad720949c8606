"""Puts rows into a table, many in one statement, and finds those that a table refuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sage_studio.kernel import Json, SageError, define_error
from sage_studio.plugins.support.sql.opening import AnySession
from sage_studio.plugins.support.sql.postgres import PostgresSession
from sage_studio.plugins.support.sql.session import quoted, quoted_table
from sage_studio.plugins.support.sql.statement import Bound
from sage_studio.sdk import NodeError

Mode = Literal["insert", "upsert", "skip"]
NOT_A_ROW = define_error(
    "sql_write.not_a_row",
    3541,
    en="Item {index} is not an object of columns and values.",
    zh="第 {index} 项不是“列名: 值”形式的对象。",
    hint_en='Shape the items first, with “Set fields” or “Map”: {{"column": value}}.',
    hint_zh='请先用“设置字段”或“映射”将数据整理为 {{"列名": 值}}。',
    status=422,
)
NO_COLUMN = define_error(
    "sql_write.no_column",
    3542,
    en="No item has the column “{name}”.",
    zh="数据中没有列“{name}”。",
    hint_en="Check the columns in the node: the items have {known}.",
    hint_zh="请检查节点中的列名；数据包含：{known}。",
    status=422,
)
NO_KEY = define_error(
    "sql_write.no_key",
    3543,
    en="To change rows that are there already, the node must know the columns that identify one.",
    zh="更新已存在的行需要指定用于识别行的列。",
    hint_en="Name them under “Key columns”; the table needs a unique index on them.",
    hint_zh="请填写“键列”，且表中须有对应的唯一索引。",
    status=422,
)
_MOST_VALUES = 30_000


@dataclass
class Written:
    """``rejects`` are ``{row, error: {code, message}}``."""

    rows: int = 0
    changed: int = 0
    rejects: list[dict[str, Json]] = field(default_factory=list)


class TableWriter:
    """Every call of ``write`` is a savepoint: what it refuses leaves nothing behind."""

    def __init__(
        self, session: AnySession, table: str, *, mode: Mode, keys: Sequence[str], columns: Sequence[str],
        keeps_rejects: bool, at_once: int,
    ) -> None:  # fmt: skip
        self._session = session
        self._quote = session.name_quote
        self._table = quoted_table(table, self._quote)
        self._mode = mode
        self._keys = list(keys)
        self._columns = list(columns)
        self._keeps_rejects = keeps_rejects
        self._at_once = at_once
        self._json_columns: dict[tuple[str, ...], frozenset[int]] = {}
        if mode == "upsert" and not self._keys:
            raise NodeError(NO_KEY, path="config.keys")

    async def write(self, items: Sequence[Any], first: int = 0) -> Written:
        """Raises NodeError; with ``keeps_rejects`` rows that the table refuses come back instead."""
        done = Written()
        for number, item in enumerate(items, start=first):
            if not isinstance(item, Mapping):
                raise NodeError(NOT_A_ROW, {"index": number + 1})
        for names, rows in self._alike(items).items():
            size = max(1, min(self._at_once, _MOST_VALUES // len(names)))
            for start in range(0, len(rows), size):
                await self._put(names, rows[start : start + size], done)
        return done

    def _alike(self, items: Sequence[Mapping[str, Any]]) -> dict[tuple[str, ...], list[Mapping[str, Any]]]:
        """Rows by the columns they have: what a row leaves out keeps the table's default."""
        groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
        for item in items:
            names = tuple(name for name in (self._columns or item) if name in item)
            if not names or any(key not in names for key in self._keys if self._mode == "upsert"):
                missing = next(
                    (key for key in self._keys if key not in names), ", ".join(self._columns) or "?"
                )
                raise NodeError(NO_COLUMN, {"name": missing, "known": ", ".join(map(str, item)) or "–"})
            groups.setdefault(names, []).append(item)
        return groups

    async def _put(self, names: tuple[str, ...], rows: list[Mapping[str, Any]], done: Written) -> None:
        """All in one statement; if the table refuses and rejects are kept, halves are tried."""
        statement = await self._statement(names, rows)
        if not self._keeps_rejects:
            done.changed += await self._session.execute(statement)
            done.rows += len(rows)
            return
        await self._session.execute(_plain("SAVEPOINT sage_rows"))
        try:
            changed = await self._session.execute(statement)
        except SageError as error:
            if not error.code.code.startswith("sql.") or error.code.code in {
                "sql.missing",
                "sql.denied",
                "sql.timeout",
            }:
                raise
            await self._session.execute(_plain("ROLLBACK TO SAVEPOINT sage_rows"))
            await self._session.execute(_plain("RELEASE SAVEPOINT sage_rows"))
            if len(rows) == 1:
                problem: dict[str, Json] = {"code": error.code.code, "message": error.message()}
                done.rejects.append({"row": dict(rows[0]), "error": problem})
                return
            half = len(rows) // 2
            await self._put(names, rows[:half], done)
            await self._put(names, rows[half:], done)
        else:
            await self._session.execute(_plain("RELEASE SAVEPOINT sage_rows"))
            done.changed += changed
            done.rows += len(rows)

    async def _statement(self, names: tuple[str, ...], rows: list[Mapping[str, Any]]) -> Bound:
        columns = [quoted(name, self._quote) for name in names]
        as_json = await self._json_of(names, columns, rows)
        values: list[Any] = []
        for row in rows:
            values += [
                self._json(row[name]) if number in as_json else self._session.adapt(row[name])
                for number, name in enumerate(names)
            ]
        marks = self._marks(len(rows), len(names))
        sql = f"INSERT INTO {self._table} ({', '.join(columns)}) VALUES {marks}"  # noqa: S608 - names are quoted, values bound
        sql += self._on_conflict(columns)
        return Bound(sql, tuple(values), sql)

    def _marks(self, rows: int, width: int) -> str:
        if self._session.notation == "percent":
            return ", ".join(["(" + ", ".join(["%s"] * width) + ")"] * rows)
        sign = "$" if self._session.notation == "dollar" else "?"
        numbers = iter(range(1, rows * width + 1))
        return ", ".join(
            "(" + ", ".join(f"{sign}{next(numbers)}" for _ in range(width)) + ")" for _ in range(rows)
        )

    def _on_conflict(self, columns: list[str]) -> str:
        if self._mode == "insert":
            return ""
        keys = [quoted(key, self._quote) for key in self._keys]
        others = [column for column in columns if column not in keys]
        if self._session.notation == "percent":
            if self._mode == "skip" or not others:
                # INSERT IGNORE would also bend values until they fit.
                return f" ON DUPLICATE KEY UPDATE {columns[0]} = {columns[0]}"
            return " ON DUPLICATE KEY UPDATE " + ", ".join(f"{c} = VALUES({c})" for c in others)
        target = f" ({', '.join(keys)})" if keys else ""
        if self._mode == "skip" or not others:
            return f" ON CONFLICT{target} DO NOTHING"
        return f" ON CONFLICT{target} DO UPDATE SET " + ", ".join(f"{c} = excluded.{c}" for c in others)

    async def _json_of(
        self, names: tuple[str, ...], columns: list[str], rows: list[Mapping[str, Any]]
    ) -> frozenset[int]:
        """Columns of PostgreSQL whose lists are JSON and no arrays; asked only where there are lists."""
        if not isinstance(self._session, PostgresSession):
            return frozenset()
        if not any(isinstance(value, (list, Mapping)) for row in rows for value in row.values()):
            return frozenset()
        if names not in self._json_columns:
            self._json_columns[names] = await self._session.json_columns(self._table, columns)
        return self._json_columns[names]

    def _json(self, value: Any) -> Any:
        assert isinstance(self._session, PostgresSession), "asked of no other"
        return value if value is None else self._session.json_value(value)


def _plain(sql: str) -> Bound:
    return Bound(sql, (), sql)
