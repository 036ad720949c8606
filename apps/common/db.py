"""Transactions. ``write_transaction`` is the one way services open one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from django.db import DEFAULT_DB_ALIAS, transaction


def write_transaction(
    using: str = DEFAULT_DB_ALIAS, *, durable: bool = False
) -> AbstractContextManager[None]:
    """An atomic block. On SQLite the backend (``apps.common.sqlite``) takes the cross-process
    write lock and begins IMMEDIATE, so keep network and computing out of it."""
    return transaction.atomic(using=using, durable=durable)


def after_commit(call: Callable[[], object], using: str = DEFAULT_DB_ALIAS) -> None:
    """Run ``call`` once the current transaction is on disk (at once outside one). A failing call
    is logged and does not stop the others: what must not be lost goes through the outbox."""
    transaction.on_commit(call, using=using, robust=True)
