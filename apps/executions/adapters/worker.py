"""The run worker: one long-lived event loop in a thread of its own that runs many runs at once.

It claims runs, keeps their leases, listens for wishes, and gives back what it cannot finish when
it is asked to stop. The rows are the queue; hints only make it look sooner than the poll would.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog
from django.conf import settings
from django.db import Error as DatabaseError, connection

from apps.common import bus
from apps.executions.adapters.admission import Admission
from apps.executions.adapters.claims import (
    NO_NEWS,
    ClaimedRun,
    News,
    claim_runs,
    read_news,
    release_runs,
    release_strays,
)
from apps.executions.adapters.codec import GetBlob
from apps.executions.adapters.fleet import Fleet
from apps.executions.adapters.fleet_worker import JobWorker
from apps.executions.adapters.heartbeat import Heartbeat
from apps.executions.adapters.hints import Hints
from apps.executions.adapters.places import Places
from apps.executions.adapters.runner import Runner
from apps.executions.adapters.writer import RunWriter
from apps.executions.types import WORKERS_CHANNEL
from apps.files.selectors import blob_get
from sage_studio.engine import Controls
from sage_studio.engine.debugging import DebugCommand, DebugSession
from sage_studio.sandbox import close_code_runner, report_isolation

logger = structlog.get_logger(__name__)
# Few at a time, so that workers that wake together share what there is.
CLAIM_AT_ONCE = 16
# What giving runs back may take beyond draining; a process that needs longer is killed by its supervisor.
STOP_GRACE_S = 20.0
RESTART_AFTER_S = 1.0


@dataclass(frozen=True, slots=True)
class WorkerTimes:
    """How patient a worker is; Django settings of the same names in capitals, ``RUN_`` before. One that has
    not renewed for ``SILENT_FOR_S`` (``services.cancelling``) does not hold up a cancellation."""

    lease_s: float = 30.0
    heartbeat_s: float = 2.0
    give_up_s: float = 20.0
    poll_s: float = 1.5
    drain_s: float = 8.0

    @classmethod
    def from_settings(cls) -> WorkerTimes:
        names = ("lease_s", "heartbeat_s", "give_up_s", "poll_s", "drain_s")
        given = {name: getattr(settings, f"RUN_{name.upper()}", None) for name in names}
        return cls(**{name: value for name, value in given.items() if value is not None})


@dataclass(slots=True)
class _Active:
    claimed: ClaimedRun
    controls: Controls
    since: float = field(default_factory=time.monotonic)
    task: asyncio.Task[None] | None = None
    session: DebugSession | None = None

    def tell(self, command: DebugCommand) -> None:
        """Tell the run's debug session something; a run nobody debugs gets one by it."""
        if self.session is None:
            self.session = DebugSession()
            self.controls.debug(self.session)
        self.session.tell(command)


