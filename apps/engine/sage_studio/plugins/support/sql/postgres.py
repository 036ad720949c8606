"""PostgreSQL by psycopg: values bound by the server, results through a cursor of the server."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

import certifi

from sage_studio.plugins.support.libraries import library
from sage_studio.plugins.support.places import (
    LOGIN_REFUSED,
    LOST,
    TLS_FAILED,
    UNREACHABLE,
    WRONG_PROTOCOL,
    Place,
    checked_address,
    within,
)
from sage_studio.plugins.support.sql.problems import NO_DATABASE, TOO_LONG, code_of, statement_failed
from sage_studio.plugins.support.sql.session import Batch
from sage_studio.plugins.support.sql.sizes import BatchSize
from sage_studio.plugins.support.sql.statement import Bound, Notation
from sage_studio.sdk import Context, NodeError

if TYPE_CHECKING:
    import psycopg
    from psycopg.abc import PQGen

CONNECT_S = 15.0
STOP_WITHIN_S = 1.0
_DECLARE = "DECLARE sage NO SCROLL CURSOR FOR "
_WITH_CURSOR = frozenset({"select", "values", "table", "with"})
_GRACE_S = 2.0
# What stands in psycopg's way of giving every time as JSON has it, infinity and the year 10000 included.
_AS_TEXT = ("date", "time", "timetz", "interval", "money", "inet", "cidr", "macaddr")
# How libpq words what happens before it has an answer with a code; the server's words may be translated.
_SAID = (
    ("certificate", TLS_FAILED), ("SSL", TLS_FAILED), ("password", LOGIN_REFUSED),
    ("authentication", LOGIN_REFUSED), ("pg_hba", LOGIN_REFUSED), ("role", LOGIN_REFUSED),
    ("database", NO_DATABASE), ("refused", UNREACHABLE), ("No route", UNREACHABLE),
    ("timeout", UNREACHABLE), ("invalid response", WRONG_PROTOCOL), ("closed the connection", WRONG_PROTOCOL),
    ("received", WRONG_PROTOCOL),
)  # fmt: skip


class PostgresSession:
    notation: Notation = "dollar"
    name_quote = '"'

    def __init__(self, place: Place, connection: Any, timeout_s: float) -> None:
        self._place = place
        self._connection = connection
        self._timeout_s = timeout_s
        self.affected = -1

    @classmethod
    async def open(cls, ctx: Context, place: Place, *, read_only: bool, timeout_s: float) -> PostgresSession:
        """Raises NodeError ``server.*``, and SageError ``http.*`` for addresses that are out of reach."""
        psycopg = library("psycopg", "databases")
        address = await checked_address(ctx, place)
        with _ca_file(place) as ca:
            async with within(place, CONNECT_S):
                try:
                    connection = await _connection_class().connect(**_options(place, address, ca, timeout_s))
                except psycopg.OperationalError as error:
                    raise _connecting_failed(place, error) from error
        await connection.set_read_only(read_only)
        for name in _AS_TEXT:
            connection.adapters.register_loader(name, psycopg.types.string.TextLoader)
        for name, loader in _moment_loaders().items():
            connection.adapters.register_loader(name, loader)
        return cls(place, connection, timeout_s)

    def adapt(self, value: Any) -> Any:
        if isinstance(value, Mapping) or (isinstance(value, list) and any(map(_is_nested, value))):
            return library("psycopg.types.json", "databases").Jsonb(value)
        return value

    async def rows(self, statement: Bound, *, size: int) -> AsyncIterator[Batch]:
        if statement.first_word not in _WITH_CURSOR:
            async for batch in self._streamed(statement, size):
                yield batch
            return
        cursor = self._raw()
        try:
            await self._call(
                cursor.execute(_DECLARE + statement.sql, statement.values), statement, len(_DECLARE)
            )
        except NodeError as error:
            if error.code.code != "sql.syntax" or statement.first_word != "with":
                raise
            await self.rollback()  # WITH … INSERT cannot be read through a cursor
            async for batch in self._streamed(statement, size):
                yield batch
            return
        sizes = BatchSize(size)
        while True:
            await self._call(cursor.execute(f"FETCH FORWARD {sizes.now} FROM sage"), statement)
            rows = await cursor.fetchall()
            yield Batch(_names(cursor), rows)
            if len(rows) < sizes.now:
                self.affected = -1
                return
            sizes.saw(rows)

    async def _streamed(self, statement: Bound, size: int) -> AsyncIterator[Batch]:
        """For statements that a cursor of the server cannot read: at most ``size`` rows in memory."""
        cursor = self._raw()
        await self._call(cursor.execute(statement.sql, statement.values), statement)
        self.affected = cursor.rowcount
        if cursor.description is None:
            yield Batch((), ())
            return
        while rows := await cursor.fetchmany(size):
            yield Batch(_names(cursor), rows)
        yield Batch(_names(cursor), ())

    async def execute(self, statement: Bound) -> int:
        cursor = self._raw()
        await self._call(cursor.execute(statement.sql, statement.values), statement)
        return int(cursor.rowcount)

    async def json_columns(self, table: str, columns: list[str]) -> frozenset[int]:
        """Which of them hold JSON: a list means an array everywhere else."""
        cursor = self._raw()
        sql = f"SELECT {', '.join(columns)} FROM {table} LIMIT 0"  # noqa: S608 - names are quoted
        await self._call(cursor.execute(sql), Bound(sql, (), sql))
        described = enumerate(cursor.description or ())
        return frozenset(number for number, column in described if column.type_code in {114, 3802})

    def json_value(self, value: Any) -> Any:
        return library("psycopg.types.json", "databases").Jsonb(value)

    async def commit(self) -> None:
        await self._call(self._connection.commit(), None)

    async def rollback(self) -> None:
        await self._call(self._connection.rollback(), None)

    async def close(self) -> None:
        with contextlib.suppress(Exception):  # what is left of a broken connection may say anything
            async with asyncio.timeout(STOP_WITHIN_S):
                await self._connection.close()

    def _raw(self) -> Any:
        return _cursor_class()(self._connection)

    async def _call(self, call: Any, statement: Bound | None, offset: int = 0) -> Any:
        psycopg = library("psycopg", "databases")
        try:
            async with within(self._place, self._timeout_s + _GRACE_S):
                return await call
        except psycopg.Error as error:
            raise self._failed(error, statement, offset) from error
        except (ValueError, TypeError, RecursionError) as error:
            raise statement_failed(code_of("22000"), str(error)) from error

    def _failed(self, error: psycopg.Error, statement: Bound | None, offset: int) -> NodeError:
        if not error.sqlstate:
            if self._connection.closed:
                return self._place.error(LOST, error)
            return statement_failed(code_of("22000"), str(error))
        said = error.diag
        parts = (said.message_primary, said.message_detail, said.message_hint and f"({said.message_hint})")
        reason = " ".join(part.strip() for part in parts if part) or str(error)
        code = code_of(error.sqlstate)
        if code is TOO_LONG and "statement timeout" not in reason and error.sqlstate != "57014":
            code = code_of("")
        if error.sqlstate.startswith(("08", "57P")):
            return self._place.error(LOST, reason)
        position: int | None = None
        if said.statement_position and statement is not None:
            position = statement.source_position(int(said.statement_position) - offset)
        source = statement.source if statement is not None else ""
        facts = {"table": said.table_name, "column": said.column_name, "constraint": said.constraint_name}
        known = {name: value for name, value in facts.items() if value}
        return statement_failed(
            code, reason, sqlstate=error.sqlstate, sql=source, position=position,
            timeout_s=self._timeout_s, **known,
        )  # fmt: skip


def _options(place: Place, address: str, ca: str, timeout_s: float) -> dict[str, Any]:
    """All that libpq is told: files and variables of the machine that it would read otherwise are named
    away."""
    settings = {
        "statement_timeout": str(int(timeout_s * 1000)),
        "idle_in_transaction_session_timeout": "0",
        "TimeZone": "UTC",
        "DateStyle": "ISO",
        "IntervalStyle": "iso_8601",
        "extra_float_digits": "1",
    }
    return {
        "host": place.host,
        "hostaddr": address,
        "port": place.port,
        "dbname": place.more.get("database") or "postgres",
        "user": place.user,
        "password": place.password,
        "sslmode": "verify-full" if place.tls == "on" else "disable",
        "sslrootcert": ca,
        "sslcertmode": "disable",
        "gssencmode": "disable",
        "passfile": os.devnull,
        "application_name": "sage-studio",
        "client_encoding": "utf8",
        "connect_timeout": int(CONNECT_S),
        "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
        "prepare_threshold": None,
    }


@contextlib.contextmanager
def _ca_file(place: Place) -> Any:
    """libpq reads authorities from a file only."""
    if not place.ca.strip():
        yield certifi.where()
        return
    place.context()  # says what is wrong with it
    with tempfile.NamedTemporaryFile("w", prefix="sage-ca-", suffix=".pem") as file:
        file.write(place.ca)
        file.flush()
        yield file.name


def _connecting_failed(place: Place, error: Exception) -> NodeError:
    said = str(error)
    reason = said.partition("FATAL:")[2].strip() or said.rpartition("failed: ")[2] or said
    found = next((code for word, code in _SAID if word in reason), LOGIN_REFUSED)
    if found is NO_DATABASE:
        return statement_failed(NO_DATABASE, reason, sqlstate="3D000")
    return place.error(found, reason, protocol="PostgreSQL")


def _connection_class() -> Any:
    """psycopg's connection, but one that stops at once when the node is cancelled."""
    psycopg = library("psycopg", "databases")
    waiting = library("psycopg.waiting", "databases")

    class Connection(psycopg.AsyncConnection):  # type: ignore[misc, name-defined]
        async def wait(
            self,
            gen: PQGen[Any],
            interval: float = 0.1,
            timeout: float | None = None,  # noqa: ASYNC109 - the interface is psycopg's
        ) -> Any:
            try:
                return await waiting.wait_async(gen, self.pgconn.socket, interval=interval, timeout=timeout)
            except asyncio.CancelledError:
                with contextlib.suppress(psycopg.Error, TimeoutError):
                    await self.cancel_safe(timeout=STOP_WITHIN_S)
                self.pgconn.finish()
                raise

    return Connection


def _cursor_class() -> Any:
    """psycopg's cursor, but one that never sends several statements at once: without values it would use
    the protocol that takes them."""
    psycopg = library("psycopg", "databases")

    class Cursor(psycopg.AsyncRawCursor):  # type: ignore[misc, name-defined]
        def _execute_send(
            self, query: Any, *, force_extended: bool = False, binary: bool | None = None
        ) -> None:
            super()._execute_send(query, force_extended=True, binary=binary)

    return Cursor


def _moment_loaders() -> dict[str, Any]:
    text_loader = library("psycopg.types.string", "databases").TextLoader

    class Moment(text_loader):  # type: ignore[misc, valid-type]
        """``2024-05-01 10:00:00+00`` → ``2024-05-01T10:00:00Z``; ``infinity`` as it is."""

        def load(self, data: Any) -> str:
            said = str(super().load(data)).replace(" ", "T", 1)
            return f"{said[:-3]}Z" if said.endswith("+00") else said

    return {"timestamp": Moment, "timestamptz": Moment}


def _names(cursor: Any) -> tuple[str, ...]:
    return tuple(column.name for column in cursor.description or ())


def _is_nested(value: Any) -> bool:
    return isinstance(value, (Mapping, list))
