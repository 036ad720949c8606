"""The statements with which workers own runs and write them; the only plain SQL on these tables.

The ORM costs four times as much per completed node. Both databases understand these
statements; where a word differs, ``Dialect`` holds it. Times are compared on database time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache

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


def dialect() -> Dialect:
    return _SQLITE if _is_sqlite() else _POSTGRES


# Signals somebody has to act on: their run is parked and due by them, or has ended and needs none.
_ACTIONABLE = """
    FROM executions_signal AS s JOIN executions_run AS r ON r.id = s.run_id
    WHERE NOT s.is_taken
      AND ((r.state = 'running' AND r.owner = '') OR r.state IN ('completed', 'failed', 'cancelled'))
"""


def claimable(words: Dialect) -> str:
    """Whether a run is due, and whether a parked one has a signal: a read, so that idle workers leave
    the write lock alone."""
    return f"""
        SELECT
            EXISTS (
                SELECT 1 FROM executions_run
                WHERE state IN ('ready', 'running') AND lease_until <= {words.now}
            ),
            EXISTS (SELECT 1 {_ACTIONABLE})
    """  # noqa: S608 - only our own constants are put in


def wake_signalled(words: Dialect) -> str:
    """Make parked runs with a signal due. A signal is never overlooked: this runs before every claim,
    whatever became of the hint."""
    return f"""
        UPDATE executions_run SET lease_until = {words.now}
        WHERE id IN (
            SELECT id FROM executions_run
            WHERE state = 'running' AND owner = '' AND lease_until > {words.now}
              AND id IN (SELECT run_id FROM executions_signal WHERE NOT is_taken)
            {words.skip_locked}
        )
    """  # noqa: S608 - only our own constants are put in


DROP_LATE_SIGNALS = f"""
    UPDATE executions_signal SET is_taken = TRUE
    WHERE NOT is_taken AND run_id IN (
        SELECT r.id {_ACTIONABLE} AND r.state <> 'running'
    )
"""  # noqa: S608 - only our own constants are put in


def take_signals(places: str) -> str:
    """Parameters: as many run ids as there are places."""
    return f"UPDATE executions_signal SET is_taken = TRUE WHERE NOT is_taken AND run_id IN ({places})"  # noqa: S608 - places only


def claim(words: Dialect, columns: str) -> str:
    """Parameters: limit, owner, lease seconds. Returns ``columns`` of the claimed rows. Taking a run that
    has an owner is a loss: that worker died, froze or lost the database.

    Which runs are due is found out once, apart: PostgreSQL may carry out a subquery within the condition
    several times, each time past the rows it has locked before, and so take more than the limit."""
    return f"""
        WITH due AS MATERIALIZED (
            SELECT id FROM executions_run
            WHERE state IN ('ready', 'running') AND lease_until <= {words.now}
            ORDER BY lease_until LIMIT %s {words.skip_locked}
        )
        UPDATE executions_run
        SET state = 'running', owner = %s, fence = fence + 1, lease_until = {words.now_plus_s}, reason = '',
            losses = losses + CASE WHEN owner = '' THEN 0 ELSE 1 END
        WHERE id IN (SELECT id FROM due)
        RETURNING {columns}
    """  # noqa: S608 - only our own constants are put in


# Parameters: the owner, three times. Whether anybody has asked something of the owner's runs, or told them:
# a worker asks this at every turn, and nearly always nobody has.
NEWS = """
    SELECT EXISTS (
        SELECT 1 FROM executions_run
        WHERE owner = %s AND owner > '' AND state = 'running'
          AND (cancel_requested_at IS NOT NULL OR pause_requested_at IS NOT NULL)
    ) OR EXISTS (
        SELECT 1 FROM executions_signal AS s JOIN executions_run AS r ON r.id = s.run_id
        WHERE NOT s.is_taken AND r.owner = %s
    ) OR EXISTS (
        SELECT 1 FROM executions_debugcommand AS d JOIN executions_run AS r ON r.id = d.run_id
        WHERE NOT d.is_told AND r.owner = %s
    )
