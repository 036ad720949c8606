"""Nodes of a run on any worker of the fleet: the run's side.

A heavy node becomes a row (``NodeJob``) in the queue of its resource class; the first worker with room
that serves the queue does it. The row is the truth: messages only make workers look, a lost worker's job
is taken by another, and whoever takes the run over finds the jobs of the worker before it.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import structlog
from django.db import Error as DatabaseError

from apps.common import bus
from apps.executions.adapters import jobs
from apps.executions.adapters.host import in_database_thread
from apps.executions.adapters.job_frames import call_frame, chunk_answer, chunk_frame, read_answer
from apps.executions.adapters.jobs import JobNews, JobPlan
from apps.executions.adapters.writer import Claim
from apps.executions.types import JOBS_CHANNEL, Queue
from sage_studio.engine.chunks import ChunkAnswer, ChunkCall
from sage_studio.engine.context import RunContext
from sage_studio.engine.executors.call import NodeCall
from sage_studio.engine.executors.errors import NOBODY, PROCESS_ENDED
from sage_studio.engine.executors.home import hear_cost
from sage_studio.flow.spec import NodeSpec
from sage_studio.kernel import SageError
from sage_studio.sdk import Context, Needs

logger = structlog.get_logger(__name__)
# A node that asks for this much memory goes to the queue of the big machines.
MUCH_MEMORY_MB = 2_048
POLL_S = 1.0
# A queue nobody has taken anything from for this long has nobody who serves it.
NOBODY_AFTER_S = 60.0


@dataclass(slots=True)
class _Waiting:
    context: RunContext
    workspace_id: uuid.UUID
    queue: str
    answer: asyncio.Future[bytes]
    since: float = field(default_factory=time.monotonic)
    last_note: int = 0
    is_taken: bool = False


class Fleet:
    """Waits for the jobs of all runs of one worker. ``serve`` runs as long as the worker does; ``hint``
    tells workers of a queue that there is something (see ``tasks``)."""

    def __init__(self, *, hint: Callable[[str], None]) -> None:
        self._hint = hint
        self._waiting: dict[uuid.UUID, _Waiting] = {}
        self._poke = asyncio.Event()

    async def run(self, call: NodeCall, context: RunContext, claim: Claim) -> Mapping[str, Any]:
        """Have a worker do the call. Raises what the node raised, ``executor.nobody`` and
        ``executor.job_lost``."""
        content, same_as = call_frame(call, cast(Context, context))
        plan = JobPlan(
            run_id=uuid.UUID(call.run_id),
            run_fence=claim.fence,
            workspace_id=uuid.UUID(claim.workspace_id),
            node_id=call.node_id,
            iteration_path=call.iteration_path,
            queue=queue_of(call),
            is_repeatable=not call.at_most_once,
            content=content,
            same_as=same_as,
        )
        return await self._have_done(plan, context)

    async def run_chunk(self, call: ChunkCall, context: RunContext, claim: Claim) -> ChunkAnswer:
        """Have a worker do a whole chunk. Raises ``executor.nobody`` and ``executor.job_lost``."""
        content = chunk_frame(call)
        plan = JobPlan(
            run_id=uuid.UUID(call.run_id),
            run_fence=claim.fence,
            workspace_id=uuid.UUID(claim.workspace_id),
            node_id=call.container,
            iteration_path=call.title,
            queue=queue_of(call),
            is_repeatable=True,
            content=content,
            same_as=content,
        )
        return chunk_answer(await self._have_done(plan, context))

    async def _have_done(self, plan: JobPlan, context: RunContext) -> Mapping[str, Any]:
        queue, workspace_id = plan.queue, plan.workspace_id
        job_id = await in_database_thread(partial(jobs.job_put, plan))
        self._hint(queue)
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[job_id] = _Waiting(context, workspace_id, queue, future)
        self._poke.set()
        try:
            answer = await future
        except asyncio.CancelledError:
            # Whoever takes a resting run over finds the job; of any other run nobody wants it any more.
            if not context.is_resting:
                await asyncio.shield(_quietly(partial(jobs.job_cancel, job_id)))
            raise
        except SageError:
            await _quietly(partial(jobs.job_cancel, job_id))
            raise
        finally:
            self._waiting.pop(job_id, None)
        result, secrets = read_answer(answer)
        context.blot(secrets)
        await _quietly(partial(jobs.job_take, job_id))
        if isinstance(result, Exception):
            raise result
        return result

    async def serve(self) -> None:
        """Bring notes and answers from the rows to the runs, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            while True:
                await self._rest()
                if self._waiting:
                    await self._look()

    async def _listen(self) -> None:
        hints: AsyncGenerator[bytes, None]
        async with aclosing(bus.subscribe(JOBS_CHANNEL)) as hints:
            async for _ in hints:
                self._poke.set()

    async def _rest(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_S):
                await self._poke.wait()
        self._poke.clear()

    async def _look(self) -> None:
        asked = {job_id: waiting.last_note for job_id, waiting in self._waiting.items()}
        places = {job_id: waiting.workspace_id for job_id, waiting in self._waiting.items()}
        try:
            news = await in_database_thread(lambda: jobs.jobs_look(asked, places))
            for job_id in asked:
                if (waiting := self._waiting.get(job_id)) is not None and not waiting.answer.done():
                    await self._tell(waiting, news.get(job_id))
        except DatabaseError as error:
            logger.warning("jobs_not_read", error=type(error).__name__)

    async def _tell(self, waiting: _Waiting, news: JobNews | None) -> None:
        if news is None:
            # Its row was dropped by a worker that was told nobody wants it: the run has ended meanwhile.
            waiting.answer.set_exception(SageError(PROCESS_ENDED, {"how": "its job is gone"}))
            return
        for number, shape in news.notes:
            waiting.last_note = number
            _say(waiting.context, shape)
        waiting.is_taken = waiting.is_taken or news.state != "ready"
        if news.answer is not None:
            waiting.answer.set_result(news.answer)
        elif not waiting.is_taken and time.monotonic() - waiting.since > NOBODY_AFTER_S:
            queue = waiting.queue
            if not await in_database_thread(lambda: jobs.is_served(queue, NOBODY_AFTER_S)):
                waiting.answer.set_exception(SageError(NOBODY, {"queue": queue}))
            waiting.since = time.monotonic()


