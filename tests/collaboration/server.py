"""A real server for tests: Daphne in a process of its own, on its own data folder and database."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from tests.collaboration.client import DocClient, joined

ROOT = Path(__file__).resolve().parents[2]
START_WITHIN_S = 120


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Place:
    """A prepared database: environment for programs that use it, who and what is in it, and a
    process inside Django that runs scripts there."""

    environment: dict[str, str]
    helper: subprocess.Popen[str]
    staged: dict[str, Any]

    @property
    def flow_id(self) -> str:
        return str(self.staged["flow_ids"][0])

    def run(self, script: str) -> str:
        """Run Python inside Django there; returns what it printed."""
        assert self.helper.stdin is not None
        assert self.helper.stdout is not None
        self.helper.stdin.write(json.dumps(script) + "\n")
        self.helper.stdin.flush()
        answer = json.loads(self.helper.stdout.readline())
        assert "output" in answer, answer.get("error")
        return str(answer["output"])

    def new_flow(self) -> str:
        """One of the prepared flows that no test has touched."""
        return str(self.staged["flow_ids"].pop())


@dataclass
class Server:
    """The product's own web process over a place."""

    place: Place
    port: int
    extra: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return Path(self.place.environment["SAGE_DATA_DIR"]) / f"server-{self.port}.log"

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.launch()
        self.wait()

    def launch(self) -> None:
        command = [sys.executable, "-m", "studio_project.serve", "web"]
        environment = {**self.place.environment, "SAGE_PORT": str(self.port), **self.extra}
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )

    def wait(self) -> None:
        """Return when it answers; several may be launched first and start together."""
        assert self.process is not None
        deadline = time.monotonic() + START_WITHIN_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(self.log.read_text()[-3000:])
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError("the server did not start")

    def kill(self) -> None:
        """As ``kill -9`` does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(60)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(60)

    def url(self, *, flow_id: str | None = None, query: str = "ext=1") -> str:
        return f"ws://127.0.0.1:{self.port}/ws/doc/{flow_id or self.place.flow_id}?{query}"

    def headers(self, name: str) -> dict[str, str]:
        return {"Cookie": self.place.staged["cookies"][name], "Origin": self.http}

    def join(
        self, name: str, *, flow_id: str | None = None, query: str = "ext=1", **options: Any
    ) -> AbstractAsyncContextManager[DocClient]:
        """A person's client in a room."""
        return joined(self.url(flow_id=flow_id, query=query), self.headers(name), **options)


@contextmanager
def prepared_place(folder: Path, **extra: str) -> Iterator[Place]:
    """A fresh database with the small world in it; PostgreSQL when this test run has one."""
    (folder / "static").mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "SAGE_DATA_DIR": str(folder),
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        **extra,
    }
    command = [sys.executable, str(ROOT / "tests/collaboration/stage.py")]
    pipe = subprocess.PIPE
    with (
        _database(environment),
        subprocess.Popen(command, env=environment, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as helper,
    ):
        assert helper.stdout is not None
        try:
            yield Place(environment, helper, json.loads(helper.stdout.readline()))
        finally:
            helper.kill()


@contextmanager
def _database(environment: dict[str, str]) -> Iterator[None]:
    url = environment.get("DATABASE_URL")
    if not url:
        if empty := environment.get("SAGE_TEST_EMPTY_DATABASE"):
            shutil.copyfile(empty, Path(environment["SAGE_DATA_DIR"]) / "studio.sqlite3")
        yield
        return
    import psycopg

    name = f"rooms_{secrets.token_hex(6)}"
    with psycopg.connect(url, autocommit=True) as connection:
        template = environment.get("SAGE_TEST_EMPTY_DATABASE", "template1")
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        environment["DATABASE_URL"] = urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
        try:
            yield
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def running(place: Place, *, count: int = 1, **extra: str) -> Iterator[list[Server]]:
    """``count`` servers over one place."""
    servers = [Server(place, free_port(), extra) for _ in range(count)]
    try:
        for server in servers:
            server.launch()
        for server in servers:
            server.wait()
        yield servers
    finally:
        for server in servers:
            server.stop()
