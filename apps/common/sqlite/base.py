"""SQLite, WAL, ``synchronous=FULL``, ``BEGIN IMMEDIATE``, and a file lock before every write.

SQLite makes waiting writers poll with growing pauses, so beside one busy writer the others
starve. A blocking ``flock`` on a file beside the database queues them in the kernel instead, first
come first served. The lock belongs to a connection, is taken when a transaction begins or a single
statement writes outside one, and is given back when it ends, however it ends; a process that dies
gives it back too. Waiting has no limit: keep network, waiting and computing out of transactions.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError
from django.db.backends.sqlite3 import base

from apps.common.sqlite.filesystem import network_filesystem

_READS = frozenset({"SELECT", "PRAGMA", "EXPLAIN", "WITH", "VALUES", "ATTACH", "DETACH"})
_TRANSACTIONS = frozenset({"BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "END"})
_PRAGMAS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16000"
# https://www.sqlite.org/pragma.html#pragma_synchronous
_FULL = 2
_held = threading.local()


@cache
def _refuse_network_filesystem(folder: Path) -> None:
    if kind := network_filesystem(folder):
        raise ImproperlyConfigured(
            f"{folder} is on a network file system ({kind}), where SQLite loses data. Set SAGE_DATA_DIR to a "
            "local disk, or DATABASE_URL to a PostgreSQL server."
        )


def _require_durable(connection: Any) -> None:
    """Every connection of every thread: what it commits is in the log, and the log is on disk."""
    mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    synchronous = connection.execute("PRAGMA synchronous").fetchone()[0]
    if mode != "wal" or synchronous < _FULL:
        connection.close()
        raise ImproperlyConfigured(
            f"SQLite would lose acknowledged work: journal_mode={mode}, synchronous={synchronous}."
        )


def is_write(sql: str) -> bool:
    """Whether a statement changes data, by its first word. ``WITH … INSERT`` counts as a read: Django
    writes none, and SQLite's own lock still covers it."""
    words = sql.lstrip(" \t\r\n(").split(None, 1)
    return bool(words) and words[0].upper() not in _READS | _TRANSACTIONS


class DatabaseWrapper(base.DatabaseWrapper):
    """One connection and its hold on the write lock."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lock_fd: int | None = None
        self._lock_depth = 0
        # The paths the thread that took the lock holds; it may be another thread that closes the connection.
        self._holders: set[str] = set()

    def get_connection_params(self) -> dict[str, Any]:
        options = self.settings_dict.setdefault("OPTIONS", {})
        options.setdefault("transaction_mode", "IMMEDIATE")
        options.setdefault("timeout", 30)
        options.setdefault("init_command", _PRAGMAS)
        params: dict[str, Any] = super().get_connection_params()
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        if self._lock_path is not None:
            _refuse_network_filesystem(Path(self._lock_path).parent)
        connection = super().get_new_connection(conn_params)
        if self._lock_path is not None:
            _require_durable(connection)
        return connection

    # ---- the lock
    @property
    def _lock_path(self) -> str | None:
        name = str(self.settings_dict["NAME"])
        return None if ":memory:" in name or "mode=memory" in name else f"{name}.lock"

    def _acquire(self) -> None:
        path = self._lock_path
        if path is None:
            return
        if self._lock_depth == 0:
            holders: set[str] = _held.__dict__.setdefault("paths", set())
            if path in holders:
                raise OperationalError(
                    "this thread already writes to this database through another connection"
                )
            if self._lock_fd is None:
                self._lock_fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX)
            holders.add(path)
            self._holders = holders
        self._lock_depth += 1

    def _release(self) -> None:
        if self._lock_depth == 0:
            return
        self._lock_depth -= 1
        if self._lock_depth == 0 and self._lock_fd is not None:
            self._holders.discard(str(self._lock_path))
            fcntl.flock(self._lock_fd, fcntl.LOCK_UN)

    def _release_all(self) -> None:
        self._lock_depth = min(self._lock_depth, 1)
        self._release()

    @contextmanager
    def write_lock(self) -> Iterator[None]:
        """Hold the write lock; inside a transaction it is already held."""
        self._acquire()
        try:
            yield
        finally:
            self._release()

    @contextmanager
    def plain_transaction(self) -> Iterator[Any]:
        """A transaction on the driver's own connection, which it yields: for the few statements that are
        executed so often that Django's bookkeeping costs more than they do. Begins, locks and ends as any
        other; nothing else may use this connection meanwhile, and there are no hooks after its commit."""
        self.ensure_connection()
        with self.wrap_database_errors, self.write_lock():
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
            except BaseException:
                self.connection.rollback()
                raise
            self.connection.commit()

    # ---- where Django begins and ends transactions (not in the stubs: Django's own seams)
    def _start_transaction_under_autocommit(self) -> None:
        self._acquire()
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]
        except BaseException:
            self._release_all()
            raise

    def _commit(self) -> None:
        try:
            super()._commit()  # type: ignore[misc]
        finally:
            if self.connection is None or not self.connection.in_transaction:
                self._release_all()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]
        finally:
            self._release_all()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self._release_all()
            if self._lock_fd is not None:
                os.close(self._lock_fd)
                self._lock_fd = None

    def create_cursor(self, name: str | None = None) -> Any:
        return self.connection.cursor(factory=lambda connection: _LockingCursor(connection, self))


class _LockingCursor(base.SQLiteCursorWrapper):
    """Takes the write lock around a single writing statement outside a transaction."""

    def __init__(self, connection: Any, wrapper: DatabaseWrapper) -> None:
        super().__init__(connection)
        self._wrapper = wrapper

    def execute(self, query: str, params: Any = None) -> Any:
        if self.connection.in_transaction or not is_write(query):
            return super().execute(query, params)
        with self._wrapper.write_lock():
            return super().execute(query, params)

    def executemany(self, query: str, param_list: Any) -> Any:
        if self.connection.in_transaction or not is_write(query):
            return super().executemany(query, param_list)
        with self._wrapper.write_lock():
            return super().executemany(query, param_list)
