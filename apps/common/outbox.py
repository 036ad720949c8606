"""Delivery of domain events: claim a row, run its handler, mark it; at least once.

A claim moves ``due_at`` a lease into the future and counts the attempt, in its own short transaction;
the handler runs outside it. A process that dies leaves a row that becomes due again when its lease
ends. Failures wait longer each time; after MAX_ATTEMPTS the row is dead and is shown in the console.
"""

from __future__ import annotations

from datetime import timedelta

import structlog
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone

from apps.common import events, failpoints
from apps.common.db import write_transaction
from apps.common.models import IdempotentAnswer, OutboxEvent

logger = structlog.get_logger(__name__)

LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 10
_FIRST_PAUSE_S = 1
_LONGEST_PAUSE_S = 600
_DONE_KEPT_FOR = timedelta(days=7)
_ANSWERS_KEPT_FOR = timedelta(days=1)


def pause_after(attempts: int) -> timedelta:
    """How long to wait after the n-th failure: 1, 2, 4 … 600 seconds."""
    return timedelta(seconds=min(_FIRST_PAUSE_S * 2 ** (attempts - 1), _LONGEST_PAUSE_S))


def _claim(limit: int) -> list[OutboxEvent]:
    with write_transaction():
        rows = OutboxEvent.objects.filter(state=OutboxEvent.State.WAITING, due_at__lte=timezone.now())
        if connection.features.has_select_for_update_skip_locked:
            rows = rows.select_for_update(skip_locked=True)
        claimed = list(rows.order_by("due_at", "id")[:limit])
        for row in claimed:
            row.attempts += 1
            row.due_at = timezone.now() + LEASE
        OutboxEvent.objects.bulk_update(claimed, ["attempts", "due_at"])
        failpoints.hit("outbox.claim")
    failpoints.hit("outbox.claimed")
    return claimed


def _finish(row: OutboxEvent, state: str, **changes: object) -> None:
    """Write the outcome unless the lease was lost to another deliverer meanwhile."""
    mine = OutboxEvent.objects.filter(pk=row.pk, attempts=row.attempts, state=OutboxEvent.State.WAITING)
    mine.update(state=state, **changes)


def _deliver(row: OutboxEvent) -> None:
    try:
        handler = events.handler_for(row.topic, row.handler)
        handler(row.payload)
        failpoints.hit("outbox.delivered")
    except Exception as error:
        logger.exception(
            "outbox_delivery_failed", topic=row.topic, handler=row.handler, attempts=row.attempts
        )
        is_dead = row.attempts >= MAX_ATTEMPTS
        _finish(
            row,
            OutboxEvent.State.DEAD if is_dead else OutboxEvent.State.WAITING,
            due_at=timezone.now() + pause_after(row.attempts),
            last_error=f"{type(error).__name__}: {error}"[:2000],
        )
    else:
        _finish(row, OutboxEvent.State.DONE, finished_at=timezone.now(), last_error="")


def deliver_due(limit: int = 50) -> int:
    """Deliver what is due now; returns how many were tried. Safe from any number of processes."""
    if not OutboxEvent.objects.filter(state=OutboxEvent.State.WAITING, due_at__lte=timezone.now()).exists():
        return 0
    claimed = _claim(limit)
    for row in claimed:
        _deliver(row)
    return len(claimed)


def sweep() -> None:
    """Forget what was delivered a week ago, answers older than their keys' life, and ended sessions."""
    now = timezone.now()
    OutboxEvent.objects.filter(state=OutboxEvent.State.DONE, finished_at__lt=now - _DONE_KEPT_FOR).delete()
    IdempotentAnswer.objects.filter(created_at__lt=now - _ANSWERS_KEPT_FOR).delete()
    Session.objects.filter(expire_date__lt=now).delete()
