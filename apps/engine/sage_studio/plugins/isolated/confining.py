"""How the child program is started: an argument vector behind the sandbox's walls, and what it may have."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from sage_studio.kernel import SageError
from sage_studio.plugins.isolated.errors import NO_ISOLATION
from sage_studio.sandbox.isolation import Confinement, isolation, python_paths

# The address space of a child: an interpreter with numpy asks for 400 MB of it and fills 60.
MEMORY_MB = 1024
SCRATCH_MB = 64
OPEN_FILES = 128
# Of a child that is asked one thing.
CPU_S = 30


def require_isolation() -> None:
    """Raises SageError ``plugin.no_isolation`` where this machine cannot contain somebody's program."""
    found = isolation()
    if not (found.contains_programs or found.allows_weak):
        raise SageError(NO_ISOLATION, {"reason": found.reason})


def confined(folder: Path, *arguments: str, cpu_s: int | None = None) -> list[str]:
    """The argument vector of a child that sees the plug-in in ``folder`` and nothing else of this machine
    but Python. Raises SageError ``plugin.no_isolation``."""
    require_isolation()
    program = [sys.executable, "-m", "sage_studio.plugins.isolated.child", str(folder), *arguments]
    confinement = Confinement(
        memory_mb=MEMORY_MB,
        cpu_s=cpu_s,
        processes=1,
        open_files=OPEN_FILES,
        scratch_mb=SCRATCH_MB,
        read_only=(*python_paths(), folder),
        environ={"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    return isolation().wrap(program, confinement)


def start_serving(folder: Path, theirs: socket.socket, words: IO[bytes]) -> subprocess.Popen[bytes]:
    """A child that runs the plug-in's nodes over ``theirs``, once it is handed calls."""
    program = confined(folder, "--fd", str(theirs.fileno()))
    return _start(program, stdin=subprocess.DEVNULL, output=words, words=words, keep=[theirs.fileno()])


def start_asking(folder: Path, what: str, output: IO[bytes], words: IO[bytes]) -> subprocess.Popen[bytes]:
    """A child that answers one question on ``output`` and ends."""
    program = confined(folder, what, cpu_s=CPU_S)
    return _start(program, stdin=subprocess.PIPE, output=output, words=words)


def _start(
    program: Sequence[str], *, stdin: int, output: IO[bytes], words: IO[bytes], keep: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own argument vector
        program,
        pass_fds=keep,
        stdin=stdin,
        stdout=output,
        stderr=words,
        env={"PATH": os.defpath},
        start_new_session=True,
    )
