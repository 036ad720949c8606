"""Full CPython with the packages that are installed here, for administrators who switch it on.

Every call gets a process of its own behind bubblewrap, and there is none without it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from sage_studio.kernel import SageError
from sage_studio.sandbox import cpython_worker
from sage_studio.sandbox.code_errors import code_failed
from sage_studio.sandbox.errors import CRASHED, OUT_OF_MEMORY
from sage_studio.sandbox.isolation import Confinement, Isolation, python_paths
from sage_studio.sandbox.limits import CodeLimits, Log, LogRoom
from sage_studio.sandbox.printed import Printed
from sage_studio.sandbox.python_source import FULL_RESULT, PLAIN_RESULT, RESULT, PythonProgram
from sage_studio.sandbox.workers import Program, WorkerPool

_WORKER = Path(cpython_worker.__file__)
_OWN_MEMORY_MB = 512
_SCRATCH_MB = 64
_PROCESSES = 64


class CpythonEngine:
    """At most ``workers`` processes at once. Raises SageError ``sandbox.too_weak`` where programs are not
    held."""

    def __init__(self, isolation: Isolation, workers: int) -> None:
        isolation.require_programs()
        self._isolation = isolation
        self._workers = workers
        self._pools: dict[tuple[int, int], WorkerPool] = {}

    async def run(self, program: PythonProgram, given: str, limits: CodeLimits, log: Log | None) -> str:
        settings = {
            "text": program.text.removesuffix(RESULT) + PLAIN_RESULT + FULL_RESULT,
            "log_bytes": limits.log_bytes if log else 0,
        }
        state, result = await self._pool(limits).ask(settings, given, time_s=limits.time_s)
        printed = Printed(LogRoom(log, limits.log_bytes))
        printed.take("stdout", str(state.get("printed", "")))
        printed.flush()
        if state.get("state") == "done":
            return result
        raise _failure(state, program, limits)

    def close(self) -> None:
        for pool in self._pools.values():
            pool.close()

    def _pool(self, limits: CodeLimits) -> WorkerPool:
        """Memory and processor time are fixed when a process starts: one pool for each pair."""
        key = limits.memory_mb, int(limits.time_s) + 2
        if key not in self._pools:
            confinement = Confinement(
                memory_mb=limits.memory_mb + _OWN_MEMORY_MB,
                cpu_s=key[1],
                processes=_PROCESSES,
                open_files=256,
                scratch_mb=_SCRATCH_MB,
                read_only=(*python_paths(), _WORKER),
            )
            program = Program(
                lambda fd: [sys.executable, "-I", str(_WORKER), str(fd)], confinement, serves_many=False
            )
            self._pools[key] = WorkerPool(program, self._isolation, self._workers)
        return self._pools[key]


def _failure(state: dict[str, Any], program: PythonProgram, limits: CodeLimits) -> SageError:
    if state.get("state") == "memory":
        return SageError(OUT_OF_MEMORY, {"limit_mb": limits.memory_mb})
    problem = state.get("problem")
    if not isinstance(problem, dict):
        return SageError(CRASHED, {"how": "it broke the protocol"})
    place = None
    for line, column in reversed(problem.get("places") or []):
        if (place := program.place(int(line), int(column))) is not None:
            break
    index = problem.get("index")
    return code_failed(
        kind=str(problem.get("kind")),
        message=str(problem.get("message")),
        source=program.source,
        place=place,
        item=index if isinstance(index, int) else None,
    )
