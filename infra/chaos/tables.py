"""The database read behind the product's back: plain SQL, a connection of its own, nothing cached.

On PostgreSQL every write to runs, their nodes and their events is also noted by triggers: which
transaction, which session (each process has its own application name) and who owned the run before.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import psycopg

# While the database is away, or another process holds it.
UNREADABLE = (psycopg.Error, sqlite3.Error)


class Tables(Protocol):
    """Rows of a query, as dictionaries."""

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]: ...

    def note_writes(self) -> None:
        """Install what ``writes`` reads; call once the tables are there."""
        ...


class PostgresTables:
    def __init__(self, address: str) -> None:
        self._address = address

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Raises psycopg.OperationalError while the server is away."""
        with psycopg.connect(self._address, autocommit=True, connect_timeout=2) as connection:
            cursor = connection.execute(query, list(values))
            names = [column.name for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def note_writes(self) -> None:
        with psycopg.connect(self._address, autocommit=True) as connection:
            connection.execute(_NOTES)


_NOTES = """
    CREATE TABLE chaos_write (
        id bigserial PRIMARY KEY, tx bigint, session text, what text, run uuid,
        old_owner text, old_fence integer, new_owner text, new_state text, seq integer,
        node text, path text, attempt integer, was text, became text
    );
    CREATE FUNCTION chaos_run() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO chaos_write (tx, session, what, run, old_owner, old_fence, new_owner, new_state)
        VALUES (txid_current(), current_setting('application_name'), 'run', NEW.id,
                OLD.owner, OLD.fence, NEW.owner, NEW.state);
        RETURN NULL; END $$;
    CREATE FUNCTION chaos_node() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO chaos_write (tx, session, what, run, node, path, attempt, was, became)
        VALUES (txid_current(), current_setting('application_name'), 'node', NEW.run_id, NEW.node_id,
                NEW.iteration_path, NEW.attempt,
                CASE WHEN TG_OP = 'UPDATE' THEN OLD.state || coalesce(OLD.outputs::text, '') END,
                NEW.state || coalesce(NEW.outputs::text, ''));
        RETURN NULL; END $$;
    CREATE FUNCTION chaos_event() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO chaos_write (tx, session, what, run, seq)
        VALUES (txid_current(), current_setting('application_name'), 'event', NEW.run_id, NEW.seq);
        RETURN NULL; END $$;
    CREATE TRIGGER chaos_run AFTER UPDATE ON executions_run FOR EACH ROW EXECUTE FUNCTION chaos_run();
    CREATE TRIGGER chaos_node AFTER INSERT OR UPDATE ON executions_noderun
        FOR EACH ROW EXECUTE FUNCTION chaos_node();
    CREATE TRIGGER chaos_event AFTER INSERT ON executions_runevent
        FOR EACH ROW EXECUTE FUNCTION chaos_event();
"""


class SqliteTables:
    def __init__(self, path: Path) -> None:
        self._path = path

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
        connection = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, timeout=30)
        try:
            cursor = connection.execute(query.replace("%s", "?"), list(values))
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        finally:
            connection.close()

    def note_writes(self) -> None:
        """SQLite does not know which process writes; the rows themselves must do."""


def as_id(value: Any) -> str:
    """A UUID column of either database as the API writes it."""
    return str(value if isinstance(value, UUID) else UUID(str(value)))


def as_json(value: Any) -> Any:
    """A JSON column of either database, parsed."""
    return json.loads(value) if isinstance(value, str) else value
