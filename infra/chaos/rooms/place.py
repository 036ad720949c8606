"""The processes under test in the product's two layouts: SQLite with one web process, and PostgreSQL with
two. Both have a Valkey. Web processes come from ``zygote``; no workers run."""

from __future__ import annotations

import base64
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pycrdt

from infra.chaos.tables import PostgresTables, SqliteTables, Tables
from infra.native.layout import free_ports
from infra.services import PostgresServer, RedisServer, ServiceError
from infra.setup.console import ROOT

START_WITHIN_S = 120.0


@dataclass
class Web:
    """One web process, killed and started again on the same port."""

    port: int
    env: Mapping[str, str]
    log: Path
    pid: int | None = None
    _zygote: subprocess.Popen[str] | None = None
    _is_ready: bool = False
    _read_to: int = 0

    def prepare(self) -> None:
        with self.log.open("ab") as output:
            self._zygote = subprocess.Popen(
                [sys.executable, "-m", "infra.chaos.rooms.zygote"],
                env={**self.env, "SAGE_PORT": str(self.port), "SAGE_HOST": "127.0.0.1"},
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
            )

    def start(self, failpoints: str) -> None:
        """Fork a process; ``answers`` says when it takes connections."""
        if not self._is_ready:
            self._said()
            self._is_ready = True
        assert self._zygote is not None
        assert self._zygote.stdin is not None
        self._zygote.stdin.write(failpoints + "\n")
        self._zygote.stdin.flush()
        self.pid = int(self._said())

    def _said(self) -> str:
        assert self._zygote is not None
        assert self._zygote.stdout is not None
        line = self._zygote.stdout.readline().strip()
        if not line:
            raise ServiceError(f"the web process cannot be started:\n{self.log.read_text()[-2000:]}")
        return line

    @property
    def is_alive(self) -> bool:
        if self.pid is None:
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def signal(self, number: signal.Signals) -> None:
        if self.pid is not None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def wait_gone(self, within_s: float = 30) -> None:
        give_up_at = time.monotonic() + within_s
        while self.is_alive and time.monotonic() < give_up_at:
            time.sleep(0.005)

    def stop_process(self) -> None:
        """Kill the process, if one runs; ``start`` makes another."""
        if self.pid is not None:
            self.signal(signal.SIGKILL)
            self.wait_gone()

    def new_failpoints(self) -> list[str]:
        """Commit points at which processes have killed themselves since the last call."""
        with self.log.open(encoding="utf-8", errors="replace") as log:
            log.seek(self._read_to)
            lines = log.readlines()
            self._read_to = log.tell()
        return [line.split()[1] for line in lines if line.startswith("failpoint ") and " kill " in line]

    def stop(self) -> None:
        self.signal(signal.SIGKILL)
        if self._zygote is not None:
            self._zygote.kill()
            self._zygote.wait()


@dataclass
class Place:
    """Everything of one layout. ``mode`` is ``postgres`` or ``sqlite``."""

    mode: str
    folder: Path
    more: dict[str, str] = field(default_factory=dict)
    """Further settings of the processes."""
    processes: int | None = None
    """Web processes, if not as many as the layout usually has."""
    env: dict[str, str] = field(default_factory=dict)
    webs: list[Web] = field(default_factory=list)
    staged: dict[str, Any] = field(default_factory=dict)
    redis: RedisServer = field(default_factory=RedisServer)
    postgres: PostgresServer | None = None

    def start(self, times: str) -> None:
        """Prepare the database and the processes; no web process runs yet."""
        self.redis.start()
        ports = free_ports(self.processes or (2 if self.mode == "postgres" else 1))
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SAGE_")}
        kept |= self.more
        self.env = {
            **kept,
            "DJANGO_SETTINGS_MODULE": "infra.chaos.rooms.settings",
            "SAGE_DATA_DIR": str(self.folder / "data"),
            "SAGE_LOG_FORMAT": "json",
            "SAGE_SECRET_KEY": secrets.token_urlsafe(48),
            "SAGE_CREDENTIAL_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "SAGE_BASE_URL": f"http://127.0.0.1:{ports[0]}",
            "REDIS_URL": self.redis.address,
            "SAGE_CHAOS_TIMES": times,
        }
        self.env.pop("DATABASE_URL", None)
        if self.mode == "postgres":
            self.postgres = PostgresServer(durable=True)
            self.postgres.start()
            self.env["DATABASE_URL"] = self.postgres.address
        self.staged = self._stage()
        self.webs = [Web(port, self.env, self.folder / f"web-{port}.log") for port in ports]
        for web in self.webs:
            web.prepare()

    def _stage(self) -> dict[str, Any]:
        command = [sys.executable, "-m", "infra.chaos.rooms.stage"]
        done = subprocess.run(command, env=self.env, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ServiceError(f"the database could not be prepared:\n{done.stderr[-3000:]}")
        made = json.loads(done.stdout.splitlines()[-1])
        assert isinstance(made, dict)
        return made

    def addresses(self) -> list[str]:
        return [f"ws://127.0.0.1:{web.port}/ws/doc/{self.staged['flow_id']}" for web in self.webs]

    def headers(self, person: int) -> dict[str, str]:
        cookies = self.staged["cookies"]
        return {"Cookie": cookies[person % len(cookies)], "Origin": self.env["SAGE_BASE_URL"]}

    def tables(self) -> Tables:
        if self.postgres is not None:
            return PostgresTables(self.postgres.address)
        return SqliteTables(Path(self.staged["database"]))

    def start_postgres_again(self) -> None:
        """The killed server's helpers leave when they notice; until then it does not start."""
        assert self.postgres is not None
        give_up_at = time.monotonic() + START_WITHIN_S
        while True:
            try:
                self.postgres.start()
            except ServiceError:
                if time.monotonic() > give_up_at:
                    raise
                time.sleep(0.1)
            else:
                return

    def stop(self) -> None:
        for web in self.webs:
            web.stop()
        self.redis.remove()
        if self.postgres is not None:
            self.postgres.remove()


def stored_document(tables: Tables, flow_id: str) -> tuple[int, pycrdt.Doc[Any]]:
    """Epoch and document as the journal has them, read with plain SQL and nothing of the product."""
    while True:
        try:
            return _read(tables, flow_id)
        except psycopg.OperationalError:
            time.sleep(0.05)  # the server is coming back


def _read(tables: Tables, flow_id: str) -> tuple[int, pycrdt.Doc[Any]]:
    key = flow_id if isinstance(tables, PostgresTables) else flow_id.replace("-", "")
    (head,) = tables.rows("SELECT * FROM collaboration_document WHERE flow_id = %s", [key])
    at = [key, head["epoch"]]
    where = "WHERE document_id = %s AND epoch = %s"
    snapshots = tables.rows(
        f"SELECT seq, body FROM collaboration_documentsnapshot {where} ORDER BY seq DESC LIMIT 1",  # noqa: S608
        at,
    )
    rows = tables.rows(f"SELECT seq, body FROM collaboration_documentupdate {where} ORDER BY seq", at)  # noqa: S608
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    seq = snapshots[0]["seq"] if snapshots else 0
    for row in [*snapshots, *(row for row in rows if row["seq"] > seq)]:
        doc.apply_update(bytes(row["body"]))
    return int(head["epoch"]), doc
