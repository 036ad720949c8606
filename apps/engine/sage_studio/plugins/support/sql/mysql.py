"""MySQL and MariaDB by asyncmy: rows read as they come, values quoted by the driver."""

from __future__ import annotations

import contextlib
import json
import re
import ssl
from collections.abc import AsyncIterator, Sequence
from typing import Any

from sage_studio.plugins.support.libraries import library
from sage_studio.plugins.support.places import (
    LOGIN_REFUSED,
    LOST,
    TLS_FAILED,
    Place,
    checked_address,
    connecting_failed,
    within,
)
from sage_studio.plugins.support.sql.problems import (
    MISSING,
    NO_DATABASE,
    SYNTAX,
    TOO_LONG,
    code_of,
    statement_failed,
)
from sage_studio.plugins.support.sql.session import Batch
from sage_studio.plugins.support.sql.sizes import BatchSize
from sage_studio.plugins.support.sql.statement import Bound, Notation
from sage_studio.plugins.support.sql.values import to_database
from sage_studio.sdk import Context, NodeError

CONNECT_S = 15.0
STOP_WITHIN_S = 1.0
_GRACE_S = 2.0
_SET_OPTION, _MULTI_STATEMENTS_OFF = 0x1B, b"\x01\x00"
_JSON, _BIT = 245, 16
_LOST = frozenset({2006, 2013, 2014, 2055, 1053, 1927})
# Errors whose SQLSTATE says less than their number (MySQL error reference).
_BY_NUMBER = {
    1044: "42501", 1045: "42501", 1142: "42501", 1143: "42501", 1227: "42501", 1370: "42501",
    1049: "3D000", 1046: "3D000", 1054: "42S22", 1305: "42883", 1792: "25006", 1205: "40001", 1213: "40001",
    1969: "57014", 3024: "57014", 1317: "57014", 1265: "22000", 1366: "22000", 1292: "22000", 1364: "23000",
    1406: "22001", 1264: "22003", 4025: "23000", 3819: "23000",
}  # fmt: skip
_NEAR = re.compile(r"near '(?P<near>.*)' at line (?P<line>\d+)$", re.DOTALL)


