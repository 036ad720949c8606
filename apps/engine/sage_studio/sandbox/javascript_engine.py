"""JavaScript by quickjs-ng, in worker processes of our own behind the walls of ``isolation``."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from sage_studio.kernel import SageError
from sage_studio.sandbox import frames, javascript_worker
from sage_studio.sandbox.border import BYTES_KEY
from sage_studio.sandbox.code_errors import code_failed
from sage_studio.sandbox.errors import CRASHED, NOT_STARTED, OUT_OF_MEMORY, TIMED_OUT
from sage_studio.sandbox.isolation import Confinement, Isolation
from sage_studio.sandbox.javascript_source import JavascriptProgram
from sage_studio.sandbox.limits import MEMORY_MOST_MB, CodeLimits, Log, LogLine, LogRoom
from sage_studio.sandbox.workers import Program, WorkerPool

_WORKER = Path(javascript_worker.__file__)
_PRELUDE = _WORKER.with_name("javascript_prelude.js")


class JavascriptEngine:
    """At most ``workers`` processes and as many calls at once; others wait."""

    def __init__(self, isolation: Isolation, workers: int) -> None:
        self.pool = WorkerPool(_program(), isolation, workers)

    async def run(self, program: JavascriptProgram, given: str, limits: CodeLimits, log: Log | None) -> str:
        """What the program gave, as JSON.

        Raises SageError: ``sandbox.code_failed``, ``timed_out``, ``out_of_memory``, ``crashed``,
        ``not_started``.
        """
        settings = {
            "text": program.text,
            "names": program.names,
            "each": program.each,
            "familiar": program.is_familiar,
            "revive": BYTES_KEY in given,
            "time_s": limits.time_s,
            "memory_bytes": min(limits.memory_mb, MEMORY_MOST_MB) << 20,
            "log_bytes": limits.log_bytes if log else 0,
        }
        state, result = await self.pool.ask(settings, given, time_s=limits.time_s)
        _pass_on(state.get("printed"), program, LogRoom(log, limits.log_bytes))
        if state.get("state") == "done":
            return result
        raise _failure(state, program, limits)

    def close(self) -> None:
        self.pool.close()


def _program() -> Program:
    found = importlib.util.find_spec("_quickjs")
    if found is None or found.origin is None:
        raise SageError(NOT_STARTED, {"reason": "quickjs-ng is not installed"})
    module = Path(found.origin)
    python = str(Path(sys.executable).resolve())
    return Program(
        lambda fd: [python, "-I", "-S", str(_WORKER), str(fd), str(module)],
        Confinement(
            memory_mb=MEMORY_MOST_MB + 512,
            read_only=(_WORKER, _PRELUDE, Path(frames.__file__), module),
        ),
    )


def _pass_on(printed: Any, program: JavascriptProgram, room: LogRoom) -> None:
    for entry in printed if isinstance(printed, list) else ():
        if isinstance(entry, list) and len(entry) == 3:
            text, stack, level = map(str, entry)
            place = program.place(stack)
            room.take(LogLine(text, place[0] if place else 0, level))


def _failure(state: dict[str, Any], program: JavascriptProgram, limits: CodeLimits) -> SageError:
    problem = state.get("problem")
    if isinstance(problem, dict):
        kind, message, stack = (str(problem.get(name, "")) for name in ("kind", "message", "stack"))
        if kind == "InternalError" and "out of memory" in message:
            return SageError(OUT_OF_MEMORY, {"limit_mb": limits.memory_mb})
        index = problem.get("index")
        item = index if isinstance(index, int) else None
        return code_failed(
            kind=kind, message=message, source=program.source, place=program.place(stack), item=item
        )
    thrown = str(state.get("thrown", ""))
    if state.get("state") == "unsettled":
        message = "what it waits for never comes: nothing outside the sandbox can answer a promise"
        return code_failed(kind="Promise", message=message, source=program.source, place=None)
    if "InternalError: interrupted" in thrown or state.get("state") == "late":
        return SageError(TIMED_OUT, {"limit_s": limits.time_s})
    if state.get("state") == "memory" or thrown.strip() == "null" or "out of memory" in thrown:
        return SageError(OUT_OF_MEMORY, {"limit_mb": limits.memory_mb})
    if not thrown:
        return SageError(CRASHED, {"how": "it broke the protocol"})
    kind, _, message = thrown.split("\n", 1)[0].partition(": ")
    return code_failed(kind=kind, message=message or kind, source=program.source, place=program.place(thrown))
