"""Database work of the event loop, on threads with connections of their own.

``database_sync_to_async`` has one thread per process outside requests; an edit's commit must not
wait there behind somebody's page.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

import structlog
from django.db import DatabaseError, InterfaceError, close_old_connections, connection

from apps.collaboration.rooms.ports import JournalUnavailableError, Write, Written
from apps.collaboration.services import Outcome, journal_append

log = structlog.get_logger(__name__)

P = ParamSpec("P")
R = TypeVar("R")


class DatabaseThread:
    """One thread, one connection, calls in order."""

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def call(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run ``work`` there. A database that is away is a JournalUnavailableError."""
        return await asyncio.get_running_loop().run_in_executor(
            self._executor, lambda: self._run(work, *args, **kwargs)
        )

    def submit(self, work: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
        """Run ``work`` there some time soon; nobody waits, a failure is logged."""
        self._executor.submit(self._unwatched, lambda: self._run(work, *args, **kwargs))

    @staticmethod
    def _unwatched(work: Callable[[], object]) -> None:
        try:
            work()
        except Exception:
            log.exception("background_call_failed")

    @staticmethod
    def _run(work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return work(*args, **kwargs)
        except (DatabaseError, InterfaceError) as error:
            close_old_connections()
            raise JournalUnavailableError(str(error)) from error

    async def close(self) -> None:
        """End the thread and its connection."""
        await asyncio.get_running_loop().run_in_executor(self._executor, _close_connection)
        self._executor.shutdown(wait=False)


class JournalThread:
    """Commits ticks. What rooms hand in while a commit runs is written together by the next one."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._lock = threading.Lock()
        self._waiting: list[tuple[Write, asyncio.AbstractEventLoop, asyncio.Future[Outcome]]] = []

    async def append(self, write: Write) -> Written:
        """Returns after the commit. Raises what ``Journal.append`` raises."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()
        with self._lock:
            self._waiting.append((write, loop, future))
        self._executor.submit(self._commit)
        outcome = await future
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _commit(self) -> None:
        with self._lock:
            batch, self._waiting = self._waiting, []
        if not batch:
            return
        try:
            outcomes: list[Outcome] = journal_append([write for write, _, _ in batch])
        except Exception as error:  # noqa: BLE001 - a thread's edge: every waiting room must hear
            outcomes = [JournalUnavailableError(repr(error))] * len(batch)
        if any(isinstance(outcome, JournalUnavailableError) for outcome in outcomes):
            close_old_connections()
        for (_, loop, future), outcome in zip(batch, outcomes, strict=True):
            loop.call_soon_threadsafe(_settle, future, outcome)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._executor, _close_connection)
        self._executor.shutdown(wait=False)


def _close_connection() -> None:
    """Of the thread this runs in: ``connection.close`` handed over would be the calling thread's."""
    connection.close()


def _settle(future: asyncio.Future[Outcome], outcome: Outcome) -> None:
    if not future.done():
        future.set_result(outcome)
