"""The rows of node jobs: put, watched and taken by a run's worker, claimed and answered by any other.

Synchronous; called in database threads. The rows are the truth; messages only make workers look.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import IntegrityError
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from apps.common import failpoints
from apps.common.bus import publish_on_commit
from apps.common.db import write_transaction
from apps.executions.adapters.job_frames import fault_frame
from apps.executions.adapters.sealing import CannotOpen, digest, seal, unseal
from apps.executions.errors import JOB_UNREADABLE
from apps.executions.models import NodeJob, NodeJobNote, Run
from apps.executions.types import FINAL_STATES, JOBS_CHANNEL
from apps.files.selectors import blob_get
from apps.files.services import blob_put
from sage_studio.engine.errors import OUTCOME_UNKNOWN
from sage_studio.engine.executors.errors import JOB_LOST, PROCESS_ENDED
from sage_studio.kernel import ErrorCode, JsonObject, SageError

# A payload over this size lies in a blob and not in the row.
MAX_ROW_BYTES = 4 << 20
MAX_CLAIMS = 3
_SEALED_MIME = "application/octet-stream"
_OPEN = (NodeJob.State.READY, NodeJob.State.RUNNING)


@dataclass(frozen=True, slots=True)
class JobPlan:
    """What is to be done: ``content`` is the call as a frame, ``same_as`` the part of it by which a job of
    an earlier worker is known."""

    run_id: uuid.UUID
    run_fence: int
    workspace_id: uuid.UUID
    node_id: str
    iteration_path: str
    queue: str
    is_repeatable: bool
    content: bytes
    same_as: bytes


@dataclass(frozen=True, slots=True)
class JobNews:
    """Where a job stands for its run: its answer (a sealed frame, opened) or loss, and new notes."""

    state: str
    answer: bytes | None
    notes: list[tuple[int, JsonObject]]


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job this worker holds."""

    id: uuid.UUID
    fence: int
    run_id: uuid.UUID
    flow_id: uuid.UUID
    workspace_id: uuid.UUID
    run_fence: int
    definition_id: uuid.UUID
    content: bytes


# The run's side


def job_put(plan: JobPlan) -> uuid.UUID:
    """The job of this plan: the one an earlier worker of the run put and nobody has taken, or a new one.

    Raises SageError ``executor.process_ended`` when the run is another worker's by now."""
    name = digest(plan.same_as)
    key = {"run_id": plan.run_id, "node_id": plan.node_id, "iteration_path": plan.iteration_path}
    job = NodeJob(**key, queue=plan.queue, is_repeatable=plan.is_repeatable, digest=name)
    job.call, job.call_key = _box(plan.workspace_id, plan.content, f"call {job.pk}")
    try:
        with write_transaction():
            _require_run(plan)
            # What an earlier worker of the run wanted done here with other values, nobody waits for.
            _cancel(NodeJob.objects.filter(**key, is_cancelled=False).exclude(digest=name))
            job.save(force_insert=True)
            failpoints.hit("job.put")
            publish_on_commit(JOBS_CHANNEL, plan.queue.encode())
    except IntegrityError:
        held = NodeJob.objects.filter(**key, digest=name, state__in=[*_OPEN, NodeJob.State.DONE])
        return held.filter(is_cancelled=False).values_list("pk", flat=True).get()
    failpoints.hit("job.was_put")
    return job.pk


def _require_run(plan: JobPlan) -> None:
    """Nobody but the holder of the run may have something done for it."""
    held = Run.objects.select_for_update(no_key=True).filter(pk=plan.run_id, fence=plan.run_fence)
    if not held.values_list("pk").first():
        raise SageError(PROCESS_ENDED, {"how": "its run is another worker's by now"})


