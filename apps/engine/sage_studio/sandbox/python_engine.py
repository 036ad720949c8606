"""Python by monty: an interpreter of a subset of Python that has no way to the machine, in processes of its
own behind the walls of ``isolation``.

The pool of processes is monty's; it starts with the first call and is closed when nobody has called for a
while. Every call gets an interpreter of its own. Calls block and run in threads that live as long as the
pool (a process ends with the thread that started it).
"""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import signal
import tempfile
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sage_studio.kernel import SageError
from sage_studio.sandbox.code_errors import code_failed
from sage_studio.sandbox.errors import CRASHED, NOT_STARTED, OUT_OF_MEMORY, TIMED_OUT
from sage_studio.sandbox.isolation import Confinement, Isolation
from sage_studio.sandbox.limits import GRACE_S, MEMORY_MOST_MB, CodeLimits, Log, LogLine, LogRoom
from sage_studio.sandbox.printed import Printed
from sage_studio.sandbox.python_source import INDEX, PLAIN_RESULT, RESULT, PythonProgram

try:
    import pydantic_monty as monty
    from pydantic_monty._binary import find_monty_binary
except ImportError:  # without the extra "sandbox"
    monty = None  # type: ignore[assignment]

_CALLS_PER_PROCESS = 2_000
_RECURSION_MOST = 500


@dataclass(slots=True)
class _Call:
    """One call, as the thread that runs it and the loop that may end it see it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    pid: int | None = None
    is_cancelled: bool = False

    def begin(self, pid: int | None) -> None:
        with self.lock:
            self.pid = pid
            if self.is_cancelled:
                self._kill()

    def cancel(self) -> None:
        with self.lock:
            self.is_cancelled = True
            self._kill()

    def end(self) -> None:
        with self.lock:
            self.pid = None

    def _kill(self) -> None:
        if self.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


class PythonEngine:
    """At most ``workers`` processes and as many calls at once; others wait."""

    def __init__(self, isolation: Isolation, workers: int) -> None:
        self._isolation = isolation
        self._workers = workers
        self._threads: ThreadPoolExecutor | None = None
        self._pool: Any = None
        self._folder: Path | None = None
        self._opening = threading.Lock()

    async def run(self, program: PythonProgram, given: str, limits: CodeLimits, log: Log | None) -> str:
        """What the program gave, as JSON.

        Raises SageError: ``sandbox.code_failed``, ``timed_out``, ``out_of_memory``, ``crashed``,
        ``not_started``.
        """
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self._workers, thread_name_prefix="sandbox-python")
        call = _Call()
        loop = asyncio.get_running_loop()

        # What is printed is counted in the thread, so that a flood never reaches the loop.
        room = LogRoom(log and _passing(log, loop), limits.log_bytes)
        work = loop.run_in_executor(self._threads, self._run, program, given, limits, room, call)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            call.cancel()
            with suppress(SageError):
                await work
            raise

    def _run(self, program: PythonProgram, given: str, limits: CodeLimits, room: LogRoom, call: _Call) -> str:
        pool = self._open()
        allowed = monty.ResourceLimits(
            max_feed_duration_secs=limits.time_s,
            max_memory=min(limits.memory_mb, MEMORY_MOST_MB) << 20,
            max_recursion_depth=_RECURSION_MOST,
            max_total_sleep_secs=limits.time_s,
        )
        try:
            with pool.checkout(limits=allowed, script_name="code.py") as session:
                call.begin(session.worker_pid)
                try:
                    return _feed(session, program, given, limits, room)
                finally:
                    call.end()
        except monty.MontyCrashedError as error:
            raise _crash(error, limits) from error

    def _open(self) -> Any:
        with self._opening:
            if self._pool is None:
                self._pool = self._start()
            return self._pool

    def _start(self) -> Any:
        """Raises SageError ``sandbox.not_started``."""
        if monty is None:
            raise SageError(NOT_STARTED, {"reason": "pydantic-monty is not installed"})
        binary = Path(find_monty_binary()).resolve()
        confinement = Confinement(memory_mb=MEMORY_MOST_MB + 256, read_only=(binary,))
        self._folder = Path(tempfile.mkdtemp(prefix="sage-sandbox-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        script = self._folder / "monty"
        vector = self._isolation.wrap([str(binary)], confinement)
        script.write_text(f'#!/bin/sh\nexec {shlex.join(vector)} "$@"\n')
        script.chmod(0o700)
        pool = monty.Monty(
            binary_path=script,
            min_processes=0,
            max_processes=self._workers,
            max_checkouts_per_worker=_CALLS_PER_PROCESS,
            feed_duration_limit_grace=GRACE_S,
        )
        try:
            return pool.__enter__()
        except (OSError, RuntimeError, monty.MontyError) as error:
            raise SageError(NOT_STARTED, {"reason": str(error)[:300]}) from error

    def close(self) -> None:
        """End the processes. Calls under way fail."""
        with self._opening:
            pool, self._pool = self._pool, None
            threads, self._threads = self._threads, None
            folder, self._folder = self._folder, None
        if pool is not None:
            pool.__exit__(None, None, None)
        if threads is not None:
            threads.shutdown(wait=True)
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _passing(log: Log, loop: asyncio.AbstractEventLoop) -> Log:
    """``log``, called on the loop."""

    def passed(line: LogLine) -> None:
        loop.call_soon_threadsafe(log, line)

    return passed


def _feed(session: Any, program: PythonProgram, given: str, limits: CodeLimits, room: LogRoom) -> str:
    printed = Printed(room)
    try:
        return _text(session.feed_run(program.text, inputs={"_sage_in": given}, print_callback=printed.take))
    except monty.MontyError as error:
        if isinstance(error, monty.MontyCrashedError):
            raise
        if "is not JSON serializable" not in str(error):
            raise _failure(error, session, program, limits) from error
        first = error
    finally:
        printed.flush()
    try:
        return _text(session.feed_run(PLAIN_RESULT + RESULT, print_callback=printed.take))
    except monty.MontyRuntimeError as error:
        raise _failure(first, session, program, limits) from error


def _text(given: object) -> str:
    assert isinstance(given, str), "the program ends in a text"
    return given


def _crash(error: Any, limits: CodeLimits) -> SageError:
    if error.timed_out or "duration" in str(error):
        return SageError(TIMED_OUT, {"limit_s": limits.time_s})
    if "memory" in str(error):
        return SageError(OUT_OF_MEMORY, {"limit_mb": limits.memory_mb})
    return SageError(CRASHED, {"how": str(error)[:200]})


def _failure(error: Any, session: Any, program: PythonProgram, limits: CodeLimits) -> SageError:
    said = str(error)
    kind, _, message = said.partition(": ")
    if kind == "TimeoutError" and "time limit exceeded" in message:
        return SageError(TIMED_OUT, {"limit_s": limits.time_s})
    if kind == "MemoryError" and "memory limit" in message:
        return SageError(OUT_OF_MEMORY, {"limit_mb": limits.memory_mb})
    place = None
    for frame in reversed(error.traceback()):
        if (place := program.place(frame.line, frame.column)) is not None:
            break
    if isinstance(error, monty.MontySyntaxError):
        kind, message = "SyntaxError", said
    return code_failed(
        kind=kind if message else "Error",
        message=message or said,
        source=program.source,
        place=place,
        item=_item(session) if "_sage_items" in program.text else None,
    )


def _item(session: Any) -> int | None:
    """On which item a loop over items stopped."""
    with suppress(monty.MontyError, ValueError):
        return int(session.feed_run(INDEX))
    return None
