"""Nodes that compute, in processes of their own: warm workers on this machine.

A worker process runs one call at a time and is kept for the next. One that does not stop when asked,
crashes or takes too much memory is ended together with everything it started, and replaced when it is
next needed; nothing of the run's own process is touched.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from sage_studio.engine.executors.call import NodeCall
from sage_studio.engine.executors.errors import BAD_MESSAGE, NOT_STARTED, OUT_OF_MEMORY, PROCESS_ENDED
from sage_studio.engine.executors.frames import MAX_FRAME_BYTES
from sage_studio.engine.executors.home import HELLO, run_over
from sage_studio.engine.executors.sockets import SocketLink
from sage_studio.flow.spec import NodeSpec
from sage_studio.kernel import SageError
from sage_studio.sdk import Context

logger = logging.getLogger("sage_studio.engine")
DEFAULT_MEMORY_MB = 2048
# What an idle worker with its libraries needs itself, in MB; a node's share comes on top.
OWN_MEMORY_MB = 160
# A worker that grew beyond this while it worked is not kept: memory is rarely given back.
KEEP_MEMORY_MB = 512
IDLE_S = 120.0
START_TIMEOUT_S = 30.0
_WATCH_S = 0.2
_EXIT_WAIT_S = 3.0
_BROKEN = (BAD_MESSAGE, PROCESS_ENDED, OUT_OF_MEMORY)
_PASSED_ON = frozenset({
    "PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "VIRTUAL_ENV",
    "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS",
})  # fmt: skip
# Starts a process that talks over the socket and writes its last words to the file, in a thread.
Launch = Callable[[socket.socket, IO[bytes]], subprocess.Popen[bytes]]


class ProcessPool:
    """At most ``workers`` processes; they start when first needed. ``memory_mb`` bounds a call that
    names no share of its own. ``launch`` starts one, which may send messages of ``frame_bytes`` at most.
    Belongs to one event loop at a time."""

    def __init__(
        self,
        workers: int,
        *,
        memory_mb: int = DEFAULT_MEMORY_MB,
        idle_s: float = IDLE_S,
        launch: Launch | None = None,
        frame_bytes: int = MAX_FRAME_BYTES,
    ) -> None:
        self._launch = launch or _spawn
        self._frame_bytes = frame_bytes
        self._memory_mb = memory_mb
        self._idle_s = idle_s
        self._limit = workers
        self._loop: asyncio.AbstractEventLoop | None = None
        self._slots = asyncio.Semaphore(workers)
        self._idle: list[_Worker] = []

    @property
    def pids(self) -> list[int]:
        """Of the workers that wait for a call."""
        return [worker.pid for worker in self._idle]

    def takes(self, spec: NodeSpec) -> bool:
        return True

    async def run(self, call: NodeCall, context: Context) -> Mapping[str, Any]:
        """Run the call in a worker, waiting for a free one.

        Raises what the node raises, and ``executor.process_ended``, ``executor.out_of_memory`` or
        ``executor.not_started``.
        """
        self._adopt_loop()
        async with self._slots:
            worker = await self._take()
            try:
                return await worker.run(call, context, self._limit_of(call))
            finally:
                if worker.is_at_rest and worker.memory_mb() < KEEP_MEMORY_MB:
                    self._keep(worker)
                else:
                    await asyncio.shield(worker.end())

    async def close(self) -> None:
        """End the idle workers; those at work end with their calls."""
        idle, self._idle = self._idle, []
        for worker in idle:
            await worker.end()

    def kill(self) -> None:
        """End the idle workers from outside any loop."""
        idle, self._idle = self._idle, []
        for worker in idle:
            worker.dismiss()

    def _adopt_loop(self) -> None:
        """Workers talk over the loop they were started on; on another one they are started anew."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            self._slots = asyncio.Semaphore(self._limit)
            self.kill()

    def _limit_of(self, call: NodeCall) -> int:
        return call.needs.memory_mb + OWN_MEMORY_MB if call.needs.memory_mb else self._memory_mb

    async def _take(self) -> _Worker:
        while self._idle:
            worker = self._idle.pop()
            if worker.is_alive:
                return worker
            await worker.end()
        return await _Worker.start(self._launch, self._frame_bytes)

    def _keep(self, worker: _Worker) -> None:
        self._idle.append(worker)
        worker.idle_since = time.monotonic()
        asyncio.get_running_loop().call_later(self._idle_s, self._let_go, worker)

    def _let_go(self, worker: _Worker) -> None:
        if worker in self._idle and time.monotonic() - worker.idle_since >= self._idle_s * 0.99:
            self._idle.remove(worker)
            worker.dismiss()