def jobs_look(
    waiting: Mapping[uuid.UUID, int], workspace_id_of: Mapping[uuid.UUID, uuid.UUID]
) -> dict[uuid.UUID, JobNews]:
    """News of the given jobs (id → last note seen). A job that is gone is not among them."""
    # Rows first: notes are written before the answer, so none that belongs to it is missed.
    rows = list(NodeJob.objects.filter(pk__in=waiting).defer("call"))
    notes: dict[uuid.UUID, list[tuple[int, JsonObject]]] = {}
    found = NodeJobNote.objects.filter(job__in=waiting, pk__gt=min(waiting.values())).order_by("pk")
    for note in found:
        if note.pk > waiting[note.job_id]:
            notes.setdefault(note.job_id, []).append((note.pk, note.shape))
    news = {}
    for row in rows:
        answer = None
        if row.state in (NodeJob.State.DONE, NodeJob.State.FAILED):
            answer = _answer_of(row, workspace_id_of[row.pk])
        news[row.pk] = JobNews(row.state, answer, notes.get(row.pk, []))
    return news


def _answer_of(row: NodeJob, workspace_id: uuid.UUID) -> bytes:
    """An answer that cannot be read is a failure like any other."""
    try:
        return _unbox(workspace_id, row.answer, row.answer_key, f"answer {row.pk}")
    except SageError as error:
        return fault_frame(error, ())


def job_take(job_id: uuid.UUID) -> None:
    """The run has the answer: the row has done its work."""
    with write_transaction():
        NodeJob.objects.filter(pk=job_id).delete()
        failpoints.hit("job.take")
    failpoints.hit("job.taken")


def job_cancel(job_id: uuid.UUID) -> None:
    """Nobody wants the answer any more; whoever is at it stops."""
    with write_transaction():
        _cancel(NodeJob.objects.filter(pk=job_id))


def _cancel(unwanted: QuerySet[NodeJob]) -> None:
    unwanted.exclude(state=NodeJob.State.RUNNING).delete()
    if unwanted.update(is_cancelled=True):
        publish_on_commit(JOBS_CHANNEL, b"cancel")


def is_served(queue: str, within_s: float) -> bool:
    """Whether somebody has lately taken or still holds a job of the queue."""
    held = Q(claimed_at__gt=Now() - timedelta(seconds=within_s)) | Q(lease_until__gt=Now())
    return NodeJob.objects.filter(held, queue=queue).exists()


# Any worker's side


def jobs_claim(owner: str, *, queues: Collection[str], limit: int, lease_s: float) -> list[ClaimedJob]:
    """Take jobs that are ready or whose worker is gone, oldest first. Those that must not or cannot be
    begun again are answered with a failure; those of runs that have ended go."""
    due = Q(state=NodeJob.State.READY) | Q(state=NodeJob.State.RUNNING, lease_until__lt=Now())
    open_jobs = NodeJob.objects.filter(due, queue__in=queues, is_cancelled=False)
    if not open_jobs.exists():
        return []
    ended = Run.objects.filter(pk=OuterRef("run_id"), state__in=FINAL_STATES)
    with write_transaction():
        open_jobs.filter(Exists(ended)).delete()
        rows = list(open_jobs.select_for_update(skip_locked=True).order_by("created_at")[:limit])
        fit = [row for row in rows if not _refuse(row)]
        NodeJob.objects.filter(pk__in=[row.pk for row in fit]).update(
            state=NodeJob.State.RUNNING,
            owner=owner,
            fence=F("fence") + 1,
            claims=F("claims") + 1,
            claimed_at=Now(),
            lease_until=Now() + timedelta(seconds=lease_s),
        )
        failpoints.hit("job.claim")
    failpoints.hit("job.claimed")
    runs = Run.objects.in_bulk({row.run_id for row in fit})
    claimed = (_claimed(row, runs[row.run_id]) for row in fit if row.run_id in runs)
    return [job for job in claimed if job is not None]


def _refuse(row: NodeJob) -> bool:
    """Fail a job that was lost too often, or once when its effect must not happen twice."""
    if row.claims == 0 or (row.is_repeatable and row.claims < MAX_CLAIMS):
        return False
    code: ErrorCode = JOB_LOST if row.is_repeatable else OUTCOME_UNKNOWN
    _fail(row, SageError(code, {"claims": row.claims}, retryable=False))
    return True


def _fail(row: NodeJob, error: SageError) -> None:
    row.state, row.owner = NodeJob.State.FAILED, ""
    row.answer = seal(fault_frame(error, ()), f"answer {row.pk}")
    row.save(update_fields=["state", "owner", "answer"])
    publish_on_commit(JOBS_CHANNEL, b"answer")


def _claimed(row: NodeJob, run: Run) -> ClaimedJob | None:
    """None for a job that cannot be read; it has failed then."""
    try:
        content = _unbox(run.workspace_id, row.call, row.call_key, f"call {row.pk}")
    except SageError as error:
        with write_transaction():
            _fail(row, error)
        return None
    return ClaimedJob(
        id=row.pk,
        fence=row.fence + 1,
        run_id=run.pk,
        flow_id=run.flow_id,
        workspace_id=run.workspace_id,
        run_fence=run.fence,
        definition_id=run.definition_id,
        content=content,
    )


def jobs_renew(owner: str, job_ids: Collection[uuid.UUID], *, lease_s: float) -> dict[uuid.UUID, int]:
    """Prolong what the owner is at; id → fence of the jobs it is still to go on with: those somebody
    cancelled, and those of runs that have ended, are not among them. A job it has claimed without hearing
    of it (the answer was lost with the database) is not prolonged, so that another worker gets it."""
    with write_transaction():
        mine = NodeJob.objects.filter(pk__in=job_ids, owner=owner, state=NodeJob.State.RUNNING)
        mine.update(lease_until=Now() + timedelta(seconds=lease_s))
        ended = Run.objects.filter(pk=OuterRef("run_id"), state__in=FINAL_STATES)
        wanted = mine.filter(~Exists(ended), is_cancelled=False)
        return dict(wanted.values_list("pk", "fence"))


def job_answer(job: ClaimedJob, state: str, content: bytes) -> bool:
    """Hand in the answer; False when the job is another worker's by now."""
    answer, key = _box(job.workspace_id, content, f"answer {job.id}")
    with write_transaction():
        held = NodeJob.objects.filter(pk=job.id, fence=job.fence, state=NodeJob.State.RUNNING)
        count = held.update(state=state, answer=answer, answer_key=key, owner="", lease_until=None)
        failpoints.hit("job.answer")
        publish_on_commit(JOBS_CHANNEL, b"answer")
    failpoints.hit("job.answered")
    return bool(count)


def job_drop(job: ClaimedJob, *, is_wanted: bool) -> None:
    """Stop holding a job: one that is wanted goes back for another worker, the rest away."""
    with write_transaction():
        held = NodeJob.objects.filter(pk=job.id, fence=job.fence, state=NodeJob.State.RUNNING)
        if is_wanted:
            held.filter(is_repeatable=True, is_cancelled=False).update(
                state=NodeJob.State.READY, owner="", lease_until=None, claims=F("claims") - 1
            )
            held.update(lease_until=Now())
        else:
            held.delete()
        publish_on_commit(JOBS_CHANNEL, b"dropped")


def notes_put(job: ClaimedJob, shapes: Iterable[JsonObject]) -> None:
    """Write lines and progress, while the job is still this worker's."""
    with write_transaction():
        if NodeJob.objects.filter(pk=job.id, fence=job.fence).exists():
            NodeJobNote.objects.bulk_create([NodeJobNote(job_id=job.id, shape=shape) for shape in shapes])
        publish_on_commit(JOBS_CHANNEL, b"note")


def _box(workspace_id: uuid.UUID, content: bytes, place: str) -> tuple[bytes | None, str]:
    sealed = seal(content, place)
    if len(sealed) <= MAX_ROW_BYTES:
        return sealed, ""
    return None, blob_put(workspace_id, sealed, _SEALED_MIME)


def _unbox(workspace_id: uuid.UUID, held: Any, key: str, place: str) -> bytes:
    """Raises SageError ``job.unreadable`` when no key opens it."""
    try:
        return unseal(blob_get(workspace_id, key) if key else bytes(held), place)
    except CannotOpen as error:
        raise SageError(JOB_UNREADABLE) from error
