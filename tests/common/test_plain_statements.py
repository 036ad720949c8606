"""Plain statements do what Django's own would have done, whichever way they reach the database."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from apps.common.db import fetch_all, fetch_one, plain_transaction, write_plain, write_transaction
from apps.common.models import OutboxEvent

pytestmark = pytest.mark.django_db(transaction=True)
TOPICS = "SELECT topic FROM common_outboxevent ORDER BY topic"
RENAME = "UPDATE common_outboxevent SET topic = %s WHERE topic = %s"


def _put(topic: str) -> None:
    OutboxEvent.objects.create(topic=topic, handler="plain", payload={}, due_at=datetime.now(UTC))


def test_they_say_what_they_changed_and_found() -> None:
    _put("one 100 %")
    _put("two")
    assert write_plain(RENAME, ["three", "two"]) == 1
    assert write_plain(RENAME, ["four", "nothing"]) == 0
    assert fetch_all(TOPICS, []) == [("one 100 %",), ("three",)]
    assert fetch_one(f"{TOPICS} DESC", []) == ("three",)
    assert fetch_one("SELECT topic FROM common_outboxevent WHERE topic LIKE '%%100 %%' AND id > %s", [0])


def _rename_and_fail(within: Callable[[], AbstractContextManager[object]]) -> None:
    with within():
        assert write_plain(RENAME, ["after", "before"]) == 1
        raise ZeroDivisionError


@pytest.mark.parametrize("within", [write_transaction, plain_transaction])
def test_a_change_is_undone_with_its_transaction(
    within: Callable[[], AbstractContextManager[object]],
) -> None:
    _put("before")
    with pytest.raises(ZeroDivisionError):
        _rename_and_fail(within)
    assert fetch_all(TOPICS, []) == [("before",)]


def test_a_plain_transaction_inside_another_is_a_part_of_it() -> None:
    _put("before")
    with write_transaction():
        with plain_transaction() as cursor:
            cursor.execute(RENAME, ["after", "before"])
            cursor.execute(TOPICS, [])
            assert [tuple(row) for row in cursor.fetchall()] == [("after",)]
        transaction.set_rollback(True)
    assert fetch_all(TOPICS, []) == [("before",)]


def test_a_broken_transaction_takes_no_more() -> None:
    with write_transaction():
        transaction.set_rollback(True)
        with pytest.raises(TransactionManagementError):
            fetch_one(TOPICS, [])
        with pytest.raises(TransactionManagementError):
            write_plain(RENAME, ["after", "before"])


def test_whoever_looks_on_sees_them() -> None:
    with CaptureQueriesContext(connection) as seen:
        fetch_one(TOPICS, [])
    assert [query["sql"] for query in seen] == [TOPICS]
