"""Schedules that are due: whoever moves a schedule to its next time starts its runs, in one transaction.

The move is one conditional statement, so of all processes that look one starts the run, and a process that
dies has either done both or neither.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import structlog
from django.db.models.functions import Now

from apps.common import failpoints
from apps.common.db import write_transaction
from apps.executions.services.accept import add_run
from apps.triggers import schedules, selectors
from apps.triggers.models import Trigger
from apps.triggers.schedules import Schedule
from apps.triggers.services.firing import run_made
from apps.triggers.services.refusing import refusal_note
from sage_studio.kernel import SageError

logger = structlog.get_logger(__name__)
AT_ONCE = 50
# Later than this a time was missed.
GRACE = timedelta(seconds=60)


def schedules_fire() -> int:
    """Start the runs of all schedules that are due by the database's clock; how many schedules fired."""
    due = Trigger.objects.filter(next_at__lte=Now()).annotate(now=Now()).order_by("next_at")
    rows = list(due.values_list("pk", "next_at", "due_for", "now")[:AT_ONCE])
    return sum(_fire(pk, next_at, due_for, now) for pk, next_at, due_for, now in rows if next_at and due_for)


def _fire(trigger_id: uuid.UUID, next_at: datetime, due_for: datetime, now: datetime) -> bool:
    trigger = Trigger.objects.select_related("flow").get(pk=trigger_id)
    claim = Trigger.objects.filter(pk=trigger_id, next_at=next_at)
    try:
        live = selectors.live_published(trigger)
        schedule = schedules.schedule_of(live.config, live.document.settings.timezone)
        times, missed = _to_run(schedule, due_for, now)
        after = schedule.first_after(max(now, due_for))
        runs = [
            run_made(
                live,
                {
                    "scheduled_at": moment.astimezone(schedule.zone).isoformat(),
                    "fired_at": now.astimezone(schedule.zone).isoformat(),
                    "missed": missed,
                },
            )
            for moment in times
        ]
        with write_transaction():
            fires = None if after is None else schedule.spread(after, str(trigger_id))
            if not claim.update(next_at=fires, due_for=after):
                return False
            for run in runs:
                add_run(run)
            failpoints.hit("trigger.fire")
    except SageError as error:
        with write_transaction():
            is_mine = claim.update(next_at=None, due_for=None, schedule="")
        if is_mine:
            logger.warning("schedule_refused", trigger_id=str(trigger_id), code=error.code.code)
            refusal_note(trigger, error)
        return False
    failpoints.hit("trigger.fired")
    return bool(runs)


def _to_run(schedule: Schedule, due_for: datetime, now: datetime) -> tuple[list[datetime], int]:
    """The times to run for now, and how many others were missed."""
    times = schedule.between(due_for, now, schedule.most_missed if schedule.missed == "all" else 1)
    if schedule.missed == "all":
        return times, 0
    newest = times[-1]
    if schedule.missed == "skip" and now - newest > GRACE + timedelta(seconds=schedule.jitter_s):
        return [], 1
    return [newest], int(newest != due_for)
