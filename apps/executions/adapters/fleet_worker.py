"""Nodes of a run on any worker of the fleet: the side that does them.

Claims jobs of the queues it serves while it has room, keeps their leases, runs each as its run would
(computing in a process, blocking in a thread, waiting on the loop) and writes the answer.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from functools import partial
from typing import Any, cast

import structlog
from django.db import Error as DatabaseError

from apps.common import bus
from apps.credentials.services import variables_for_run
from apps.credentials.types import DRAFT
from apps.executions.adapters import jobs
from apps.executions.adapters.host import DjangoHost, in_database_thread
from apps.executions.adapters.job_context import JobContext
from apps.executions.adapters.job_frames import answer_frame, chunk_answer_frame, fault_frame, read_call
from apps.executions.adapters.jobs import ClaimedJob
from apps.executions.types import JOBS_CHANNEL
from sage_studio.engine import Plan, RunOptions
from sage_studio.engine.chunk_work import do_chunk
from sage_studio.engine.chunks import ChunkAnswer, ChunkCall
from sage_studio.engine.errors import NODE_TIMEOUT
from sage_studio.engine.executors.away import node_class
from sage_studio.engine.executors.call import NodeCall, NodeExecutor
from sage_studio.engine.executors.placing import PROCESS, ComputingElsewhere
from sage_studio.engine.ferry import run_in_thread
from sage_studio.engine.resources import ResourcePool
from sage_studio.engine.stepping import run_whole
from sage_studio.kernel import SageError
from sage_studio.sdk import Context

PlanOf = Callable[[ClaimedJob], Awaitable[Plan]]
logger = structlog.get_logger(__name__)
NOTES_EVERY_S = 0.1


class JobWorker:
    """``serve`` runs as long as the run worker it belongs to; ``room`` is how many jobs it does at once."""

    def __init__(
        self,
        owner: str,
        *,
        queues: Collection[str],
        room: int,
        processes: NodeExecutor,
        threads: ThreadPoolExecutor,
        resources: ResourcePool,
        plan_of: PlanOf,
        lease_s: float,
        heartbeat_s: float,
        poll_s: float,
    ) -> None:
        self._owner = f"{owner}/jobs"
        self._queues = tuple(queues)
        self._room = room
        self._processes = processes
        self._threads = threads
        self._resources = resources
        self._plan_of = plan_of
        self._lease_s, self._heartbeat_s, self._poll_s = lease_s, heartbeat_s, poll_s
        self._poke = asyncio.Event()
        self._active: dict[uuid.UUID, tuple[ClaimedJob, asyncio.Task[None]]] = {}
        self._unwanted: set[uuid.UUID] = set()

    def wake(self) -> None:
        """Look for jobs now."""
        self._poke.set()

    def drain(self) -> None:
        """Take nothing more."""
        self._room = 0

    async def serve(self) -> None:
        """Claim and do jobs until cancelled; then those under way go back for others."""
        if not self._queues:
            return
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._keep())
            while True:
                self._poke.clear()
                if not await self._claim(group):
                    with suppress(TimeoutError):
                        async with asyncio.timeout(self._poll_s):
                            await self._poke.wait()

    async def _listen(self) -> None:
        hints: AsyncGenerator[bytes, None]
        async with aclosing(bus.subscribe(JOBS_CHANNEL)) as hints:
            async for hint in hints:
                if hint.decode() in self._queues:
                    self._poke.set()
                elif hint == b"cancel":
                    await self._compare()

    async def _claim(self, group: asyncio.TaskGroup) -> bool:
        free = self._room - len(self._active)
        if free <= 0:
            return False
        claim = partial(jobs.jobs_claim, self._owner, queues=self._queues, limit=free, lease_s=self._lease_s)
        try:
            claimed = await in_database_thread(claim)
        except DatabaseError as error:
            logger.warning("jobs_not_claimed", error=type(error).__name__)
            return False
        for job in claimed:
            if (older := self._active.get(job.id)) is not None:
                older[1].cancel()
            self._active[job.id] = job, group.create_task(self._do(job))
        return bool(claimed)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self._heartbeat_s)
            if self._active:
                await self._compare()

    async def _compare(self) -> None:
        """Renew the leases, and stop what nobody wants or another worker has by now."""
        asked = dict(self._active)
        try:
            renew = partial(jobs.jobs_renew, self._owner, list(asked), lease_s=self._lease_s)
            held = await in_database_thread(renew)
        except DatabaseError as error:
            logger.warning("jobs_not_renewed", error=type(error).__name__)
            return
        for job_id, (job, task) in asked.items():
            if held.get(job_id) != job.fence and not task.done():
                self._unwanted.add(job_id)
                task.cancel()

    async def _do(self, job: ClaimedJob) -> None:
        """One job to its answer; raises nothing but cancellation, because others share the group."""
        log = logger.bind(job_id=str(job.id), run_id=str(job.run_id))
        try:
            state, answer = await self._answer(job)
            if not await in_database_thread(partial(jobs.job_answer, job, state, answer)):
                log.warning("job_taken_over", fence=job.fence)
        except asyncio.CancelledError:
            is_wanted = job.id not in self._unwanted
            await asyncio.shield(self._drop(job, is_wanted=is_wanted))
            if is_wanted:
                raise
        except DatabaseError as error:
            # The lease runs out and somebody else does it again.
            log.warning("job_not_answered", error=type(error).__name__)
        finally:
            self._active.pop(job.id, None)
            self._unwanted.discard(job.id)
            self._poke.set()

    async def _drop(self, job: ClaimedJob, *, is_wanted: bool) -> None:
        with suppress(DatabaseError):
            await in_database_thread(partial(jobs.job_drop, job, is_wanted=is_wanted))

    async def _answer(self, job: ClaimedJob) -> tuple[str, bytes]:
        host = DjangoHost(
            workspace_id=job.workspace_id, flow_id=job.flow_id, run_id=job.run_id, fence=job.run_fence
        )
        # What expressions have put into this job's settings may hold them; lines written here must not.
        _values, hidden = await in_database_thread(partial(variables_for_run, job.workspace_id, DRAFT))
        host.secrets_seen.update(hidden)
        secrets: Collection[str] = host.secrets_seen
        try:
            call = read_call(job.content)
            if isinstance(call, ChunkCall):
                return "done", chunk_answer_frame(await self._chunk(job, call, host), secrets)
        except SageError as refused:
            return "failed", fault_frame(refused, secrets)
        context = JobContext(call, host, self._threads)
        is_over = asyncio.Event()
        answer = b""
        failure: Exception | None = None
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tell(job, context, is_over))
            try:
                answer = answer_frame(await self._run(call, context), secrets)
            except Exception as error:  # noqa: BLE001 - the edge to node code: failures are answers here
                failure = error
            finally:
                is_over.set()
        return ("done", answer) if failure is None else ("failed", fault_frame(failure, secrets))

    async def _chunk(self, job: ClaimedJob, call: ChunkCall, host: DjangoHost) -> ChunkAnswer:
        """Iterations of a container; each of their nodes takes what it needs of this worker."""
        plan = await self._plan_of(job)
        places = ComputingElsewhere({PROCESS: self._processes})
        options = RunOptions(executors=places, resources=self._resources)
        return await do_chunk(plan, call, host=host, threads=self._threads, options=options)

    async def _run(self, call: NodeCall, context: JobContext) -> Mapping[str, Any]:
        """As the run's own worker would, within what this worker has; raises what the node raises."""
        async with self._resources.hold(call.needs):
            return await self._run_in_time(call, context)

    async def _run_in_time(self, call: NodeCall, context: JobContext) -> Mapping[str, Any]:
        limit = asyncio.timeout(call.timeout_s)
        try:
            async with limit:
                return await self._run_here(call, context)
        except TimeoutError:
            if not limit.expired():
                raise
            facts = {"timeout_s": call.timeout_s}
            raise SageError(NODE_TIMEOUT, dict(facts), retryable=not call.at_most_once) from None

    async def _run_here(self, call: NodeCall, context: JobContext) -> Mapping[str, Any]:
        cls = node_class(call.origin, call.type, call.version)
        if cls.spec.cpu_bound:
            return await self._processes.run(call, cast(Context, context))
        node, ports = cls(), call.stream_ports
        if cls.spec.blocking:
            outputs: Mapping[str, Any] = await run_in_thread(
                lambda ferried: run_whole(node, cast(Context, ferried), call.inputs, ports),
                cast(Any, context),
                self._threads,
            )
            return outputs
        return await run_whole(node, cast(Context, context), call.inputs, ports)

    async def _tell(self, job: ClaimedJob, context: JobContext, is_over: asyncio.Event) -> None:
        """Write what the node says, the last of it once it is over: before its answer."""
        is_last = False
        while not is_last:
            with suppress(TimeoutError):
                async with asyncio.timeout(NOTES_EVERY_S):
                    await is_over.wait()
            is_last = is_over.is_set()
            if notes := context.take_notes():
                with suppress(DatabaseError):
                    await in_database_thread(partial(jobs.notes_put, job, notes))
