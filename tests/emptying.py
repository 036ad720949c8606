"""Empties the database after a test that has committed: only tables that hold something, and only what
tests put there.

Django empties every table and then makes content types and permissions anew, which costs a quarter of a
second per test on a quiet machine and says nothing about the product.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.test import TransactionTestCase

# Written once when the tables are made; no test changes them.
KEPT = ("django_content_type", "auth_permission")


def empty_database(_: TransactionTestCase) -> None:
    """Takes the place of ``TransactionTestCase._fixture_teardown``."""
    tables = set(connection.introspection.django_table_names(only_existing=False, include_views=False))
    with transaction.atomic(), connection.cursor() as cursor:
        filled = _filled(cursor, sorted(tables.difference(KEPT)))
        if not filled:
            return
        if connection.vendor == "postgresql":
            # Rows go in any order: references are not looked at, no trigger fires.
            cursor.execute("SET LOCAL session_replication_role = replica")
        for table in filled:
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(table)}")


def _filled(cursor: CursorWrapper, tables: Iterable[str]) -> list[str]:
    """The tables with at least one row."""
    quote = connection.ops.quote_name
    looks = (f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {quote(table)})" for table in tables)
    cursor.execute(" UNION ALL ".join(looks))
    return [name for (name,) in cursor.fetchall()]
