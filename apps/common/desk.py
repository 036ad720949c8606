"""The desk behind slim doors: threads and connections of their own for short work that ends in a commit.

Each piece of work has three parts. The first reads and checks, and gives ``Work`` or declines with None;
``Work.write`` writes, in a transaction that all who wait share; what it returns makes the answer once that is
on disk. What fails before the commit is undone, and everybody in it is tried again alone: nobody fails by
another's fault.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from django.db import close_old_connections, connection

from apps.common.db import write_transaction

Result = TypeVar("Result")
Result_co = TypeVar("Result_co", covariant=True)
# One commit for more would only keep the first of them waiting.
SHARED_AT_MOST = 16
# On SQLite one writes at a time anyway; elsewhere a statement waits for the network.
THREADS = 4


@dataclass(frozen=True, slots=True)
class Work(Generic[Result_co]):
    """What is to be written. ``locks`` names the rows it locks: where rows are locked, only work under one
    name shares a transaction, so that no two transactions wait for each other's rows in a circle."""

    write: Callable[[], Callable[[], Result_co]]
    locks: str = ""


Prepare = Callable[[], Work[Result] | None]


class Unanswered(Exception):
    """The work may be on disk and there is no answer: it must not be done again. Its cause says why."""


class Visit:
    """One piece of work, and how it went: ``result`` (None: it was declined) or ``error``."""

    __slots__ = ("error", "prepare", "result", "work")

    def __init__(self, prepare: Prepare[Any]) -> None:
        self.prepare = prepare
        self.result: Any = None
        self.error: Exception | None = None
        self.work: Work[Any] | None = None

    def is_ready(self) -> bool:
        """Read and check; whether there is something to write."""
        try:
            self.work = self.prepare()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the visitor's
            self.work, self.error = None, error
        return self.work is not None


def serve(visits: Sequence[Visit]) -> None:
    """Do the work of all, with as few commits as may be."""
    shared: defaultdict[str, list[Visit]] = defaultdict(list)
    for visit in visits:
        if visit.is_ready():
            assert visit.work is not None
            shared[visit.work.locks if connection.features.has_select_for_update else ""].append(visit)
    for group in shared.values():
        if not _is_settled(group):
            for visit in group:
                # What was read may have changed, and what was made have been used.
                if visit.is_ready():
                    _is_settled([visit])


def _is_settled(group: Sequence[Visit]) -> bool:
    """Write in one transaction; False when several were undone by the fault of one."""
    answers: list[Callable[[], Any]] = []
    is_all = False
    try:
        with write_transaction():
            answers += [visit.work.write() for visit in group if visit.work is not None]
            is_all = True
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the visitors'
        if is_all:
            for visit in group:
                visit.error = _unanswered(error)
        elif len(group) > 1:
            return False
        else:
            group[0].error = error
        return True
    for visit, answer in zip(group, answers, strict=True):
        try:
            visit.result = answer()
        except Exception as error:  # noqa: BLE001 - as above
            visit.error = _unanswered(error)
    return True


def _unanswered(cause: Exception) -> Unanswered:
    found = Unanswered()
    found.__cause__ = cause
    return found


class Desk:
    """``do`` work from an event loop. Threads are made when there is work, and end with the process."""

    def __init__(self, name: str = "desk") -> None:
        self._name = name
        self._queue: queue.SimpleQueue[tuple[Visit, asyncio.Future[Visit]]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._is_open = False

    async def do(self, prepare: Prepare[Result]) -> Result | None:
        """The answer once the work is on disk; None when ``prepare`` declined. Raises what it or the writing
        raised, with nothing written, or Unanswered."""
        answer: asyncio.Future[Visit] = asyncio.get_running_loop().create_future()
        if not self._is_open:
            self._open()
        self._queue.put((Visit(prepare), answer))
        visit = await answer
        if visit.error is not None:
            raise visit.error
        return cast("Result | None", visit.result)

    def _open(self) -> None:
        with self._lock:
            if self._is_open:
                return
            for _ in range(1 if connection.vendor == "sqlite" else THREADS):
                threading.Thread(target=self._work, name=self._name, daemon=True).start()
            self._is_open = True

    def _work(self) -> None:
        while True:
            waiting = [self._queue.get()]
            while len(waiting) < SHARED_AT_MOST and not self._queue.empty():
                waiting.append(self._queue.get())
            close_old_connections()
            try:
                serve([visit for visit, _ in waiting])
            except Exception as error:  # noqa: BLE001 - the last edge: nobody may be left waiting
                for visit, _ in waiting:
                    visit.error = visit.error or _unanswered(error)
            finally:
                close_old_connections()
            for loop in {answer.get_loop() for _, answer in waiting}:
                here = [pair for pair in waiting if pair[1].get_loop() is loop]
                if not loop.is_closed():
                    loop.call_soon_threadsafe(_hand_out, here)


def _hand_out(visits: Sequence[tuple[Visit, asyncio.Future[Visit]]]) -> None:
    for visit, answer in visits:
        if not answer.done():
            answer.set_result(visit)
