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
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from django.db import Error as DatabaseError, InterfaceError, OperationalError, connection
from django.utils import timezone

from apps.common import failpoints
from apps.common.db import write_transaction
from apps.common.events import emit
from apps.executions.adapters import sql
from apps.executions.adapters.codec import PutBlob, dump, encode_outputs
from apps.flows.services import flow_run_noted
from sage_studio.engine import Batch, FenceLost, NodeRecord, RunOutcome

logger = structlog.get_logger(__name__)
MAX_RUNS_PER_COMMIT = 50
# The lease lasts 30 s; a writer that has not got through by then writes for nobody.
GIVE_UP_S = 20.0
_PAUSE_S = 0.25


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's hold on a run."""

    run_id: str
    flow_id: str
    workspace_id: str
    owner: str
    fence: int


@dataclass(slots=True)
class _Job:
    claim: Claim
    batch: Batch
    put_blob: PutBlob
    done: Callable[[BaseException | None], None]
    nodes: list[tuple[Any, ...]]
    events: list[tuple[Any, ...]]


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
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[None] = loop.create_future()

        def settle(error: BaseException | None) -> None:
            if answer.done():
                return
            if error is None:
                answer.set_result(None)
            else:
                answer.set_exception(error)

        def done(error: BaseException | None) -> None:
            loop.call_soon_threadsafe(settle, error)

        self._queue.put(_Job(claim, batch, put_blob, done, [], []))
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
        except Exception as error:  # a value nobody can store fails its own run only
            logger.exception("run_batch_not_storable", run_id=job.claim.run_id)
            job.done(error)
            return False
        return True

    def _commit(self, jobs: list[_Job]) -> None:
        is_ending = any(job.batch.outcome is not None for job in jobs)
        with write_transaction(), connection.cursor() as cursor:
            lost = [job for job in jobs if not _apply(job, cursor)]
            failpoints.hit("run.record")
            if is_ending:
                failpoints.hit("run.finish")
        failpoints.hit("run.recorded")
        if is_ending:
            failpoints.hit("run.finished")
        for job in jobs:
            job.done(FenceLost(job.claim.run_id) if job in lost else None)

    def _write_alone(self, job: _Job) -> None:
        give_up_at = time.monotonic() + GIVE_UP_S
        while True:
            try:
                self._commit([job])
            except DatabaseError as error:
                can_pass = isinstance(error, (OperationalError, InterfaceError))
                if not can_pass or time.monotonic() > give_up_at:
                    job.done(error)
                    return
                logger.warning("run_batch_retried", run_id=job.claim.run_id, error=type(error).__name__)
                connection.close()
                time.sleep(_PAUSE_S)
            else:
                return


def _apply(job: _Job, cursor: Any) -> bool:
    """One batch inside the transaction; False when the fence is lost and nothing was written."""
    if job.batch.outcome is None:
        cursor.execute(sql.HOLD, _hold_values(job))
    else:
        cursor.execute(sql.FINISH, _finish_values(job, job.batch.outcome))
    if cursor.rowcount != 1:
        logger.warning("late_writer_refused", run_id=job.claim.run_id, fence=job.claim.fence)
        return False
    if job.nodes:
        cursor.executemany(sql.PUT_NODE, job.nodes)
    if job.events:
        cursor.executemany(sql.PUT_EVENT, job.events)
    if job.batch.outcome is not None:
        _announce(job.claim, job.batch.outcome)
    return True


def _announce(claim: Claim, outcome: RunOutcome) -> None:
    """Tell the rest of the product in the same transaction that a run ended or paused."""
    state = outcome.state.value
    if outcome.state.is_final:
        emit("run.finished", {"run_id": claim.run_id, "state": state})
    if state == "failed":
        emit("run.failed", {"run_id": claim.run_id})
    flow_run_noted(
        flow_id=uuid.UUID(claim.flow_id),
        run_id=uuid.UUID(claim.run_id),
        state=state,
        finished_at=timezone.now() if outcome.state.is_final else None,
    )


def _hold_values(job: _Job) -> tuple[Any, ...]:
    """Parameters of HOLD; a batch without events leaves the event number as it is."""
    events, claim = job.batch.events, job.claim
    last_seq = events[-1].seq if events else None
    began = sql.stamp(events[0].at) if events else None
    last_at = sql.stamp(events[-1].at if events else time.time())
    return last_seq, began, last_at, sql.row_id(claim.run_id), claim.fence, claim.owner


def _finish_values(job: _Job, outcome: RunOutcome) -> tuple[Any, ...]:
    last_seq, started, last_at, *held = _hold_values(job)
    return (
        last_seq,
        started,
        last_at,
        outcome.state.value,
        last_at if outcome.state.is_final else None,
        encode_outputs(outcome.outputs, job.put_blob) if outcome.outputs is not None else None,
        dump(outcome.error) if outcome.error is not None else None,
        outcome.reason,
        *held,
    )


def _node_row(job: _Job, record: NodeRecord) -> tuple[Any, ...]:
    return (
        uuid.uuid4().hex,
        sql.row_id(job.claim.run_id),
        record.node_id,
        record.iteration_path,
        record.attempt,
        record.state,
        sql.stamp(record.started_at),
        sql.stamp(record.finished_at),
        encode_outputs(record.outputs, job.put_blob) if record.outputs is not None else None,
        dump(record.error) if record.error is not None else None,
        dump(record.ports) if record.ports is not None else None,
    )


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
