"""Many rows in one statement, and a session that idles behind them is still ended by the server."""

from __future__ import annotations

import threading
import time

import pytest
from django.db import DatabaseError, connection

from apps.common.db import ROWS_AT_ONCE, put_rows, write_transaction
from apps.common.models import OutboxEvent

pytestmark = pytest.mark.django_db(transaction=True)
PUT = """
    INSERT INTO common_outboxevent
        (id, topic, handler, payload, state, attempts, created_at, due_at, last_error)
    VALUES (%s, %s, 'put_rows', '{}', 'dead', 0, %s, %s, '')
    ON CONFLICT (id) DO NOTHING
"""
AT = "2026-01-01 00:00:00+00:00"


def _rows(count: int) -> list[list[object]]:
    return [[number, f"topic {number}, 100 %", AT, AT] for number in range(1, count + 1)]


@pytest.mark.parametrize("count", [0, 1, 3, ROWS_AT_ONCE + 1])
def test_every_row_is_put(count: int) -> None:
    with write_transaction(), connection.cursor() as cursor:
        put_rows(cursor, PUT, _rows(count))
        put_rows(cursor, PUT, _rows(count))
    topics = set(OutboxEvent.objects.values_list("topic", flat=True))
    assert topics == {f"topic {number}, 100 %" for number in range(1, count + 1)}


def test_a_session_that_idles_behind_rows_is_ended() -> None:
    """A process that is frozen before its commit must not keep its locks until it goes on."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no sessions that a server could end")
    for _ in range(20):  # who sends a Flush does so in most passages, not in all
        _idle_until_ended()
    assert not OutboxEvent.objects.exists()


def _idle_until_ended() -> None:
    pids: list[int] = []
    is_behind_rows, go_on = threading.Event(), threading.Event()

    def idle() -> None:
        try:
            with write_transaction(), connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                pids.append(cursor.fetchone()[0])
                cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '50ms'")
                put_rows(cursor, PUT, _rows(3))
                is_behind_rows.set()
                go_on.wait(90)
        except DatabaseError:
            pass  # the session is gone, as it should be
        finally:
            is_behind_rows.set()  # on a busy machine it may idle too long on its way there
            connection.close()

    thread = threading.Thread(target=idle)
    thread.start()
    try:
        assert is_behind_rows.wait(60)
        _wait_until_gone(pids[0])
    finally:
        go_on.set()
        thread.join()


def _wait_until_gone(pid: int) -> None:
    give_up_at = time.monotonic() + 60
    while True:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [pid])
            if cursor.fetchone() is None:
                return
        assert time.monotonic() < give_up_at, "the server lets it idle in its transaction"
        time.sleep(0.01)
