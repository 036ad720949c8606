"""A SQLite database in a file of the workspace: read from a copy, without ways to other files."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from sage_studio.kernel import define_error
from sage_studio.plugins.support.sql.problems import (
    BAD_VALUE,
    BUSY,
    CONSTRAINT,
    MISSING,
    OTHER,
    READ_ONLY,
    SYNTAX,
    TOO_LONG,
    statement_failed,
)
from sage_studio.plugins.support.sql.session import Batch
from sage_studio.plugins.support.sql.sizes import BatchSize
from sage_studio.plugins.support.sql.statement import Bound, Notation
from sage_studio.plugins.support.sql.values import to_database
from sage_studio.plugins.support.sqlite_functions import hold_to_time
from sage_studio.sdk import Context, FileRef, NodeError

BAD_FILE = define_error(
    "sql.bad_file",
    3532,
    en="“{name}” is not a SQLite database: {reason}",
    zh="“{name}”不是有效的 SQLite 数据库：{reason}",
    hint_en="Choose a file that SQLite wrote (.db, .sqlite), without a password.",
    hint_zh="请选择 SQLite 生成的文件（.db、.sqlite），且未加密。",
    status=422,
)
_LARGEST_VALUE_BYTES = 64 << 20
_STEPS_BETWEEN_LOOKS = 20_000
_NEAR = re.compile(r'^near "(?P<near>.*)": ')
_REFUSED = frozenset(
    {sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH, sqlite3.SQLITE_CREATE_VTABLE, sqlite3.SQLITE_DROP_VTABLE}
)
_HARMLESS_PRAGMAS = frozenset(
    {"table_info", "table_xinfo", "table_list", "index_list", "index_info", "foreign_key_list"}
)


class SqliteSession:
    notation: Notation = "numbered"
    name_quote = '"'

    def __init__(
        self, ctx: Context, file: FileRef, folder: Any, *, read_only: bool, timeout_s: float
    ) -> None:
        self._ctx = ctx
        self._file = file
        self._folder = folder
        self._read_only = read_only
        self._timeout_s = timeout_s
        self._stop_at = float("inf")
        self._connection: sqlite3.Connection | None = None
        self.affected = -1

    @property
    def path(self) -> Path:
        return Path(self._folder.name) / "data.db"

    @classmethod
    async def open(
        cls, ctx: Context, file: FileRef | None, *, read_only: bool, timeout_s: float
    ) -> SqliteSession:
        """``file`` None is a new, empty database. Raises NodeError ``sql.bad_file``."""
        folder = await asyncio.to_thread(tempfile.TemporaryDirectory, prefix="sage-sqlite-")
        named = file or FileRef(name="new", mime="", size_bytes=0, ref="")
        session = cls(ctx, named, folder, read_only=read_only, timeout_s=timeout_s)
        try:
            if file is not None:
                with session.path.open("wb") as copy:
                    async for block in ctx.files.stream(file):
                        await asyncio.to_thread(copy.write, block)
            await ctx.in_thread(session._open)
        except BaseException:
            await session.close()
            raise
        return session

    def _open(self) -> None:
        mode = "ro" if self._read_only else "rwc"
        connection = sqlite3.connect(
            f"file:{self.path}?mode={mode}", uri=True, check_same_thread=False, isolation_level=None
        )
        self._connection = connection
        try:
            # What a crafted file could run or blow up (https://www.sqlite.org/security.html).
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA cell_size_check = ON")
            connection.execute("PRAGMA mmap_size = 0")
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST_VALUE_BYTES)
            connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
            hold_to_time(connection)
            if self._read_only:
                connection.execute("PRAGMA query_only = ON")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            connection.set_authorizer(_authorize)
            connection.set_progress_handler(self._is_late, _STEPS_BETWEEN_LOOKS)
            connection.execute("BEGIN")
        except sqlite3.Error as error:
            raise NodeError(BAD_FILE, {"name": self._file["name"], "reason": str(error)}) from error

    def _is_late(self) -> bool:
        return time.monotonic() > self._stop_at

    def adapt(self, value: Any) -> Any:
        return int(value) if isinstance(value, bool) else to_database(value)

    async def rows(self, statement: Bound, *, size: int) -> AsyncIterator[Batch]:
        cursor = await self._call(self._started, statement)
        if cursor.description is None:
            self.affected = cursor.rowcount
            yield Batch((), ())
            return
        names = tuple(column[0] for column in cursor.description)
        sizes = BatchSize(size)
        while rows := await self._call(lambda _s: cursor.fetchmany(sizes.now), statement):
            yield Batch(names, rows)
            sizes.saw(rows)
        yield Batch(names, ())

    def _started(self, statement: Bound) -> sqlite3.Cursor:
        assert self._connection is not None, "opened before"
        return self._connection.execute(statement.sql, statement.values)

    async def execute(self, statement: Bound) -> int:
        return int((await self._call(self._started, statement)).rowcount)

    async def commit(self) -> None:
        await self.execute(Bound("COMMIT", (), "COMMIT"))
        await self.execute(Bound("BEGIN", (), "BEGIN"))

    async def rollback(self) -> None:
        await self.execute(Bound("ROLLBACK", (), "ROLLBACK"))
        await self.execute(Bound("BEGIN", (), "BEGIN"))

    async def saved(self, ctx: Context) -> FileRef:
        """The database as a file of the workspace, under the name it had."""
        await self.execute(Bound("COMMIT", (), "COMMIT"))
        name = self._file["name"] if self._file["ref"] else "data.db"
        with self.path.open("rb") as source:
            return await ctx.files.write(name, "application/vnd.sqlite3", _blocks(source))

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.interrupt()
            await asyncio.to_thread(self._connection.close)
        await asyncio.to_thread(self._folder.cleanup)

    async def _call(self, work: Any, statement: Bound) -> Any:
        self._stop_at = time.monotonic() + self._timeout_s
        try:
            return await self._ctx.in_thread(work, statement)
        except asyncio.CancelledError:
            self._stop_at = 0.0  # the thread ends at its next look
            raise
        except (sqlite3.Error, sqlite3.Warning, OverflowError) as error:
            raise self._failed(error, statement) from error

    def _failed(self, error: Exception, statement: Bound) -> NodeError:
        said, name = str(error), str(getattr(error, "sqlite_errorname", "") or "")
        code = OTHER
        if name == "SQLITE_INTERRUPT":
            return statement_failed(TOO_LONG, said, sqlstate=name, timeout_s=self._timeout_s)
        if name.startswith("SQLITE_CONSTRAINT"):
            code = CONSTRAINT
        elif name.startswith("SQLITE_READONLY"):
            code = READ_ONLY
        elif name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            code = BUSY
        elif name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
            return NodeError(BAD_FILE, {"name": self._file["name"], "reason": said})
        elif said.startswith("no such "):
            code = MISSING
        elif "syntax error" in said or "incomplete input" in said or "one statement" in said:
            code = SYNTAX
        elif name in {"SQLITE_MISMATCH", "SQLITE_TOOBIG", "SQLITE_RANGE"} or isinstance(error, OverflowError):
            code = BAD_VALUE
        match = _NEAR.match(said)
        at = statement.sql.find(match["near"]) + 1 if match else 0
        position = statement.source_position(at) if at else None
        return statement_failed(code, said, sqlstate=name or "–", sql=statement.source, position=position)


async def _blocks(source: Any) -> AsyncIterator[bytes]:
    while block := await asyncio.to_thread(source.read, 1 << 20):
        yield block


def _authorize(
    action: int, first: str | None, second: str | None, _database: str | None, _by: str | None
) -> int:
    if action in _REFUSED:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_PRAGMA and (first or "").lower() not in _HARMLESS_PRAGMAS:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in {
        "load_extension",
        "readfile",
        "writefile",
    }:
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK
