"""The run writer: one thread and connection through which all runs of a worker reach the disk.

Completions that arrive while a commit is under way share the next one. Each batch is conditional
on its run's fence; a batch that lost its fence is left out and told so, the others are written.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.db import Error as DatabaseError, InterfaceError, OperationalError, connection
from django.utils import timezone

from apps.common import failpoints
from apps.common.bus import publish_on_commit
from apps.common.db import PlainCursor, plain_transaction, put_rows, whole_transaction
from apps.common.events import emit, is_heard
from apps.common.ids import ordered_hex
from apps.executions.adapters import sql
from apps.executions.adapters.codec import PutBlob, dump, encode_outputs
from apps.executions.debug_selectors import is_commanded
from apps.executions.models import NEVER, NodeRun, Signal, due_now
from apps.executions.types import WORKERS_CHANNEL
from apps.flows.services import flow_run_noted
from sage_studio.engine import Batch, FenceLost, FlowState, NodeRecord, RunOutcome, signal_key
from sage_studio.engine.errors import WORKER_LOST
from sage_studio.engine.records import has_checkpoint

logger = structlog.get_logger(__name__)
MAX_RUNS_PER_COMMIT = 50
# The lease lasts 30 s; a writer that has not got through by then writes for nobody.
GIVE_UP_S = 20.0
_PAUSE_S = 0.25
_Answer = tuple[asyncio.Future[None], BaseException | None]


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's hold on a run."""

    run_id: str
    flow_id: str
    workspace_id: str
    owner: str
    fence: int
    parent_run_id: str | None = None
    parent_path: str = ""


@dataclass(slots=True)
class _Job:
    claim: Claim
    batch: Batch
    put_blob: PutBlob
    answer: asyncio.Future[None]
    nodes: list[tuple[Any, ...]] = field(default_factory=list)
    events: list[tuple[Any, ...]] = field(default_factory=list)
    outputs: str | None = None


class RunWriter:
    """Start it, ``submit`` batches from any thread, ``close`` it."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="run-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Write what is queued and end."""
        self._queue.put(None)
        self._thread.join()

    async def record(self, claim: Claim, batch: Batch, put_blob: PutBlob) -> None:
        """Return when the batch is durable. Raises FenceLost, or what the database said."""
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.put(_Job(claim, batch, put_blob, answer))
        await answer

    def _work(self) -> None:
        is_open = True
        while is_open:
            first = self._queue.get()
            jobs = [first] if first else []
            is_open = first is not None
            while is_open and len(jobs) < MAX_RUNS_PER_COMMIT and not self._queue.empty():
                job = self._queue.get()
                if job is None:
                    is_open = False
                else:
                    jobs.append(job)
            self._write_all(jobs)
        connection.close()

    def _write_all(self, jobs: list[_Job]) -> None:
        ready = [job for job in jobs if self._prepare(job)]
        # All who lock several runs do so in one order, so that nobody waits in a circle.
        ready.sort(key=lambda job: job.claim.run_id)
        if not ready:
            return
        try:
            self._commit(ready)
        except DatabaseError:
            # One run's values must not hold up the others: each on its own, patiently.
            for job in ready:
                self._write_alone(job)

    def _prepare(self, job: _Job) -> bool:
        """Turn values into text before the transaction: the write lock is not held meanwhile."""
        try:
            job.nodes = [_node_row(job, record) for record in job.batch.nodes.values()]
            job.events = _event_rows(job)
            outcome = job.batch.outcome
            if outcome is not None and outcome.outputs is not None:
                job.outputs = encode_outputs(outcome.outputs, job.put_blob)
        except Exception as error:  # a value nobody can store fails its own run only
            logger.exception("run_batch_not_storable", run_id=job.claim.run_id)
            _tell([(job, error)])
            return False
        return True

    def _commit(self, jobs: list[_Job]) -> None:
        is_ending = any(job.batch.outcome is not None for job in jobs)
        is_telling = is_ending and any(map(_tells_others, jobs))
        with whole_transaction() if is_telling else plain_transaction() as cursor:
            lost = [job for job in jobs if not _apply(job, cursor)]
            failpoints.hit("run.record")
            if is_ending:
                failpoints.hit("run.finish")
        failpoints.hit("run.recorded")
        if is_ending:
            failpoints.hit("run.finished")
        _tell([(job, FenceLost(job.claim.run_id) if job in lost else None) for job in jobs])

    def _write_alone(self, job: _Job) -> None:
        give_up_at = time.monotonic() + GIVE_UP_S
        while True:
            try:
                self._commit([job])
            except DatabaseError as error:
                can_pass = isinstance(error, (OperationalError, InterfaceError))
                if not can_pass or time.monotonic() > give_up_at:
                    _tell([(job, error)])
                    return
                logger.warning("run_batch_retried", run_id=job.claim.run_id, error=type(error).__name__)
                connection.close()
                time.sleep(_PAUSE_S)
            else:
                return


def _tell(answers: Sequence[tuple[_Job, BaseException | None]]) -> None:
    """What became of batches. Each event loop is woken once, however many of its runs wait for the commit."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Answer]] = {}
    for job, error in answers:
        by_loop.setdefault(job.answer.get_loop(), []).append((job.answer, error))
    for loop, settled in by_loop.items():
        loop.call_soon_threadsafe(_settle, settled)


def _settle(answers: Sequence[_Answer]) -> None:
    for answer, error in answers:
        if answer.done():  # its run was cancelled meanwhile
            continue
        if error is None:
            answer.set_result(None)
        else:
            answer.set_exception(error)


def _apply(job: _Job, cursor: PlainCursor) -> bool:
    """One batch inside the transaction; False when the fence is lost and nothing was written."""
    outcome = job.batch.outcome
    if outcome is None:
        cursor.execute(sql.HOLD, _hold_values(job))
    elif outcome.state is FlowState.RUNNING:
        cursor.execute(sql.PARK, _park_values(job, outcome))
    else:
        cursor.execute(sql.FINISH, _finish_values(job, outcome))
    if cursor.rowcount != 1:
        logger.warning("late_writer_refused", run_id=job.claim.run_id, fence=job.claim.fence)
        return False
    if job.batch.spent is not None:
        cursor.execute(sql.SPENT, [*job.batch.spent, sql.row_id(job.claim.run_id)])
    if job.nodes:
        put_rows(cursor, sql.PUT_NODE, job.nodes)
    if job.events:
        put_rows(cursor, sql.PUT_EVENT, job.events)
    if outcome is not None:
        _let_go(job, outcome, cursor)
    return True


def _tells_others(job: _Job) -> bool:
    """Whether the batch does what needs Django's whole machinery: hooks after its commit, or the ORM. All
    that the end of an ordinary run does beside it is to change its flow's entry in lists."""
    outcome = job.batch.outcome
    if outcome is None:
        return False
    is_ordinary = outcome.state is FlowState.COMPLETED and job.claim.parent_run_id is None
    return not is_ordinary or is_heard("run.finished")


def _let_go(job: _Job, outcome: RunOutcome, cursor: PlainCursor) -> None:
    """What follows when a run ended, paused or was parked, in the same transaction."""
    run_id = sql.row_id(job.claim.run_id)
    if outcome.state is FlowState.RUNNING:
        is_due = _is_answered(job) or is_commanded(uuid.UUID(job.claim.run_id))
        cursor.execute(sql.WAKE if is_due else sql.WAKE_ASKED, [_due(), run_id])
        return
    if outcome.state is FlowState.PAUSED:
        cursor.execute(sql.UNPAUSE, [_due(), run_id])
    elif outcome.state.is_final and job.claim.parent_run_id is not None:
        _tell_parent(job.claim, cursor)
    _announce(job.claim, outcome)


def _due() -> str | None:
    return sql.stamp(due_now().timestamp())


def _is_answered(job: _Job) -> bool:
    """Whether a signal was taken for the run between its decision to wait and this commit: its node still
    waits in the books, so the run must be taken up again.

    The rows say so, not what the worker remembers: a signal is marked as taken before the run hears of it.
    """
    run_id = job.claim.run_id
    taken = set(Signal.objects.filter(run_id=run_id, is_taken=True).values_list("key", flat=True))
    if not taken:
        return False
    waiting = NodeRun.objects.filter(run_id=run_id, state="waiting")
    pending = {
        signal_key(node_id, path, name)
        for node_id, path, waits in waiting.values_list("node_id", "iteration_path", "waits")
        for name, wait in (waits or {}).items()
        if not wait.get("done")
    }
    return not pending.isdisjoint(taken)


