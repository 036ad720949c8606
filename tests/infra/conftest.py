"""Starts the real product in a data folder of its own."""

from __future__ import annotations

import http.cookiejar
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from infra.native.layout import free_ports
from infra.setup.console import ROOT

UP = "import sys; from studio_project.supervisor import up_command; sys.exit(up_command(sys.argv[1:]))"


@dataclass
class Up:
    """A running ``sage-studio up``."""

    process: subprocess.Popen[str]
    port: int
    data_dir: Path
    output: Path

    def said(self) -> str:
        return self.output.read_text(encoding="utf-8")

    def health(self) -> dict[str, object]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5) as answer:
            facts = json.load(answer)
            assert isinstance(facts, dict)
            return facts

    def child(self, role: str) -> psutil.Process:
        """The child whose command line names ``role`` (``web``, ``worker1``, ``valkey``)."""
        for process in psutil.Process(self.process.pid).children():
            if any(role in part for part in process.cmdline()):
                return process
        raise AssertionError(f"no child called {role}: {self.said()}")

    def wait_until_said(self, text: str, *, timeout_s: float = 120) -> None:
        wait_until(lambda: text in self.said() or self.process.poll() is not None, timeout_s=timeout_s)
        assert text in self.said(), self.said()


class Person:
    """A browser as far as HTTP goes: cookies and the CSRF header."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.cookies))

    def call(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, object]]:
        token = next((cookie.value for cookie in self.cookies if cookie.name == "csrftoken"), "")
        request = urllib.request.Request(
            self.address + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "X-CSRFToken": token or "", "Origin": self.address},
        )
        try:
            with self.opener.open(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"{}")


def wait_until(condition: object, *, timeout_s: float = 120) -> None:
    """Waits for something real to happen outside this process."""
    deadline = time.monotonic() + timeout_s
    assert callable(condition)
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@contextmanager
def start_up(
    data_dir: Path, *arguments: str, port: int | None = None, settings: dict[str, str] | None = None
) -> Iterator[Up]:
    port = port or free_ports(1)[0]
    output = data_dir.parent / f"{data_dir.name}-{port}.txt"
    environ = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}} | (
        settings or {}
    )
    with output.open("w") as sink:
        process = subprocess.Popen(
            [sys.executable, "-c", UP, "--port", str(port), "--data-dir", str(data_dir), *arguments],
            cwd=ROOT,
            env=environ,
            stdout=sink,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
        )
    up = Up(process=process, port=port, data_dir=data_dir, output=output)
    try:
        yield up
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"
