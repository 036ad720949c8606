"""The program of a full Python process: one call, then it ends. Only ever behind bubblewrap.

Started as ``python -I cpython_worker.py FD``. It speaks as ``javascript_worker`` does. The code can do
whatever a process in here can, to this program as well: what it answers is looked at by the other side
as by any stranger.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import io
import json
import linecache
import socket
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

NAME = "code_node"
_MESSAGE_LENGTH = 4_000


class _Source(importlib.abc.InspectLoader):
    """Makes a module of a text."""

    def __init__(self, text: str) -> None:
        self._text = text

    def get_source(self, fullname: str) -> str:
        return self._text

    def is_package(self, fullname: str) -> bool:
        return False

    def get_filename(self, fullname: str) -> str:
        return f"<{NAME}>"


class _Said(io.TextIOBase):
    """Standard output as a list of texts, up to so many characters."""

    def __init__(self, room: int) -> None:
        self.parts: list[str] = []
        self._room = room

    def write(self, text: str) -> int:
        if self._room > 0:
            self.parts.append(text[: self._room])
            self._room -= len(text)
        return len(text)


def _run(settings: dict[str, Any], given: str) -> tuple[dict[str, Any], str]:
    loader = _Source(settings["text"])
    module = ModuleType(NAME)
    module.__dict__["_sage_in"] = given
    try:
        loader.exec_module(module)
        return {"state": "done"}, str(module.__dict__["_sage_result"])
    except MemoryError:
        return {"state": "memory"}, ""
    except BaseException as error:  # noqa: BLE001 - whatever the code ends with is what it gave
        return {"state": "problem", "problem": _problem(error, module)}, ""


def _problem(error: BaseException, module: ModuleType) -> dict[str, Any]:
    places = [(f.lineno, (f.colno or 0) + 1) for f in traceback.extract_tb(error.__traceback__) if _is_own(f)]
    if isinstance(error, SyntaxError) and error.lineno:
        places.append((error.lineno, error.offset or 1))
    index = module.__dict__.get("_sage_index")
    return {
        "kind": type(error).__name__,
        "message": str(error)[:_MESSAGE_LENGTH],
        "places": places[-50:],
        "index": index if isinstance(index, int) else None,
    }


def _is_own(frame: traceback.FrameSummary) -> bool:
    return NAME in frame.filename or frame.filename == "<string>"


def _loaded(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None, "a file that is there"
    assert spec.loader is not None, "a file that is there"
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(link: socket.socket) -> None:
    frames = _loaded(Path(__file__).with_name("frames.py"))
    try:
        settings = json.loads(frames.receive(link))
        given = frames.receive(link).decode()
    except frames.BrokenFrame:
        return
    linecache.clearcache()
    said = _Said(settings["log_bytes"])
    out, sys.stdout = sys.stdout, said
    try:
        state, result = _run(settings, given)
    finally:
        sys.stdout = out
    state["printed"] = "".join(said.parts)
    frames.send(link, json.dumps(state).encode(), result.encode("utf-8", "surrogatepass"))


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
