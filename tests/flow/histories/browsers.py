"""The people in browsers: a Node process that runs the editor's own code, asked line by line."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from infra.setup import node
from infra.setup.console import ROOT
from tests.flow.histories.script import Step

PROGRAM = Path(__file__).with_name("browsers.mjs")
FRONTEND = ROOT / "frontend"
Ports = Mapping[str, Mapping[str, bool]]


class Browsers:
    """Any number of people, made anew for each history."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.ports: Ports = self.ask("hello")

    def ask(self, what: str, **facts: Any) -> Any:
        """One request and its answer. Raises RuntimeError with the browser's own traceback."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"ask": what, **facts}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the browsers' process has ended")
        said = json.loads(line)
        if "error" in said:
            raise RuntimeError(said["error"])
        return said.get("answer")


class Browser:
    """One of them, as a history sees it."""

    def __init__(self, browsers: Browsers, number: int) -> None:
        self._browsers = browsers
        self._number = number

    def act(self, step: Step) -> list[bytes]:
        told = {key: value for key, value in asdict(step).items() if key not in ("who", "wait_ms")}
        sent = self._browsers.ask("act", who=self._number, step=told, at=step.wait_ms)
        return [base64.b64decode(update) for update in sent]

    def take(self, updates: Sequence[bytes]) -> list[bytes]:
        """Browsers pass nothing on."""
        self._browsers.ask("take", who=self._number, updates=[_text(update) for update in updates])
        return []

    def lacking(self, vector: bytes) -> bytes:
        return base64.b64decode(self._browsers.ask("lacking", who=self._number, vector=_text(vector)))

    def vector(self) -> bytes:
        return base64.b64decode(self._browsers.ask("vector", who=self._number))

    def end(self) -> dict[str, Any]:
        found: dict[str, Any] = self._browsers.ask("end", who=self._number)
        return found


def _text(update: bytes) -> str:
    return base64.b64encode(update).decode()


@contextmanager
def open_browsers() -> Iterator[Browsers]:
    command = [str(node.choose().binary), str(PROGRAM), str(FRONTEND)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Browsers(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(timeout=60)
