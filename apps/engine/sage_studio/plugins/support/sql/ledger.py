"""Keeps beside the rows which of them a run has written, in the same transaction: a repeat skips these.

The table ``sage_studio_batches`` stands in the people's own database, as only that can commit with the rows.
A batch is a row there: where in the input it began, how long it was, and what the table refused of it.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass
from typing import Any

from sage_studio.kernel import SageError, define_error
from sage_studio.plugins.support.sql.opening import AnySession
from sage_studio.plugins.support.sql.statement import Bound
from sage_studio.sdk import NodeError

NO_LEDGER = define_error(
    "sql_write.no_ledger",
    3544,
    en="The table {table}, which tells what is written already, cannot be used: {reason}",
    zh="无法使用记录写入进度的表 {table}：{reason}",
    hint_en="Let the account create tables or make it yourself, or switch “Never write a row twice” off.",
    hint_zh="请允许该账号建表或手动创建该表，或关闭“不重复写入”。",
    status=422,
)
TABLE = "sage_studio_batches"
KEPT_DAYS = 30
_MAKE = (
    f"CREATE TABLE IF NOT EXISTS {TABLE} (run_key VARCHAR(64) NOT NULL, first_row BIGINT NOT NULL, "
    "row_count BIGINT NOT NULL, changed BIGINT NOT NULL, rejects {text} NOT NULL, "
    "written_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, PRIMARY KEY (run_key, first_row))"
)
_DELETE_OLD = f"DELETE FROM {TABLE} WHERE written_at < CURRENT_TIMESTAMP - INTERVAL "  # noqa: S608 - all of it is ours
_AGE = {"dollar": f"'{KEPT_DAYS} days'", "percent": f"{KEPT_DAYS} DAY"}


@dataclass(slots=True)
class Noted:
    """A batch that was committed; ``first`` counts from 0 over the whole input."""

    first: int
    count: int
    changed: int
    rejects: list[Any]

    @property
    def end(self) -> int:
        return self.first + self.count


class Ledger:
    """One run's batches from a place of the input on."""

    def __init__(self, session: AnySession, key: str) -> None:
        self._session = session
        self._key = key
        self._done: deque[Noted] = deque()

    async def open(self, first: int) -> None:
        """Raises NodeError ``sql_write.no_ledger``."""
        is_mysql = self._session.notation == "percent"
        try:
            try:
                await self._run(_MAKE.format(text="LONGTEXT" if is_mysql else "TEXT"))
            except SageError:
                # Two that make it at the same moment disturb each other; whoever lost finds it there.
                await self._session.rollback()
            await self._run(_DELETE_OLD + _AGE["percent" if is_mysql else "dollar"])
            await self._session.commit()
            self._done = await self._noted(first)
        except SageError as error:
            raise NodeError(NO_LEDGER, {"table": TABLE, "reason": error.message()}) from error

    async def _noted(self, first: int) -> deque[Noted]:
        marks = ("%s", "%s") if self._session.notation == "percent" else ("$1", "$2")
        sql = (
            f"SELECT first_row, row_count, changed, rejects FROM {TABLE} "  # noqa: S608 - all of it is ours
            f"WHERE run_key = {marks[0]} AND first_row >= {marks[1]} ORDER BY first_row"
        )
        found: deque[Noted] = deque()
        async for batch in self._session.rows(Bound(sql, (self._key, first), sql), size=1_000):
            for row in batch.rows:
                found.append(Noted(int(row[0]), int(row[1]), int(row[2]), json.loads(row[3])))
        await self._session.commit()
        return found

    def covering(self, position: int) -> Noted | None:
        """The committed batch that begins there; each is told once."""
        if self._done and self._done[0].first == position:
            return self._done.popleft()
        return None

    async def note(self, batch: Noted) -> None:
        """In the transaction of the rows themselves."""
        marks = ["%s"] * 5 if self._session.notation == "percent" else [f"${n}" for n in range(1, 6)]
        sql = (
            f"INSERT INTO {TABLE} (run_key, first_row, row_count, changed, rejects) "  # noqa: S608 - as above
            f"VALUES ({', '.join(marks)})"
        )
        rejects = json.dumps(batch.rejects, ensure_ascii=True, default=str)
        values = (self._key, batch.first, batch.count, batch.changed, rejects)
        await self._session.execute(Bound(sql, values, sql))

    async def _run(self, sql: str) -> None:
        await self._session.execute(Bound(sql, (), sql))
