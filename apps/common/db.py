"""Transactions (``write_transaction`` is the one way services open one), and plain statements for hot
paths."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from functools import cache, lru_cache
from itertools import chain
from typing import Any, Protocol, cast

from django.db import DEFAULT_DB_ALIAS, connection, connections, models, transaction
from django.db.models.expressions import DatabaseDefault

# Rows of one statement: far below what a server parses without a thought, far above what a commit has.
ROWS_AT_ONCE = 1000
_Row = tuple[Any, ...]


def write_transaction(
    using: str = DEFAULT_DB_ALIAS, *, durable: bool = False
) -> AbstractContextManager[None]:
    """An atomic block. On SQLite the backend (``apps.common.sqlite``) takes the cross-process
    write lock and begins IMMEDIATE, so keep network and computing out of it."""
    return transaction.atomic(using=using, durable=durable)


class PlainCursor(Protocol):
    """What plain statements are executed on; parameters are written ``%s``."""

    @property
    def rowcount(self) -> int: ...

    def execute(self, statement: str, parameters: Sequence[Any]) -> Any: ...

    def executemany(self, statement: str, rows: Sequence[Sequence[Any]]) -> Any: ...

    def fetchall(self) -> list[tuple[Any, ...]]: ...


class _SqliteCursor:
    """The driver's cursor, which writes parameters ``?``; every statement is translated once."""

    __slots__ = ("_cursor",)

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    @property
    def rowcount(self) -> int:
        return int(self._cursor.rowcount)

    def execute(self, statement: str, parameters: Sequence[Any]) -> Any:
        return self._cursor.execute(_with_marks(statement), parameters)

    def executemany(self, statement: str, rows: Sequence[Sequence[Any]]) -> Any:
        return self._cursor.executemany(_with_marks(statement), rows)

    def fetchall(self) -> list[tuple[Any, ...]]:
        return cast(list[_Row], self._cursor.fetchall())


@lru_cache(maxsize=512)
def _with_marks(statement: str) -> str:
    return statement.replace("%s", "?").replace("%%", "%")


@contextmanager
def plain_transaction() -> Iterator[PlainCursor]:
    """A transaction for plain statements alone: no ORM and no hooks after its commit. On SQLite it leaves
    out what Django does around each statement, which costs more than a short one itself; inside another
    transaction it is a part of that."""
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        with cast(Any, connection).plain_transaction() as driver:
            yield _SqliteCursor(driver.cursor())
    else:
        with whole_transaction() as cursor:
            yield cursor


@contextmanager
def whole_transaction() -> Iterator[PlainCursor]:
    """A ``write_transaction`` with a cursor for plain statements beside the ORM."""
    with write_transaction(), connection.cursor() as cursor:
        yield cast(PlainCursor, cursor)


def put_rows(cursor: PlainCursor, statement: str, rows: Sequence[Sequence[Any]]) -> None:
    """Execute ``INSERT … VALUES (…) …`` for every row; no two rows may be in conflict with each other.

    On PostgreSQL that is one statement of many rows. The driver's ``executemany`` would send them through a
    pipeline, which may end with a Flush: from then on the server counts no idle time, and a process that is
    frozen before its next statement keeps its row locks for as long as it is frozen.
    """
    if connection.vendor == "sqlite":
        cursor.executemany(statement, rows)
        return
    head, row, tail = _around_values(statement)
    for start in range(0, len(rows), ROWS_AT_ONCE):
        part = rows[start : start + ROWS_AT_ONCE]
        cursor.execute(f"{head}{', '.join([row] * len(part))}{tail}", [*chain.from_iterable(part)])


@cache
def _around_values(statement: str) -> tuple[str, str, str]:
    """The statement's text before its row of values, that row, and what follows."""
    before, _, after = statement.partition("VALUES (")
    row, _, tail = after.partition(")")
    return f"{before}VALUES ", f"({row})", tail


def after_commit(call: Callable[[], object], using: str = DEFAULT_DB_ALIAS) -> None:
    """Run ``call`` once the current transaction is on disk (at once outside one). A failing call
    is logged and does not stop the others: what must not be lost goes through the outbox."""
    transaction.on_commit(call, using=using, robust=True)


def fetch_one(statement: str, parameters: Sequence[Any]) -> _Row | None:
    """The first row of a plain statement.

    For the few reads every request makes: the ORM takes twenty times as long to put such a statement
    together as the database to answer it. Ids go in as ``as_id``, moments as ``as_moment``.
    """
    if (driver := _bare_driver()) is not None:
        with connection.wrap_database_errors:
            return cast(_Row | None, driver.execute(_with_marks(statement), parameters).fetchone())
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cast(_Row | None, cursor.fetchone())


