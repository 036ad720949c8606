"""Worker processes behind the walls of ``isolation``: kept warm, replaced when broken, ended from outside.

A worker serves one call at a time and is then kept for the next, unless the call was ended or the worker
broke. Nothing of a call is left in it; that is the worker program's promise, and for programs that cannot
give it (``serves_many=False``) a worker serves a single call.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sage_studio.kernel import SageError
from sage_studio.sandbox.errors import CRASHED, NOT_STARTED, TIMED_OUT
from sage_studio.sandbox.frames import HEAD
from sage_studio.sandbox.isolation import Confinement, Isolation, end_group
from sage_studio.sandbox.limits import GRACE_S

_CALLS_PER_PROCESS = 2_000
_FIRST_CALL_S = 20.0
"""A new process has to start first, on a machine that may be busy."""


@dataclass(frozen=True, slots=True)
class Program:
    """``arguments`` given the number of the socket the worker answers on."""

    arguments: Callable[[int], Sequence[str]]
    confinement: Confinement
    serves_many: bool = True


class _Worker:
    def __init__(self, process: subprocess.Popen[bytes], link: socket.socket) -> None:
        self._process = process
        self._link = link
        self.calls = 0

    @classmethod
    def start(cls, program: Program, isolation: Isolation) -> _Worker:
        """Raises SageError ``sandbox.not_started``."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                vector = isolation.wrap(program.arguments(theirs.fileno()), program.confinement)
                process = subprocess.Popen(  # noqa: S603 - our own program behind walls
                    vector,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                    env={},
                )
        except OSError as error:
            ours.close()
            raise SageError(NOT_STARTED, {"reason": str(error)}) from error
        ours.setblocking(False)
        return cls(process, ours)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    async def ask(self, head: bytes, body: bytes) -> tuple[bytes, bytes]:
        """One call. Raises OSError or EOFError when the worker is gone."""
        self.calls += 1
        loop = asyncio.get_running_loop()
        if len(body) < _SMALL:
            await loop.sock_sendall(self._link, HEAD.pack(len(head)) + head + HEAD.pack(len(body)) + body)
        else:
            await loop.sock_sendall(self._link, HEAD.pack(len(head)) + head + HEAD.pack(len(body)))
            await loop.sock_sendall(self._link, body)
        return await self._answer(loop)

    async def _answer(self, loop: asyncio.AbstractEventLoop) -> tuple[bytes, bytes]:
        held = bytearray(await self._some(loop))
        parts: list[bytes] = []
        while len(parts) < 2:
            if len(held) >= HEAD.size:
                (length,) = HEAD.unpack_from(held)
                if length > _ANSWER_MOST:
                    raise EOFError("an answer without end")
                if len(held) >= HEAD.size + length:
                    parts.append(bytes(held[HEAD.size : HEAD.size + length]))
                    del held[: HEAD.size + length]
                    continue
            held += await self._some(loop)
        return parts[0], parts[1]

    async def _some(self, loop: asyncio.AbstractEventLoop) -> bytes:
        got = await loop.sock_recv(self._link, _PIECE)
        if not got:
            raise EOFError
        return got

    async def exit_code(self) -> int:
        """Of a worker that has gone, or seems to have: it is ended if it does not end by itself."""
        for _ in range(_LOOKS):
            if (code := self._process.poll()) is not None:
                return code
            await asyncio.sleep(_LOOK_S)
        return -9

    def end(self) -> None:
        """Kill it with all it started."""
        end_group(self._process.pid)
        self._link.close()
        self._process.wait()


_LOOKS, _LOOK_S = 50, 0.01
_SMALL, _PIECE, _ANSWER_MOST = 64 << 10, 256 << 10, 512 << 20


class WorkerPool:
    """At most ``size`` workers, started when first needed. Belongs to one event loop."""

    def __init__(self, program: Program, isolation: Isolation, size: int) -> None:
        self._program = program
        self._isolation = isolation
        self._slots = asyncio.Semaphore(size)
        self._idle: list[_Worker] = []

    @property
    def pids(self) -> list[int]:
        """Of the workers that wait for a call."""
        return [worker.pid for worker in self._idle]

    async def ask(self, settings: dict[str, Any], body: str, *, time_s: float) -> tuple[dict[str, Any], str]:
        """One call in a worker, ended after ``time_s`` and some grace.

        Raises SageError ``sandbox.timed_out``, ``crashed`` or ``not_started``.
        """
        head = json.dumps(settings).encode()
        async with self._slots:
            worker = self._take()
            is_fit = False
            grace_s = GRACE_S if worker.calls else _FIRST_CALL_S
            began = time.monotonic()
            try:
                async with asyncio.timeout(time_s + grace_s):
                    said, result = await worker.ask(head, body.encode())
                state = json.loads(said)
                is_fit = isinstance(state, dict)
                if not is_fit:
                    raise SageError(CRASHED, {"how": "it broke the protocol"})
                return state, result.decode("utf-8", "surrogatepass")
            except TimeoutError as error:
                raise SageError(TIMED_OUT, {"limit_s": time_s}) from error
            except (OSError, EOFError) as error:
                is_over = time.monotonic() - began > time_s
                raise _gone(await worker.exit_code(), time_s, is_over=is_over) from error
            except ValueError as error:
                raise SageError(CRASHED, {"how": "it broke the protocol"}) from error
            finally:
                self._give_back(worker, is_fit=is_fit)

    def _take(self) -> _Worker:
        while self._idle:
            worker = self._idle.pop()
            if worker.is_alive:
                return worker
            worker.end()
        return _Worker.start(self._program, self._isolation)

    def _give_back(self, worker: _Worker, *, is_fit: bool) -> None:
        if is_fit and self._program.serves_many and worker.calls < _CALLS_PER_PROCESS:
            self._idle.append(worker)
        else:
            worker.end()

    def close(self) -> None:
        """End the idle workers; those at work end with their calls."""
        while self._idle:
            self._idle.pop().end()


def _gone(code: int, time_s: float, *, is_over: bool) -> SageError:
    """Why a worker is gone, from its exit code: the kernel's limit on processor time ends it by signal."""
    if is_over or code in {-24, 128 + 24, 128 + 9}:
        return SageError(TIMED_OUT, {"limit_s": time_s})
    return SageError(CRASHED, {"how": f"exit code {code}"})