class RunFleet:
    """Implements ``NodeExecutor``: the fleet, for the nodes of one run under one claim."""

    def __init__(self, fleet: Fleet, claim: Claim) -> None:
        self._fleet = fleet
        self._claim = claim

    def takes(self, spec: NodeSpec) -> bool:
        """Only what is heavy is worth a row; the rest is done before a worker could take it."""
        return spec.cpu_bound or spec.blocking or spec.needs is not None

    async def run(self, call: NodeCall, context: Context) -> Mapping[str, Any]:
        assert isinstance(context, RunContext), "the fleet does the nodes of runs"
        return await self._fleet.run(call, context, self._claim)

    async def close(self) -> None:
        """Nothing is kept."""


class WholeRunFleet(RunFleet):
    """Implements ``ChunkPlace`` too: for runs of a whole flow, whose plan every worker can make."""

    async def run_chunk(self, call: ChunkCall, context: Context) -> ChunkAnswer:
        assert isinstance(context, RunContext), "the fleet does the chunks of runs"
        return await self._fleet.run_chunk(call, context, self._claim)


def queue_of(call: NodeCall | ChunkCall) -> Queue:
    """The queue of a call's resource class."""
    needs: Needs = call.needs
    if needs.gpu:
        return Queue.GPU
    if needs.memory_mb >= MUCH_MEMORY_MB:
        return Queue.MEMORY
    return Queue.CPU if needs.cpu or call.is_cpu_bound else Queue.DEFAULT


def _say(context: RunContext, shape: Mapping[str, Any]) -> None:
    if shape.get("kind") == "log":
        context.log(shape["message"], level=shape["level"], **shape["fields"])
    elif shape.get("kind") == "cost":
        hear_cost(cast(Context, context), shape)
    else:
        context.progress(shape["done"], shape["total"], shape["message"])


async def _quietly(work: Callable[[], None]) -> None:
    """What is left undone here is done when the run ends or the job's lease does."""
    try:
        await in_database_thread(work)
    except DatabaseError as error:
        logger.warning("job_not_told", error=type(error).__name__)
