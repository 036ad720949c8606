"""Taking runs, keeping them, and reading what a taken run needs. Synchronous; each caller uses a
thread and connection of its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from apps.common import failpoints
from apps.common.db import write_transaction
from apps.executions.adapters import sql
from apps.executions.adapters.codec import GetBlob, decode
from apps.executions.adapters.writer import Claim
from apps.executions.models import NodeRun, Run
from sage_studio.engine import NodeRecord, RunProgress, newest_attempts
from sage_studio.kernel import JsonObject


@dataclass(frozen=True, slots=True)
class ClaimedRun:
    """A run this worker holds, with what it needs to begin."""

    claim: Claim
    definition_id: uuid.UUID
    body: JsonObject
    inputs: JsonObject
    is_cancelled: bool


def claim_runs(owner: str, *, limit: int, lease_s: float) -> list[ClaimedRun]:
    """Take up to ``limit`` runs that are ready or whose worker is gone, oldest first."""
    words = sql.dialect()
    with connection.cursor() as cursor:
        cursor.execute(sql.claimable(words), [])
        if cursor.fetchone() is None:
            return []
    with write_transaction(), connection.cursor() as cursor:
        cursor.execute(sql.claim(words), [owner, lease_s, limit])
        fences = {uuid.UUID(str(run_id)): fence for run_id, fence in cursor.fetchall()}
        failpoints.hit("run.claim")
    if not fences:
        return []
    failpoints.hit("run.claimed")
    runs = Run.objects.select_related("definition").filter(pk__in=fences).order_by("created_at")
    return [_claimed(run, owner, fences[run.pk]) for run in runs]


def _claimed(run: Run, owner: str, fence: int) -> ClaimedRun:
    return ClaimedRun(
        claim=Claim(str(run.pk), str(run.flow_id), str(run.workspace_id), owner, fence),
        definition_id=run.definition_id,
        body=run.definition.body,
        inputs=run.inputs,
        is_cancelled=run.cancel_requested_at is not None,
    )


def renew_leases(owner: str, *, lease_s: float) -> dict[str, int]:
    """Prolong every run the owner still holds; returns run id → fence of those."""
    with write_transaction(), connection.cursor() as cursor:
        cursor.execute(sql.renew(sql.dialect()), [lease_s, owner])
        held = {str(uuid.UUID(str(run_id))): fence for run_id, fence in cursor.fetchall()}
        failpoints.hit("run.renew")
    failpoints.hit("run.renewed")
    return held


def release_runs(owner: str) -> None:
    """Give up every run the owner holds; whoever claims one goes on from its records."""
    with write_transaction():
        Run.objects.filter(owner=owner, state="running").update(state="ready", owner="", lease_until=None)
        failpoints.hit("run.release")
    failpoints.hit("run.released")


def cancel_wishes(run_ids: Iterable[str]) -> list[str]:
    """Those of the given runs somebody wants cancelled."""
    wished = Run.objects.filter(pk__in=list(run_ids), cancel_requested_at__isnull=False)
    return [str(pk) for pk in wished.values_list("pk", flat=True)]


def load_progress(run_id: str, get_blob: GetBlob) -> RunProgress:
    """The fold of what is recorded of a run, big values fetched."""
    run = Run.objects.only("last_seq", "started_at").get(pk=run_id)
    records = [_record(row, get_blob) for row in NodeRun.objects.filter(run_id=run_id)]
    return RunProgress(run.last_seq, _seconds(run.started_at), newest_attempts(records))


def _record(row: NodeRun, get_blob: GetBlob) -> NodeRecord:
    outputs: dict[str, Any] | None = None
    if row.outputs is not None:
        outputs = {port: decode(value, get_blob) for port, value in row.outputs.items()}
    return NodeRecord(
        node_id=row.node_id,
        iteration_path=row.iteration_path,
        attempt=row.attempt,
        state=row.state,  # type: ignore[arg-type]  # only our own writer fills the column
        started_at=_seconds(row.started_at),
        finished_at=_seconds(row.finished_at),
        outputs=outputs,
        error=row.error,
        ports=row.ports,
    )


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
