"""What one socket still has to see of a flow's runs; reads the event table.

Every socket asks after every hint, so the reads are plain statements and events travel as the texts they
are kept as.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from apps.common.db import as_id, fetch_all, fetch_one, read_id, read_json, read_moment
from apps.executions.hiding import without_values
from apps.executions.models import Run
from apps.executions.selectors import localised
from apps.executions.types import ACTIVE_STATES, FINAL_STATES
from apps.flows.models import Flow
from sage_studio.engine import iso
from sage_studio.kernel import Json, JsonObject
from sage_studio.kernel.errors import Language

EVENTS_AT_ONCE = 500
_FAILURES = frozenset({"node_failed", "node_retrying", "run_failed", "flow_failed"})
# Runs whose events are asked for in one statement.
_RUNS_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class News:
    """Events as JSON texts, oldest first within a run. ``is_all`` says that there were no more."""

    events: list[str]
    is_all: bool


def workspace_of(flow_id: uuid.UUID) -> uuid.UUID | None:
    """The workspace a flow belongs to, or None when there is no such flow."""
    return Flow.objects.filter(pk=flow_id).values_list("workspace_id", flat=True).first()


class Feed:
    """Follows the given runs from the given event numbers; with ``follow`` also every active run
    from its first event and every run to come. ``hides_values`` is set for readers to whom the owner shows
    no values, ``language`` for those who read what went wrong in another than English.

    Runs to come are known by their number: a flow's runs are numbered under its lock, so a run that
    shows later always has a higher one.
    """

    def __init__(self, flow_id: uuid.UUID, runs: dict[uuid.UUID, int], *, follow: bool) -> None:
        self.hides_values = False
        self.language: Language = "en"
        self._flow_id = flow_id
        self._seen = dict(runs)
        self._newest: int | None = None
        if follow:
            row = fetch_one("SELECT MAX(number) FROM executions_run WHERE flow_id = %s", [as_id(flow_id)])
            self._newest = (row[0] if row else None) or 0

    def open(self) -> JsonObject:
        """The snapshot of active runs. Their earlier events follow, so that nothing is missed."""
        active = Run.objects.filter(flow_id=self._flow_id, state__in=ACTIVE_STATES).order_by("created_at")
        shown: list[Json] = []
        for run in active.only("number", "state", "last_seq"):
            if self._newest is not None:
                self._seen.setdefault(run.pk, 0)
            facts = {"id": str(run.pk), "number": run.number, "state": run.state, "last_seq": run.last_seq}
            shown.append(cast(JsonObject, facts))
        return {"type": "snapshot", "flow_id": str(self._flow_id), "runs": shown}

    def read(self) -> News:
        """The next events."""
        behind: list[tuple[uuid.UUID, int, bool]] = []
        for run_id, last_seq, state in self._open_runs():
            if last_seq > self._seen.setdefault(run_id, 0):
                behind.append((run_id, last_seq, state in FINAL_STATES))
            elif state in FINAL_STATES:
                del self._seen[run_id]
        events: list[str] = []
        for at in range(0, len(behind), _RUNS_AT_ONCE):
            if len(events) >= EVENTS_AT_ONCE:
                return News(events, is_all=False)
            part = behind[at : at + _RUNS_AT_ONCE]
            events += self._read_runs([run_id for run_id, _, _ in part])
            for run_id, last_seq, is_final in part:
                if is_final and self._seen[run_id] >= last_seq:
                    del self._seen[run_id]
        return News(events, is_all=len(events) < EVENTS_AT_ONCE)

    def _open_runs(self) -> list[tuple[uuid.UUID, int, str]]:
        """Where every run stands that may still have something to say."""
        wanted, values = [], [as_id(self._flow_id)]
        if self._newest is not None:
            wanted.append("number > %s")
            values.append(cast(Any, self._newest))
        if self._seen:
            wanted.append(f"id IN ({_places(self._seen)})")
            values += map(as_id, self._seen)
        if not wanted:
            return []
        any_of = " OR ".join(wanted)
        rows = fetch_all(
            f"SELECT id, number, last_seq, state FROM executions_run WHERE flow_id = %s AND ({any_of})",  # noqa: S608 - places only
            values,
        )
        if self._newest is not None:
            # Rows of runs still open may all be older than the newest one, which has been told to its end.
            self._newest = max([self._newest, *(row[1] for row in rows)])
        return [(read_id(row[0]), row[2], row[3]) for row in rows]

    def _read_runs(self, run_ids: Sequence[uuid.UUID]) -> list[str]:
        values: list[Any] = []
        for run_id in run_ids:
            values += as_id(run_id), self._seen[run_id]
        wanted = " OR ".join(["(run_id = %s AND seq > %s)"] * len(run_ids))
        rows = fetch_all(
            f"""
            SELECT run_id, seq, type, at, node_id, iteration_path, attempt, data FROM executions_runevent
            WHERE {wanted} ORDER BY run_id, seq LIMIT {EVENTS_AT_ONCE}
            """,  # noqa: S608 - places only
            values,
        )
        events = []
        for row in rows:
            run_id = read_id(row[0])
            self._seen[run_id] = row[1]
            events.append(_event_text(run_id, row, self.language, hides_values=self.hides_values))
        return events


def _event_text(run_id: uuid.UUID, row: tuple[Any, ...], language: Language, *, hides_values: bool) -> str:
    """An event as CONTRACTS shows it; its data is JSON text already."""
    _, seq, type_, at, node_id, path, attempt, data = row
    moment = read_moment(at)
    assert moment is not None
    facts: JsonObject = {"type": type_, "run_id": str(run_id), "seq": seq, "at": iso(moment.timestamp())}
    if node_id:
        facts |= {"node_id": node_id, "iteration_path": path, "attempt": attempt}
    if hides_values:
        data = without_values(type_, read_json(data))
    if language != "en" and type_ in _FAILURES:
        data = _said_in(read_json(data), language)
    text = data if isinstance(data, str) else json.dumps(data)
    return f'{json.dumps(facts)[:-1]}, "data": {text}}}'


def _said_in(data: JsonObject, language: Language) -> JsonObject:
    error = data.get("error")
    return {**data, "error": localised(error, language)} if isinstance(error, dict) else data


def _places(values: Iterable[object]) -> str:
    return ", ".join("%s" for _ in values)