"""


def renew(words: Dialect) -> str:
    """Parameters: lease seconds, owner. Returns the rows that are still the owner's."""
    return f"""
        UPDATE executions_run SET lease_until = {words.now_plus_s}
        WHERE owner = %s AND owner > '' AND state = 'running'
        RETURNING id, fence
    """  # noqa: S608 - only our own constants are put in


# The last of the first line's parameters is 0 for a batch in which a node got done: the run gets on, so
# what it lost before counts no more.
HOLD = """
    UPDATE executions_run
    SET last_seq = COALESCE(%s, last_seq), started_at = COALESCE(started_at, %s), updated_at = %s,
        losses = losses * %s
    WHERE id = %s AND fence = %s AND owner = %s AND state = 'running'
"""
FINISH = """
    UPDATE executions_run
    SET last_seq = COALESCE(%s, last_seq), started_at = COALESCE(started_at, %s), updated_at = %s,
        losses = losses * %s,
        state = %s, finished_at = %s, outputs = %s, error = %s, reason = %s,
        owner = '', lease_until = %s
    WHERE id = %s AND fence = %s AND owner = %s AND state = 'running'
"""
# Behind one of the others, which held the fence.
SPENT = "UPDATE executions_run SET cost_micros = %s, cost_currency = %s WHERE id = %s"
# Nobody holds a parked run.
PARK = """
    UPDATE executions_run
    SET last_seq = COALESCE(%s, last_seq), started_at = COALESCE(started_at, %s), updated_at = %s,
        losses = 0, reason = 'waiting', owner = '', lease_until = %s
    WHERE id = %s AND fence = %s AND owner = %s AND state = 'running'
"""
WAKE = "UPDATE executions_run SET lease_until = %s WHERE id = %s AND state = 'running' AND owner = ''"
# What somebody asked of the run while it was on its way to be parked must not wait for its time.
WAKE_ASKED = f"{WAKE} AND (cancel_requested_at IS NOT NULL OR pause_requested_at IS NOT NULL)"
# A pause that was taken back, or a cancellation asked for, while the pause was on its way here.
UNPAUSE = """
    UPDATE executions_run SET state = 'ready', reason = '', lease_until = %s
    WHERE id = %s AND state = 'paused'
      AND (cancel_requested_at IS NOT NULL OR (reason = 'requested' AND pause_requested_at IS NULL))
"""
PUT_NODE = """
    INSERT INTO executions_noderun
        (id, run_id, node_id, iteration_path, attempt, state, started_at, finished_at, outputs, error, ports,
         inputs, config, waits, resources, outer_path, is_lost)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (run_id, node_id, iteration_path, attempt) DO UPDATE
    SET state = excluded.state, started_at = excluded.started_at, finished_at = excluded.finished_at,
        outputs = excluded.outputs, error = excluded.error, ports = excluded.ports,
        inputs = excluded.inputs, config = excluded.config, waits = excluded.waits,
        resources = excluded.resources, is_lost = excluded.is_lost
"""
PUT_SIGNAL = """
    INSERT INTO executions_signal (run_id, key, payload, child_id, created_at)
    VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (run_id, key) DO NOTHING
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
    seconds, micros = divmod(round(at * 1_000_000), 1_000_000)
    return f"{_second(seconds)}.{micros:06d}{'' if _is_sqlite() else '+00:00'}"


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    # Several moments of every completed node lie within the same second.
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


@cache
def _is_sqlite() -> bool:
    # Asked several times per completed node; asking the connection costs more than the answer.
    return connection.vendor == "sqlite"


def row_id(value: str) -> str:
    """A UUID as both databases take it: SQLite keeps 32 hexadecimal digits, PostgreSQL reads them."""
    return value.replace("-", "")
