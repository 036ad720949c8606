"""SQLite, WAL, ``synchronous=FULL``, ``BEGIN IMMEDIATE``, and a file lock before every write.

SQLite makes waiting writers poll with growing pauses, so beside one busy writer the others
starve. A blocking ``flock`` on a file beside the database queues them in the kernel instead. The lock
belongs to a connection, is taken when a transaction begins or a single statement writes outside one,
and is given back when it ends, however it ends; a process that dies gives it back too.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db.backends.sqlite3 import base

_READS = ("SELECT", "PRAGMA", "EXPLAIN", "WITH", "VALUES", "ATTACH", "DETACH")
_TRANSACTION_WORDS = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "END")


def _first_word(sql: str) -> str:
    return sql.lstrip(" \t\r\n(").split(None, 1)[0].upper() if sql.strip() else ""


class DatabaseWrapper(base.DatabaseWrapper):
    """One connection and its hold on the write lock."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lock_fd: int | None = None
        self._lock_depth = 0

    def get_connection_params(self) -> dict[str, Any]:
        options = self.settings_dict.setdefault("OPTIONS", {})
        options.setdefault("transaction_mode", "IMMEDIATE")
        options.setdefault("timeout", 30)
        options.setdefault(
            "init_command", "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16000"
        )
        params: dict[str, Any] = super().get_connection_params()
        return params

    # ---- the lock
    def _lock_path(self) -> str | None:
        name = str(self.settings_dict["NAME"])
        return None if ":memory:" in name or "mode=memory" in name else f"{name}.lock"

    def _acquire(self) -> None:
        self._lock_depth += 1
        if self._lock_depth > 1 or (path := self._lock_path()) is None:
            return
        if self._lock_fd is None:
            self._lock_fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock_fd, fcntl.LOCK_EX)

    def _release(self) -> None:
        if self._lock_depth == 0:
            return
        self._lock_depth -= 1
        if self._lock_depth == 0 and self._lock_fd is not None:
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

    # ---- where Django begins and ends transactions
    def _start_transaction_under_autocommit(self) -> None:
        self._acquire()
        try:
            super()._start_transaction_under_autocommit()
        except BaseException:
            self._release_all()
            raise

    def _commit(self) -> None:
        try:
            super()._commit()
        finally:
            if self.connection is None or not self.connection.in_transaction:
                self._release_all()

    def _rollback(self) -> None:
        try:
            super()._rollback()
        finally:
            self._release_all()

    def _close(self) -> None:
        try:
            super()._close()
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

    def _is_lone_write(self, sql: str) -> bool:
        if self.connection.in_transaction:
            return False
        word = _first_word(sql)
        return bool(word) and word not in _READS and word not in _TRANSACTION_WORDS

    def execute(self, query: str, params: Any = None) -> Any:
        if not self._is_lone_write(query):
            return super().execute(query, params)
        with self._wrapper.write_lock():
            return super().execute(query, params)

    def executemany(self, query: str, param_list: Sequence[Any]) -> Any:
        if not self._is_lone_write(query):
            return super().executemany(query, param_list)
        with self._wrapper.write_lock():
            return super().executemany(query, param_list)