def _tell_parent(claim: Claim, cursor: PlainCursor) -> None:
    """The end of a child is a signal to its parent; it counts with the end itself."""
    values = [
        sql.row_id(str(claim.parent_run_id)),
        claim.parent_path,
        None,
        sql.row_id(claim.run_id),
        sql.stamp(time.time()),
    ]
    cursor.execute(sql.PUT_SIGNAL, values)
    publish_on_commit(WORKERS_CHANNEL, b"signal")


def _announce(claim: Claim, outcome: RunOutcome) -> None:
    """Tell the rest of the product in the same transaction that a run ended or paused."""
    state = outcome.state.value
    if outcome.state.is_final:
        emit("run.finished", {"run_id": claim.run_id, "state": state})
    if state == "failed":
        emit("run.failed", {"run_id": claim.run_id})
    if claim.parent_run_id is not None:
        return
    flow_run_noted(
        flow_id=uuid.UUID(claim.flow_id),
        run_id=uuid.UUID(claim.run_id),
        state=state,
        finished_at=timezone.now() if outcome.state.is_final else None,
    )


def _written(job: _Job) -> list[Any]:
    """What every batch changes of its run: newest event number (one without events leaves it as it
    is), beginning, time, and the factor for its losses."""
    events = job.batch.events
    last_seq = events[-1].seq if events else None
    began = sql.stamp(events[0].at) if events else None
    last_at = sql.stamp(events[-1].at if events else time.time())
    gets_on = any(one.state == "completed" or has_checkpoint(one) for one in job.batch.nodes.values())
    return [last_seq, began, last_at, 0 if gets_on else 1]


def _held(job: _Job) -> list[Any]:
    return [sql.row_id(job.claim.run_id), job.claim.fence, job.claim.owner]


def _hold_values(job: _Job) -> list[Any]:
    return [*_written(job), *_held(job)]


def _park_values(job: _Job, outcome: RunOutcome) -> list[Any]:
    last_seq, began, last_at, _ = _written(job)
    wake_at = NEVER.timestamp() if outcome.wake_at is None else outcome.wake_at
    return [last_seq, began, last_at, sql.stamp(min(wake_at, NEVER.timestamp())), *_held(job)]


def _finish_values(job: _Job, outcome: RunOutcome) -> list[Any]:
    written = _written(job)
    return [
        *written,
        outcome.state.value,
        written[2] if outcome.state.is_final else None,
        job.outputs,
        dump(outcome.error) if outcome.error is not None else None,
        outcome.reason,
        _due() if outcome.state is FlowState.READY else None,
        *_held(job),
    ]


def _node_row(job: _Job, record: NodeRecord) -> tuple[Any, ...]:
    error = record.error
    return (
        ordered_hex(),
        sql.row_id(job.claim.run_id),
        record.node_id,
        record.iteration_path,
        record.attempt,
        record.state,
        sql.stamp(record.started_at),
        sql.stamp(record.finished_at),
        encode_outputs(record.outputs, job.put_blob) if record.outputs is not None else None,
        dump(error) if error is not None else None,
        dump(record.ports) if record.ports is not None else None,
        encode_outputs(record.inputs, job.put_blob) if record.inputs is not None else None,
        dump(record.config) if record.config is not None else None,
        encode_outputs(record.waits, job.put_blob) if record.waits else None,
        dump(record.resources) if record.resources is not None else None,
        _outer_path(record),
        error is not None and error["code"] == WORKER_LOST.code,
    )


def _outer_path(record: NodeRecord) -> str | None:
    """For an iteration's own record, the path its container lives in."""
    path = record.iteration_path
    if not path:
        return None
    outer, _, step = path.rpartition("/")
    return outer if step.partition(".")[0] == record.node_id else None


def _event_rows(job: _Job) -> list[tuple[Any, ...]]:
    run_id = sql.row_id(job.claim.run_id)
    return [
        (
            run_id,
            event.seq,
            event.type,
            sql.stamp(event.at),
            event.node_id or "",
            event.iteration_path,
            event.attempt,
            dump(event.data),
        )
        for event in job.batch.events
    ]
