"""The statements with which workers own runs and write them; the only plain SQL on these tables.

The ORM costs four times as much per completed node. Both databases understand these
statements; where a word differs, ``Dialect`` holds it. Times are compared on database time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from django.db import connection


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs: the present, the present plus seconds, and how to pass over locked rows."""

    now: str
    now_plus_s: str
    skip_locked: str


_SQLITE = Dialect(
    now="strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now')",
    now_plus_s="strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', %s || ' seconds')",
    skip_locked="",
)
_POSTGRES = Dialect(
    now="clock_timestamp()",
    now_plus_s="clock_timestamp() + make_interval(secs => %s)",
    skip_locked="FOR UPDATE SKIP LOCKED",
)


_WITHOUT_OFFSET = len("2026-01-01 00:00:00.000000")


def dialect() -> Dialect:
    return _SQLITE if _is_sqlite() else _POSTGRES


def claimable(words: Dialect) -> str:
    """Whether there is anything to claim: a read, so that idle workers leave the write lock alone."""
    return f"""
        SELECT 1 FROM executions_run
        WHERE state IN ('ready', 'running') AND (state = 'ready' OR lease_until < {words.now})
        LIMIT 1
    """  # noqa: S608 - only our own constants are put in


def claim(words: Dialect) -> str:
    """Parameters: owner, lease seconds, limit. Returns the claimed rows."""
    return f"""
        UPDATE executions_run
        SET state = 'running', owner = %s, fence = fence + 1, lease_until = {words.now_plus_s}
        WHERE id IN (
            SELECT id FROM executions_run
            WHERE state IN ('ready', 'running')
              AND (state = 'ready' OR lease_until < {words.now})
            ORDER BY created_at LIMIT %s {words.skip_locked}
        )
        RETURNING id, fence
    """  # noqa: S608 - only our own constants are put in


def renew(words: Dialect) -> str:
    """Parameters: lease seconds, owner. Returns the rows that are still the owner's."""
    return f"""
        UPDATE executions_run SET lease_until = {words.now_plus_s}
        WHERE owner = %s AND state = 'running'
        RETURNING id, fence
    """  # noqa: S608 - only our own constants are put in


HOLD = """
    UPDATE executions_run
    SET last_seq = COALESCE(%s, last_seq), started_at = COALESCE(started_at, %s), updated_at = %s
    WHERE id = %s AND fence = %s AND owner = %s AND state = 'running'
"""
FINISH = """
    UPDATE executions_run
    SET last_seq = COALESCE(%s, last_seq), started_at = COALESCE(started_at, %s), updated_at = %s,
        state = %s, finished_at = %s, outputs = %s, error = %s, reason = %s,
        owner = '', lease_until = NULL
    WHERE id = %s AND fence = %s AND owner = %s AND state = 'running'
"""
PUT_NODE = """
    INSERT INTO executions_noderun
        (id, run_id, node_id, iteration_path, attempt, state, started_at, finished_at, outputs, error, ports)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (run_id, node_id, iteration_path, attempt) DO UPDATE
    SET state = excluded.state, started_at = excluded.started_at, finished_at = excluded.finished_at,
        outputs = excluded.outputs, error = excluded.error, ports = excluded.ports
"""
# A batch whose commit was not heard of is written again: its events are then there already.
PUT_EVENT = """
    INSERT INTO executions_runevent (run_id, seq, type, at, node_id, iteration_path, attempt, data)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (run_id, seq) DO NOTHING
"""


def stamp(at: float | None) -> str | None:
    """Seconds since the epoch in the form the database takes for a column in UTC."""
    if at is None:
        return None
    text = datetime.fromtimestamp(at, UTC).isoformat(" ", "microseconds")
    return text[:_WITHOUT_OFFSET] if _is_sqlite() else text


@cache
def _is_sqlite() -> bool:
    # Asked several times per completed node; asking the connection costs more than the answer.
    return connection.vendor == "sqlite"


def row_id(value: str) -> str:
    """A UUID as both databases take it: SQLite keeps 32 hexadecimal digits, PostgreSQL reads them."""
    return value.replace("-", "")