class MysqlSession:
    notation: Notation = "percent"
    name_quote = "`"

    def __init__(self, place: Place, connection: Any, timeout_s: float) -> None:
        self._place = place
        self._connection = connection
        self._timeout_s = timeout_s
        self.affected = -1

    @classmethod
    async def open(cls, ctx: Context, place: Place, *, read_only: bool, timeout_s: float) -> MysqlSession:
        """Raises NodeError ``server.*``, and SageError ``http.*`` for addresses that are out of reach."""
        asyncmy = library("asyncmy", "databases")
        address = await checked_address(ctx, place)
        connection = _connection_class()(
            host=address,
            port=place.port,
            user=place.user,
            password=place.password,
            database=place.more.get("database") or None,
            charset="utf8mb4",
            connect_timeout=int(CONNECT_S),
            autocommit=False,
            local_infile=False,
            ssl=place.context() if place.tls == "on" else None,
        )
        session = cls(place, connection, timeout_s)
        try:
            async with within(place, CONNECT_S):
                await connection.connect()
                await session._prepare(read_only=read_only)
        except (asyncmy.errors.Error, OSError, EOFError, ValueError, AssertionError, IndexError) as error:
            connection.close()
            raise session._connecting_failed(error) from error
        except BaseException:
            connection.close()
            raise
        return session

    async def _prepare(self, *, read_only: bool) -> None:
        """One statement at a time, times in UTC, a limit for each statement."""
        connection = self._connection
        await connection._execute_command(_SET_OPTION, _MULTI_STATEMENTS_OFF)  # noqa: SLF001 - no public way
        await connection.read_packet()
        await connection.query("SET time_zone = '+00:00'")
        if "MariaDB" in str(connection.get_server_info()):
            await connection.query(f"SET max_statement_time = {self._timeout_s:f}")
        else:
            await connection.query(f"SET max_execution_time = {int(self._timeout_s * 1000)}")
        await connection.query(f"START TRANSACTION READ {'ONLY' if read_only else 'WRITE'}")

    def adapt(self, value: Any) -> Any:
        return to_database(value)

    async def rows(self, statement: Bound, *, size: int) -> AsyncIterator[Batch]:
        cursors = library("asyncmy.cursors", "databases")
        cursor = cursors.SSCursor(self._connection)
        await self._call(cursor.execute(statement.sql, statement.values), statement)
        self.affected = int(cursor.rowcount) if cursor.description is None else -1
        if cursor.description is None:
            yield Batch((), ())
            return
        names = tuple(column[0] for column in cursor.description)
        kinds = [column[1] for column in cursor.description]
        sizes, arriving = BatchSize(size), self._connection._transport  # noqa: SLF001 - no public way
        try:
            while rows := await self._call(cursor.fetchmany(sizes.now), statement):
                # The driver would go on reading while somebody works on these rows, and keep it all.
                arriving.pause_reading()
                yield Batch(names, _typed(rows, kinds))
                arriving.resume_reading()
                sizes.saw(rows)
        finally:
            arriving.resume_reading()
        yield Batch(names, ())

    async def execute(self, statement: Bound) -> int:
        cursor = self._connection.cursor()
        await self._call(cursor.execute(statement.sql, statement.values), statement)
        return int(cursor.rowcount)

    async def commit(self) -> None:
        await self._call(self._connection.commit(), None)

    async def rollback(self) -> None:
        await self._call(self._connection.rollback(), None)

    async def close(self) -> None:
        """What was not read to its end is not waited for."""
        self._connection.close()

    async def _call(self, call: Any, statement: Bound | None) -> Any:
        errors = library("asyncmy.errors", "databases")
        try:
            async with within(self._place, self._timeout_s + _GRACE_S):
                return await call
        except (errors.Error, errors.Warning) as error:
            raise self._failed(error, statement) from error
        except (OSError, EOFError, AssertionError, IndexError, RuntimeError) as error:
            raise self._place.error(LOST, error) from error
        except (ValueError, TypeError) as error:
            raise statement_failed(code_of("22000"), str(error)) from error

    def _connecting_failed(self, error: Exception) -> NodeError:
        number, reason, _state = _said(error)
        if number in {1044, 1045, 1130, 1698, 1251}:
            return self._place.error(LOGIN_REFUSED, reason)
        if number == 1049:
            return statement_failed(NO_DATABASE, reason, sqlstate="42000")
        if number in {3159, 1835}:
            return self._place.error(TLS_FAILED, reason)
        if 1000 <= number < 2000:
            return self._place.error(LOST, reason)
        return connecting_failed(self._place, error, "MySQL")

    def _failed(self, error: Exception, statement: Bound | None) -> NodeError:
        number, reason, state = _said(error)
        if number in _LOST or number == 0:
            return self._place.error(LOST, reason)
        code = code_of(_BY_NUMBER.get(number, state))
        if number in {1146, 1109}:
            code = MISSING
        if code is TOO_LONG:
            return statement_failed(code, reason, sqlstate=state, timeout_s=self._timeout_s)
        source = statement.source if statement is not None else ""
        position = _position(reason, source) if code is SYNTAX else None
        return statement_failed(code, reason, sqlstate=state, sql=source, position=position, number=number)


def _connection_class() -> Any:
    """asyncmy's connection; a server that cannot encrypt is refused instead of being told the password."""
    module = library("asyncmy.connection", "databases")
    flags = library("asyncmy.constants.CLIENT", "databases")

    class Connection(module.Connection):  # type: ignore[misc, name-defined]
        async def _request_authentication(self) -> Any:
            if self._ssl_context is not None and not self.server_capabilities & flags.SSL:
                raise ssl.SSLError("the server does not offer TLS")
            return await super()._request_authentication()

    return Connection


def _said(error: Exception) -> tuple[int, str, str]:
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    reason = str(error.args[1]) if len(error.args) > 1 else str(error)
    return number, reason, str(getattr(error, "sqlstate", None) or "HY000")


def _position(reason: str, source: str) -> int | None:
    """MySQL names the line and quotes what stands at the place."""
    match = _NEAR.search(reason)
    if match is None:
        return None
    line = int(match["line"])
    start = sum(len(text) + 1 for text in source.split("\n")[: line - 1])
    found = source.find(match["near"][:40], start)
    return (found if found >= 0 and match["near"] else min(start, len(source))) + 1


def _typed(rows: Sequence[Sequence[Any]], kinds: Sequence[int]) -> Sequence[Sequence[Any]]:
    """JSON columns come as text and bits as bytes."""
    special = {number: kind for number, kind in enumerate(kinds) if kind in {_JSON, _BIT}}
    if not special:
        return rows
    return [
        tuple(
            _special(value, special[number]) if number in special else value
            for number, value in enumerate(row)
        )
        for row in rows
    ]


def _special(value: Any, kind: int) -> Any:
    if kind == _BIT and isinstance(value, bytes):
        return int.from_bytes(value, "big")
    if kind == _JSON and isinstance(value, (str, bytes)):
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(value)
    return value