class _Worker:
    """One process and the socket to it."""

    link: SocketLink
    _look_again: asyncio.TimerHandle

    def __init__(self, process: subprocess.Popen[bytes], words: IO[bytes]) -> None:
        self._process = process
        self._words = words
        self._over_limit_mb = 0
        self.is_at_rest = True
        self.idle_since = 0.0

    @classmethod
    async def start(cls, launch: Launch, frame_bytes: int) -> _Worker:
        """Raises SageError ``executor.not_started``."""
        ours, theirs = socket.socketpair()
        words = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process that writes to it
        try:
            with theirs:
                process = await asyncio.to_thread(launch, theirs, words)
            ours.setblocking(False)
            streams = await asyncio.open_connection(sock=ours)
        except OSError as error:
            ours.close()
            words.close()
            raise SageError(NOT_STARTED, {"reason": str(error)}) from error
        worker = cls(process, words)
        worker.link = SocketLink(*streams, why=worker.why, limit=frame_bytes)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                greeting = await worker.link.receive()
        except TimeoutError:
            greeting = None
        except asyncio.CancelledError:
            worker.dismiss()
            raise
        if greeting is None or greeting.method != HELLO:
            worker.kill()
            raise SageError(NOT_STARTED, {"reason": await worker.parting_words()})
        return worker

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def memory_mb(self) -> int:
        return memory_mb_of(self.pid)

    async def run(self, call: NodeCall, context: Context, limit_mb: int) -> Mapping[str, Any]:
        """Leaves ``is_at_rest`` true when the process may have the next call."""
        self._over_limit_mb = 0
        self.is_at_rest = False
        self._watch(limit_mb)
        try:
            outputs = await run_over(self.link, call, context)
            self.is_at_rest = True
            return outputs
        except Exception as error:
            # What the node raised leaves a worker in order; a broken conversation or process does not.
            is_broken = isinstance(error, SageError) and error.code in _BROKEN
            self.is_at_rest = not is_broken and self.is_alive
            raise
        finally:
            self._look_again.cancel()

    def _watch(self, limit_mb: int) -> None:
        if self.memory_mb() > limit_mb:
            self._over_limit_mb = limit_mb
            self.kill()
        self._look_again = asyncio.get_running_loop().call_later(_WATCH_S, self._watch, limit_mb)

    async def why(self) -> Exception:
        """Why the socket went silent; waits for the process to be gone."""
        await self._gone()
        if self._over_limit_mb:
            return SageError(OUT_OF_MEMORY, {"limit_mb": self._over_limit_mb})
        code = self._process.returncode
        how = f"signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"
        # For the operator: a person is shown no stack trace.
        logger.warning("node_process_ended", extra={"how": how, "last_words": self.last_words()})
        return SageError(PROCESS_ENDED, {"how": how})

    def last_words(self) -> str:
        """The end of what the process wrote on its error output."""
        with suppress(OSError, ValueError):
            size = self._words.seek(0, os.SEEK_END)
            self._words.seek(max(0, size - 8_000))
            return self._words.read().decode("utf-8", "replace").strip()
        return ""

    async def parting_words(self) -> str:
        """The last line of one that never began, once it is gone."""
        await self._gone()
        lines = self.last_words().splitlines()
        self._words.close()
        return lines[-1][:300] if lines else "it ended at once"

    def kill(self) -> None:
        """End the process and whatever it started; returns at once."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self.link.close()
        if self._process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(0.05)

    def dismiss(self) -> None:
        """``kill``, and let go of what it wrote."""
        self.kill()
        self._words.close()

    async def end(self) -> None:
        """``kill``, and wait until it is gone."""
        self.kill()
        await self._gone()
        self._words.close()

    async def _gone(self) -> None:
        with suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(self._process.wait, _EXIT_WAIT_S)


def _spawn(theirs: socket.socket, words: IO[bytes]) -> subprocess.Popen[bytes]:
    program = [
        sys.executable,
        "-m",
        "sage_studio.engine.executors.node_process",
        "--fd",
        str(theirs.fileno()),
    ]
    return subprocess.Popen(  # noqa: S603 - our own module, by an argument vector
        program,
        pass_fds=[theirs.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=words,
        stderr=words,
        env=environment(),
        start_new_session=True,
    )


def environment() -> dict[str, str]:
    """What a worker process is told of the machine: where code is, and no secrets."""
    passed = {name: held for name, held in os.environ.items() if name in _PASSED_ON or name.startswith("LC_")}
    return {
        **passed,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PYTHONUNBUFFERED": "1",
    }


def memory_mb_of(pid: int) -> int:
    """Resident memory of a process in MB; 0 where it cannot be read (it is gone, or no /proc)."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20
