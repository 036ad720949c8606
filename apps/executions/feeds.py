"""What one socket still has to see of a flow's runs; reads the event table."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import cast

from django.utils import timezone

from apps.executions.models import Run, RunEvent
from apps.executions.selectors import event_json
from apps.executions.types import ACTIVE_STATES, FINAL_STATES
from apps.flows.models import Flow
from sage_studio.kernel import Json, JsonObject

EVENTS_AT_ONCE = 500


def workspace_of(flow_id: uuid.UUID) -> uuid.UUID | None:
    """The workspace a flow belongs to, or None when there is no such flow."""
    return Flow.objects.filter(pk=flow_id).values_list("workspace_id", flat=True).first()


class Feed:
    """Follows the given runs from the given event numbers; with ``follow`` also every active run
    from its first event and every run to come."""

    def __init__(self, flow_id: uuid.UUID, runs: dict[uuid.UUID, int], *, follow: bool) -> None:
        self._flow_id = flow_id
        self._seen = dict(runs)
        self._follow = follow
        self._since: datetime = timezone.now()
        self._ended: set[uuid.UUID] = set()

    def open(self) -> JsonObject:
        """The snapshot of active runs. Their earlier events follow, so that nothing is missed."""
        active = Run.objects.filter(flow_id=self._flow_id, state__in=ACTIVE_STATES).order_by("created_at")
        shown: list[Json] = []
        for run in active:
            if self._follow:
                self._seen.setdefault(run.pk, 0)
            facts = {"id": str(run.pk), "number": run.number, "state": run.state, "last_seq": run.last_seq}
            shown.append(cast(JsonObject, facts))
        return {"type": "snapshot", "flow_id": str(self._flow_id), "runs": shown}

    def read(self) -> list[JsonObject]:
        """The next events, oldest first within a run; empty when there is nothing new."""
        runs = Run.objects.filter(flow_id=self._flow_id)
        if self._follow:
            for run_id in runs.filter(created_at__gte=self._since).values_list("pk", flat=True):
                self._seen.setdefault(run_id, 0)
        events: list[JsonObject] = []
        open_runs = runs.filter(pk__in=self._seen.keys() - self._ended)
        for run_id, last_seq, state in open_runs.values_list("pk", "last_seq", "state"):
            if last_seq > self._seen[run_id]:
                events += self._read_run(run_id)
            elif state in FINAL_STATES:
                self._ended.add(run_id)
        return events

    def _read_run(self, run_id: uuid.UUID) -> list[JsonObject]:
        newer = RunEvent.objects.filter(run_id=run_id, seq__gt=self._seen[run_id])
        rows = list(newer.order_by("seq")[:EVENTS_AT_ONCE])
        if rows:
            self._seen[run_id] = rows[-1].seq
        return [event_json(row) for row in rows]