def fetch_all(statement: str, parameters: Sequence[Any]) -> list[_Row]:
    """As ``fetch_one``, every row."""
    if (driver := _bare_driver()) is not None:
        with connection.wrap_database_errors:
            return cast(list[_Row], driver.execute(_with_marks(statement), parameters).fetchall())
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cast(list[_Row], cursor.fetchall())


def write_plain(statement: str, parameters: Sequence[Any]) -> int:
    """Execute a plain statement that changes rows; how many it changed."""
    if (driver := _bare_driver(is_writing=True)) is not None:
        with connection.wrap_database_errors:
            return int(driver.execute(_with_marks(statement), parameters).rowcount)
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.rowcount)


def _bare_driver(*, is_writing: bool = False) -> Any:
    """SQLite's own connection: Django's cursor costs four times what a short statement does. None where
    more is to be done than to execute it: elsewhere, while somebody looks on, in a broken transaction, and
    for a write that has no transaction, whose lock Django's cursor takes."""
    database = connections[DEFAULT_DB_ALIAS]
    if database.vendor != "sqlite" or database.force_debug_cursor or database.execute_wrappers:
        return None
    database.ensure_connection()
    driver = database.connection
    return None if database.needs_rollback or (is_writing and not driver.in_transaction) else driver


def as_id(value: uuid.UUID) -> str:
    """An id as a parameter: SQLite keeps 32 hexadecimal digits, PostgreSQL reads them."""
    return value.hex


def as_moment(value: datetime | None) -> Any:
    """A moment as a parameter."""
    return connection.ops.adapt_datetimefield_value(value)


def read_id(value: uuid.UUID | str) -> uuid.UUID:
    """An id as either database gives it."""
    return value if isinstance(value, uuid.UUID) else uuid.UUID(value)


def read_moment(value: Any) -> datetime | None:
    """A moment as either database gives it; SQLite keeps text in UTC that does not say so."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if value is None:
        return None
    found: datetime = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
    return found


def read_json(value: Any) -> Any:
    """The value of a JSON column as either database gives it."""
    return json.loads(value) if isinstance(value, str) else value


def insert_row(row: models.Model) -> None:
    """Insert a new row. As ``row.save(force_insert=True)`` of a model without parents, with the statement
    put together once per model; keys that the database makes are not read back, and its defaults must be
    plain values."""
    database = connections[DEFAULT_DB_ALIAS]
    statement, columns = _insertion(type(row), database.vendor)
    values = []
    for field, is_set_on_save, as_given in columns:
        value = field.pre_save(row, True) if is_set_on_save else getattr(row, field.attname)
        if isinstance(value, DatabaseDefault):
            value = field.db_default
            setattr(row, field.attname, value)
        # Most values are what the driver takes; asking Django about each costs more than the insertion.
        is_plain = value is None or type(value) in as_given
        values.append(value if is_plain else field.get_db_prep_save(value, database))
    write_plain(statement, values)
    row._state.adding = False  # noqa: SLF001 - as Django's own save does
    row._state.db = database.alias  # noqa: SLF001


# By the kind of a column: the types of values that both drivers take as they are.
_AS_GIVEN: Sequence[tuple[type[models.Field[Any, Any]], tuple[type, ...]]] = (
    (models.BooleanField, (bool,)),
    (models.IntegerField, (int,)),
    (models.CharField, (str,)),
    (models.TextField, (str,)),
)


@cache
def _insertion(
    model: type[models.Model], vendor: str
) -> tuple[str, list[tuple[models.Field[Any, Any], bool, tuple[type, ...]]]]:
    """The statement, and for each of its parameters the field, whether the field sets it itself, and the
    types of values that go in as they are; both databases quote names alike."""
    meta = model._meta  # noqa: SLF001 - Django's documented name
    fields = [field for field in meta.concrete_fields if not isinstance(field, models.AutoField)]
    names = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    columns = [
        (
            field,
            type(field).pre_save is not models.Field.pre_save,
            next((types for kind, types in _AS_GIVEN if isinstance(field, kind)), ()),
        )
        for field in fields
    ]
    return f"INSERT INTO {meta.db_table} ({names}) VALUES ({places})", columns  # noqa: S608