class RunWorker:
    """``start`` it, ``wake`` it when there may be work, ``stop`` it; all from any thread."""

    def __init__(
        self,
        *,
        times: WorkerTimes | None = None,
        max_runs: int | None = None,
        node_threads: int = 8,
        queues: Collection[str] | None = None,
        on_job: Callable[[str], None] = lambda _queue: None,
    ) -> None:
        self._queues = tuple(settings.CONFIG.queues if queues is None else queues)
        self._on_job = on_job
        self.owner = f"{socket.gethostname()[:40]}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._times = times or WorkerTimes.from_settings()
        self._admission = Admission(
            max_runs=max_runs or settings.CONFIG.worker_runs, memory_ceiling=settings.CONFIG.memory_ceiling
        )
        self._node_threads = node_threads
        self._thread = threading.Thread(target=self._run_loop, name="run-worker", daemon=True)
        self._started = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._poke: asyncio.Event
        self._is_stopping = False
        self._active: dict[str, _Active] = {}
        self._idle: dict[str, int] = {}
        self._had_room = True

    # From any thread

    def start(self) -> None:
        self._thread.start()
        self._started.wait()

    def wake(self) -> None:
        """Look for work now."""
        self._call(self._poke.set)

    def wake_for_jobs(self) -> None:
        """Look for node jobs now."""
        self._call(self._jobs.wake)

    def ask_to_stop(self) -> None:
        """Claim nothing more and let the runs stop between nodes; returns at once."""
        self._call(self._begin_drain)

    def stop(self) -> None:
        """Drain, give the rest back, end the thread."""
        self.ask_to_stop()
        if self._thread.is_alive():
            self._thread.join(self._times.drain_s + STOP_GRACE_S)

    def _call(self, function: Any) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(function)

    # The loop

    def _run_loop(self) -> None:
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            while not self._is_stopping:
                try:
                    runner.run(self._main())
                except Exception:  # a fault of ours: the leases of its runs end, the worker goes on
                    logger.exception("run_worker_crashed", owner=self.owner)
                    self._active.clear()
                    time.sleep(RESTART_AFTER_S)

    async def _main(self) -> None:
        self._poke = asyncio.Event()
        self._hints = Hints()
        self._writer = RunWriter()
        self._threads = ThreadPoolExecutor(self._node_threads, thread_name_prefix="run-node")
        self._database = ThreadPoolExecutor(1, thread_name_prefix="run-claims")
        fleet = Fleet(hint=self._on_job)
        places = Places(fleet)
        self._runner = Runner(
            writer=self._writer,
            threads=self._threads,
            database=self._database,
            on_recorded=self._hints.note,
            places=places,
        )
        self._jobs = self._job_worker(places)
        self._writer.start()
        heartbeat = self._heartbeat()
        heartbeat.start()
        self._started.set()
        logger.info("run_worker_started", owner=self.owner)
        try:
            async with asyncio.TaskGroup() as group:
                helpers = [
                    group.create_task(helper)
                    for helper in (
                        self._hints.send(),
                        self._listen(),
                        self._watch_silence(heartbeat),
                        fleet.serve(),
                        self._jobs.serve(),
                    )
                ]
                group.create_task(report_isolation())
                await self._serve(group)
                for helper in helpers:
                    helper.cancel()
        finally:
            await places.close()
            close_code_runner()
            heartbeat.close()
            self._writer.close()
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._database.submit(self._give_back)
            self._database.shutdown()
            logger.info("run_worker_stopped", owner=self.owner)

    def _job_worker(self, places: Places) -> JobWorker:
        return JobWorker(
            self.owner,
            queues=self._queues,
            room=os.cpu_count() or 1,
            processes=places.processes,
            threads=self._threads,
            resources=self._runner.resources,
            plan_of=self._runner.plan_of_job,
            lease_s=self._times.lease_s,
            heartbeat_s=self._times.heartbeat_s,
            poll_s=self._times.poll_s,
        )

    async def _serve(self, group: asyncio.TaskGroup) -> None:
        """Claim and start runs until asked to stop, then wait for those under way."""
        while not self._is_stopping:
            self._poke.clear()
            if not await self._look(group):
                await self._rest(self._times.poll_s)
        tasks = [active.task for active in self._active.values() if active.task is not None]
        if tasks:
            _, left = await asyncio.wait(tasks, timeout=self._times.drain_s)
            for task in left:
                task.cancel()

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._poke.wait()
        except TimeoutError:
            return

    async def _listen(self) -> None:
        async with aclosing(bus.subscribe(WORKERS_CHANNEL)) as hints:
            async for _ in hints:
                self._poke.set()

    async def _in_database(self, function: Any, *args: Any) -> Any:
        """Call in the claims' thread; its connection is dropped after a database error."""

        def guarded() -> Any:
            try:
                return function(*args)
            except DatabaseError:
                connection.close()
                raise

        return await asyncio.get_running_loop().run_in_executor(self._database, guarded)

    async def _look(self, group: asyncio.TaskGroup) -> bool:
        """Begin runs that are due, and tell those under way what was asked of them; whether to look again
        at once, because there may be more than were taken. What becomes due meanwhile comes with a hint."""
        free = min(self._admission.room(len(self._active)), CLAIM_AT_ONCE)
        self._had_room = free > 0
        try:
            claimed, news = await self._in_database(self._look_now, free, bool(self._active))
        except DatabaseError as error:
            logger.warning("look_failed", error=type(error).__name__)
            return False
        for run in claimed:
            self._begin(run, group)
        self._hand_out(news)
        return 0 < free == len(claimed)

    def _look_now(self, limit: int, is_holding: bool) -> tuple[list[ClaimedRun], News]:
        claimed = claim_runs(self.owner, limit=limit, lease_s=self._times.lease_s) if limit > 0 else []
        return claimed, read_news(self.owner, _blob_reader) if is_holding else NO_NEWS

    def _hand_out(self, news: News) -> None:
        for run_id in news.cancelled:
            if active := self._active.get(run_id):
                active.controls.cancel()
        for run_id in news.paused:
            if active := self._active.get(run_id):
                active.controls.pause()
        for run_id, key, payload in news.signals:
            if active := self._active.get(run_id):
                active.controls.signal(key, payload)
        for run_id, command in news.debug:
            if active := self._active.get(run_id):
                active.tell(command)

    def _give_back(self) -> None:
        """Let other workers have at once what this one could not finish."""
        try:
            release_runs(self.owner)
        except DatabaseError as error:
            logger.warning("runs_not_given_back", owner=self.owner, error=type(error).__name__)
        connection.close()

    # Keeping claims

    def _heartbeat(self) -> Heartbeat:
        return Heartbeat(
            self.owner,
            lease_s=self._times.lease_s,
            interval_s=self._times.heartbeat_s,
            on_held=lambda held, asked_at: self._call(lambda: self._compare(held, asked_at)),
        )

    async def _watch_silence(self, heartbeat: Heartbeat) -> None:
        """Stop what nothing has confirmed for too long, by a renewal or by its claim: it may be another's."""
        while True:
            await asyncio.sleep(min(1.0, self._times.heartbeat_s))
            if heartbeat.silent_for_s > self._times.give_up_s:
                self._keep_only({}, time.monotonic() - self._times.give_up_s)

    def _compare(self, held: Mapping[str, int], asked_at: float) -> None:
        """Let go of runs that are others' now, and hand back those that are ours and nobody works on:
        a claim whose answer was lost with the database, or a run whose task gave up. Twice in a row, because
        a claim is on disk a moment before it is begun."""
        self._keep_only(held, asked_at)
        idle = {run_id: fence for run_id, fence in held.items() if run_id not in self._active}
        strays = {run_id: fence for run_id, fence in idle.items() if self._idle.get(run_id) == fence}
        self._idle = idle
        if strays:
            logger.warning("strays_handed_back", owner=self.owner, runs=list(strays))
            self._database.submit(self._hand_back, strays)

    def _hand_back(self, strays: Mapping[str, int]) -> None:
        try:
            release_strays(self.owner, strays)
        except DatabaseError as error:
            logger.warning("strays_not_handed_back", error=type(error).__name__)
            connection.close()

    def _keep_only(self, held: Mapping[str, int], asked_at: float) -> None:
        """Stop runs that were ours before the heartbeat asked and are not any more."""
        for run_id, active in self._active.items():
            if active.since >= asked_at or held.get(run_id) == active.claimed.claim.fence:
                continue
            if active.task is not None and not active.task.cancelling():
                logger.warning("run_lost", run_id=run_id, owner=self.owner)
                active.task.cancel()

    def _begin_drain(self) -> None:
        self._is_stopping = True
        self._jobs.drain()
        self._poke.set()
        for active in self._active.values():
            active.controls.drain()

    # One run

    def _begin(self, claimed: ClaimedRun, group: asyncio.TaskGroup) -> None:
        run_id = claimed.claim.run_id
        if (older := self._active.get(run_id)) is not None and older.task is not None:
            # Our own lease ran out and we took the run again: the fence has shut the older task out.
            older.task.cancel()
        active = _Active(claimed, Controls(grace_s=min(4.0, self._times.drain_s / 2)))
        if claimed.debug is not None:
            active.session = claimed.debug
            active.controls.debug(claimed.debug)
        if claimed.is_cancelled:
            active.controls.cancel()
        elif claimed.is_pause_wanted:
            active.controls.pause()
        self._active[run_id] = active
        active.task = group.create_task(self._run(active))

    async def _run(self, active: _Active) -> None:
        """One run to its end; raises nothing but cancellation, because other runs share the group."""
        claim = active.claimed.claim
        try:
            await self._runner.run(active.claimed, active.controls)
        finally:
            if self._active.get(claim.run_id) is active:
                del self._active[claim.run_id]
            if not self._had_room:
                self._poke.set()  # there may be now


def _blob_reader(workspace_id: uuid.UUID) -> GetBlob:
    return partial(blob_get, workspace_id)
