"""The program of a JavaScript worker process: answers calls over one socket, each in a new context.

Started as a script inside the walls of ``isolation`` (``python -I -S javascript_worker.py FD MODULE``);
MODULE is the file of the interpreter's extension module. A call is two messages: settings as JSON, and the
inputs as JSON text that is handed to the interpreter unread. The answer is two messages as well:
``{"state", …}`` and the result as JSON text. The next context is made while nobody waits.
"""

from __future__ import annotations

import importlib.util
import json
import resource
import socket
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

_HERE = Path(__file__).parent
_STACK_BYTES = 768 << 10
_SAY_MORE_BYTES = 8 << 20
_CPU_GRACE_S = 2


class _Context:
    """A context with the prelude in it, for one call."""

    def __init__(self, quickjs: Any, prelude: str) -> None:
        self._quickjs = quickjs
        self._inner = quickjs.Context()
        self._inner.set_max_stack_size(_STACK_BYTES)
        self._inner.set("__sage", self._inner.eval(prelude))
        self._call, self._answer, self._kind, self._printed = (
            self._inner.eval(f"__sage.{name}") for name in ("call", "answer", "kind", "printed")
        )
        self._inner.eval("delete globalThis.__sage")

    def run(self, settings: dict[str, Any], given: str) -> tuple[dict[str, Any], str]:
        """What to answer: the state of affairs, and the result."""
        self._inner.set_memory_limit(settings["memory_bytes"])
        self._inner.set_time_limit(settings["time_s"])
        try:
            answer = self._answered(settings, given)
            kind = self._kind()
        except self._quickjs.StackOverflow:
            return {"state": "thrown", "thrown": "RangeError: the call stack is too deep"}, ""
        except self._quickjs.JSException as error:
            return {"state": "thrown", "thrown": str(error)[:4000]}, ""
        except MemoryError:
            return {"state": "memory"}, ""
        if answer is None or answer == "late":
            return {"state": answer or "unsettled"}, ""
        if kind == "-":
            return {"state": "problem", "problem": json.loads(answer)}, ""
        return {"state": "done"}, answer

    def _answered(self, settings: dict[str, Any], given: str) -> str | None:
        until = time.process_time() + settings["time_s"]
        main = self._inner.eval(settings["text"])
        names = ",".join(settings["names"])
        room = settings["log_bytes"]
        self._call(main, given, names, settings["each"], settings["familiar"], settings["revive"], room)
        while (answer := self._answer()) is None and self._inner.execute_pending_job():
            if time.process_time() > until:
                return "late"
        found: str | None = answer
        return found

    def said(self) -> list[Any]:
        """What the code printed, also when it has used up its memory."""
        self._inner.set_memory_limit(-1)
        self._inner.set_time_limit(1)
        try:
            lines = json.loads(self._printed() or "[]")
        except (self._quickjs.JSException, ValueError, MemoryError):
            return []
        return lines if isinstance(lines, list) else []


def _allow_cpu(seconds: float) -> None:
    """The kernel ends this process when the call takes more, whoever else has failed to."""
    used = time.process_time()
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (int(used + seconds) + _CPU_GRACE_S, hard))


def _loaded(name: str, path: Path) -> ModuleType:
    """A module by its file: folders cannot be listed in here."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None, "a file that is there"
    assert spec.loader is not None, "a file that is there"
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(link: socket.socket, quickjs: Any, frames: Any) -> None:
    prelude = (_HERE / "javascript_prelude.js").read_text()
    while True:
        context = _Context(quickjs, prelude)
        try:
            settings = json.loads(frames.receive(link))
            given = frames.receive(link).decode()
        except frames.BrokenFrame:
            return
        _allow_cpu(settings["time_s"])
        state, result = context.run(settings, given)
        state["printed"] = context.said()
        frames.send(link, json.dumps(state).encode(), result.encode("utf-8", "surrogatepass"))


if __name__ == "__main__":
    main(
        socket.socket(fileno=int(sys.argv[1])),
        _loaded("_quickjs", Path(sys.argv[2])),
        _loaded("frames", _HERE / "frames.py"),
    )
