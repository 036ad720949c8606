"""Runs that ended long ago are removed, as their workspace says."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from apps.common import failpoints
from apps.common.db import write_transaction
from apps.executions.models import Run
from apps.executions.types import FINAL_STATES
from apps.files.services import kept_values_delete
from apps.workspaces.models import Workspace

AT_ONCE = 20


def runs_forget(*, now: datetime | None = None, at_once: int = AT_ONCE) -> int:
    """Remove ended runs older than their workspace keeps them, with all their rows, few at a time; how many.

    A run that somebody may still need stays: one whose parent has not ended or is kept, one that has
    children left, and one whose repetition has not ended. (What a repetition takes of an earlier run it
    copies as it begins.) So families go from their leaves up.
    """
    at = now or timezone.now()
    gone = 0
    for workspace_id, days in Workspace.objects.filter(keep_runs_days__gt=0).values_list(
        "pk", "keep_runs_days"
    ):
        while count := _forget_some(workspace_id, at - timedelta(days=days), at_once):
            gone += count
    return gone


def _forget_some(workspace_id: uuid.UUID, before: datetime, at_once: int) -> int:
    old = Q(state__in=FINAL_STATES, finished_at__lt=before)
    parent_is_over = Q(parent_run__state__in=FINAL_STATES, parent_run__finished_at__lt=before)
    repeated = Run.objects.filter(retry_of=OuterRef("pk")).exclude(state__in=FINAL_STATES)
    free = Q(parent_run__isnull=True) | parent_is_over
    with write_transaction():
        ready = Run.objects.filter(old, free, workspace_id=workspace_id).filter(
            ~Exists(Run.objects.filter(parent_run=OuterRef("pk"))), ~Exists(repeated)
        )
        ids = list(ready.order_by("finished_at").values_list("pk", flat=True)[:at_once])
        Run.objects.filter(old, pk__in=ids).delete()
        kept_values_delete(workspace_id, ids)
        failpoints.hit("tidy.runs")
    failpoints.hit("tidy.runs_gone")
    return len(ids)
