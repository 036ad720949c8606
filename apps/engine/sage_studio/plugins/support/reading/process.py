"""Reading a document in a process of its own, from this side.

The document goes over as it comes and parts come back one at a time, so that neither is ever held whole
here. The process is held to limits of memory and processor time by the system and to one of waiting here.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import IO, Any

from sage_studio.kernel import Json
from sage_studio.plugins.support.reading.errors import TOO_LARGE, damaged, too_heavy
from sage_studio.sandbox.isolation import Confinement, end_group, isolation, python_paths
from sage_studio.sdk import Context, FileRef, NodeError

_READ_BYTES = 1 << 18
_MAX_PART_BYTES = 96 << 20
_OVER_CPU = -24  # killed by SIGXCPU
_KILLED = -9
_MODULE = "sage_studio.plugins.support.reading.child"


@dataclass(frozen=True, slots=True)
class Limits:
    """What reading one document may take. ``wait_s`` counts only while nothing comes."""

    cpu_s: int = 120
    wait_s: int = 120
    memory_bytes: int = 1 << 30
    document_bytes: int = 512 << 20


class ReaderProcess:
    """For one document; ``start`` it ahead, or let ``write`` do so. The document lies in a file without a
    name that both sides hold. All methods block but ``close``, which may be called from any thread and ends
    the process whatever it is at."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._document: IO[bytes] | None = None
        self._complaints: IO[bytes] | None = None
        self._is_closed = False
        self._lock = threading.Lock()
        self._buffer = bytearray()
        self._scanned = 0

    def start(self) -> None:
        with self._lock:
            if self._process is not None or self._is_closed:
                return
            self._document = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close
            self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close
            inherited = self._document.fileno()
            program = [sys.executable, "-I", "-m", _MODULE, str(inherited)]
            self._process = subprocess.Popen(  # noqa: S603 - our own module, no argument comes from outside
                isolation().wrap(program, _confinement()),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._complaints,
                pass_fds=[inherited],
                start_new_session=True,
            )

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            if self._process is not None:
                end_group(self._process.pid)
                self._process.wait()
                for file in (self._process.stdin, self._process.stdout, self._document, self._complaints):
                    with suppress(BrokenPipeError):
                        if file is not None:
                            file.close()

    def write(self, block: bytes) -> None:
        """A piece of the document."""
        self.start()
        self._running()
        assert self._document is not None, "made with the process"
        self._document.write(block)

    def ask(self, request: Mapping[str, Any]) -> None:
        """What to do with the document, once it is all there."""
        self.start()
        process = self._running()
        assert self._document is not None, "made with the process"
        assert process.stdin is not None, "made with pipes"
        self._document.flush()
        with suppress(BrokenPipeError):  # a process that has ended: ``part`` finds out how
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.close()

    def part(self, wait_s: float) -> dict[str, Any] | None:
        """The next line of the answer; None when the process has ended. Raises TimeoutError and ValueError
        for a line that is none of ours."""
        give_up_at = time.monotonic() + wait_s
        while (end := self._buffer.find(b"\n", self._scanned)) < 0:
            self._scanned = len(self._buffer)
            if not self._more(give_up_at - time.monotonic()):
                return None
            if len(self._buffer) > _MAX_PART_BYTES:
                raise ValueError("a part is too long")
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._scanned = 0
        part: dict[str, Any] = json.loads(line)
        return part

    def is_over_limits(self) -> bool:
        """Whether the process, which has ended, met its limits."""
        process = self._running()
        code = process.wait()
        assert self._complaints is not None, "made with the process"
        self._complaints.seek(0)
        return code in {_KILLED, _OVER_CPU} or b"MemoryError" in self._complaints.read(_READ_BYTES)

    def _more(self, wait_s: float) -> bool:
        process = self._running()
        assert process.stdout is not None, "made with pipes"
        poll = select.poll()
        poll.register(process.stdout, select.POLLIN | select.POLLHUP)
        if wait_s <= 0 or not poll.poll(wait_s * 1000):
            raise TimeoutError
        block = os.read(process.stdout.fileno(), _READ_BYTES)
        self._buffer += block
        return bool(block)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._is_closed:
            raise TimeoutError  # closed from another thread: the run is being stopped
        return self._process


async def read_document(
    ctx: Context,
    file: FileRef | bytes,
    task: str,
    options: Mapping[str, Json],
    *,
    name: str = "",
    reader: ReaderProcess | None = None,
    limits: Limits | None = None,
) -> AsyncIterator[dict[str, Any]]:
    """The parts a task finds in a file, or in content at hand that is called ``name``, and last
    ``{"end": {…}}``; by ``reader`` if one waits.

    Raises NodeError ``pdf.*``, ``docx.*``, ``xlsx.*``, ``html.*`` or ``reading.*``.
    """
    limits = limits or Limits()
    process = reader or ReaderProcess()
    blocks = _one(file) if isinstance(file, bytes) else ctx.files.stream(file)
    name = name or (file["name"] if not isinstance(file, bytes) else "")
    request = {**options, "task": task, "cpu_s": limits.cpu_s, "memory_bytes": limits.memory_bytes}
    try:
        total = 0
        async for block in blocks:
            total += len(block)
            if total > limits.document_bytes:
                raise NodeError(TOO_LARGE, {"name": name, "limit_mb": limits.document_bytes >> 20})
            await ctx.in_thread(process.write, block)
        await ctx.in_thread(process.ask, request)
        while not (part := await ctx.in_thread(_next_part, process, task, name, limits)).get("end"):
            yield part
        yield part
    finally:
        process.close()


def document_parts(
    name: str, blocks: Iterable[bytes], task: str, options: Mapping[str, Json], limits: Limits
) -> Iterator[dict[str, Any]]:
    """``read_document`` for callers outside of a flow: it blocks, and ends the process when it is closed."""
    process = ReaderProcess()
    request = {**options, "task": task, "cpu_s": limits.cpu_s, "memory_bytes": limits.memory_bytes}
    try:
        total = 0
        for block in blocks:
            total += len(block)
            if total > limits.document_bytes:
                raise NodeError(TOO_LARGE, {"name": name, "limit_mb": limits.document_bytes >> 20})
            process.write(block)
        process.ask(request)
        while not (part := _next_part(process, task, name, limits)).get("end"):
            yield part
        yield part
    finally:
        process.close()


@cache
def _confinement() -> Confinement:
    """The most a reader is ever given; each is held to its own limits by itself."""
    paths = python_paths()
    return Confinement(memory_mb=2048, cpu_s=600, read_only=paths, dies_with_parent=False)


async def _one(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _next_part(process: ReaderProcess, task: str, name: str, limits: Limits) -> dict[str, Any]:
    try:
        part = process.part(limits.wait_s)
    except TimeoutError as error:
        raise too_heavy(task, name, limits.wait_s) from error
    except ValueError as error:
        raise damaged(task, name, "crashed") from error
    if part is None:
        heavy = process.is_over_limits()
        raise too_heavy(task, name, limits.cpu_s) if heavy else damaged(task, name, "crashed")
    if part.get("error") == "heavy":
        raise too_heavy(task, name, limits.cpu_s)
    if "error" in part:
        raise damaged(task, name, str(part["error"]))
    return part
