"""What is acknowledged is on disk, asserted where a killed process cannot show it: the kernel keeps what was
written but never flushed, so a kill loses nothing that a power cut would lose."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.collaboration.client import DocClient, joined, until
from tests.collaboration.server import ROOT, Place, Server, free_port, prepared_place

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
IS_POSTGRES = bool(os.environ.get("DATABASE_URL"))
DURABLE = ["postgres", "on"] if IS_POSTGRES else ["wal", "full"]
# The threads whose commits somebody is told of, by the beginning of their names.
WRITERS_OF_WEB = {"door", "http", "journal"}
WRITERS_OF_WORKER = {"run-writer", "run-heartbeat", "run-claims"}
STAGE = """
from apps.accounts.models import Person
from apps.accounts.services import token_create
from apps.accounts.types import Scope
from apps.flows.services import flow_create
from apps.workspaces.models import Workspace
import json
person = Person.objects.get(email="owner@example.org")
workspace = Workspace.objects.get(name="Team")
body = {"schema": "sage-studio/flow@1", "nodes": [{"id": "a", "type": "manual_trigger"}], "edges": []}
flow = flow_create(person=person, workspace=workspace, name="Promised", definition=body)
_, key = token_create(person, name="test", scopes=list(Scope), expires_in_days=1)
print(json.dumps({"flow_id": str(flow.pk), "workspace_id": str(workspace.pk), "key": key}))
"""


@dataclass
class Watched:
    """A web and a worker process with witnesses inside, over one database."""

    place: Place
    server: Server
    staged: dict[str, Any]

    def notes(self, what: str, role: str = "web") -> list[dict[str, Any]]:
        path = _witness(self.place, role)
        lines = path.read_text().splitlines() if path.exists() else []
        return [fact for fact in map(json.loads, lines) if fact["what"] == what]

    def post(self, path: str, body: Any) -> Any:
        return _post(self.server, self.staged, path, body)

    def state_of(self, run_id: str) -> str:
        return self.place.run(
            f"from apps.executions.models import Run\nprint(Run.objects.get(pk={run_id!r}).state)"
        )


def _witness(place: Place, role: str) -> Path:
    return Path(place.environment["SAGE_DATA_DIR"]) / f"witness-{role}"


def _post(server: Server, staged: dict[str, Any], path: str, body: Any) -> Any:
    request = urllib.request.Request(
        f"{server.http}/api/v1{path}",
        method="POST",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {staged['key']}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        assert answer.status in (200, 202)
        return json.loads(answer.read())


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with prepared_place(tmp_path_factory.mktemp("watched")) as place:
        server = Server(place, free_port())
        processes = [
            _launch(place, "web", SAGE_PORT=str(server.port)),
            _launch(place, "worker"),
        ]
        server.process = processes[0]
        try:
            server.wait()
            yield Watched(place, server, json.loads(place.run(STAGE)))
        finally:
            for process in processes:
                process.kill()
                process.wait(60)


def _launch(place: Place, role: str, **extra: str) -> subprocess.Popen[bytes]:
    environment = {**place.environment, "SAGE_TEST_WITNESS": str(_witness(place, role)), **extra}
    log = Path(place.environment["SAGE_DATA_DIR"]) / f"server-{extra.get('SAGE_PORT', role)}.log"
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.durability.witness", role],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )


def test_a_promised_run_is_committed_before_the_answer_leaves(watched: Watched) -> None:
    runs = f"/workspaces/{watched.staged['workspace_id']}/runs"
    promised = [watched.post(runs, {"flow_id": watched.staged["flow_id"]})["id"] for _ in range(5)]
    noted = {fact["run_id"]: fact for fact in watched.notes("promise")}
    assert set(promised) <= set(noted)
    for fact in noted.values():
        assert fact["found"] == 1, "the 202 left before the commit"
        assert fact["events"] >= 1


async def test_an_edit_is_committed_before_its_acknowledgement_leaves(watched: Watched) -> None:
    flow_id = watched.place.new_flow()
    server = watched.server
    async with joined(server.url(flow_id=flow_id), server.headers("editor")) as client:
        await _edit(client, 60)
    noted = watched.notes("acknowledgement")
    assert len(noted) > 10
    assert all(fact["stored"] >= fact["seq"] for fact in noted), "an acknowledgement left before the commit"


async def _edit(client: DocClient, count: int) -> None:
    for number in range(count):
        await client.put("notes", f"n{number}", number)
        if number % 4 == 3:  # a slow server acknowledges many at once
            await client.all_acked()
    await client.all_acked()


async def test_every_thread_that_writes_has_a_durable_connection(watched: Watched) -> None:
    """In web, rooms and workers, after each has written: what a connection says of itself, by thread."""
    staged = watched.staged
    run = watched.post(f"/workspaces/{staged['workspace_id']}/runs", {"flow_id": staged["flow_id"]})
    url = watched.server.url(flow_id=watched.place.new_flow())
    async with joined(url, watched.server.headers("editor")) as client:
        await _edit(client, 3)
    await until(lambda: watched.state_of(run["id"]) == "completed")
    await until(lambda: _families(watched.notes("connection", "worker")) >= WRITERS_OF_WORKER)
    web, worker = watched.notes("connection"), watched.notes("connection", "worker")
    assert {"journal"} <= _families(web)
    assert {"desk", "door", "http"} & _families(web)
    for fact in (*web, *worker):
        assert fact["is_durable"] == DURABLE, fact


def _families(connections: list[dict[str, Any]]) -> set[str]:
    known = WRITERS_OF_WEB | WRITERS_OF_WORKER | {"desk"}
    return {name for fact in connections for name in known if fact["thread"].startswith(name)}


def _can_trace() -> bool:
    strace = shutil.which("strace")
    if strace is None:
        return False
    return subprocess.run([strace, "-qq", "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(IS_POSTGRES, reason="PostgreSQL flushes in its own processes")
@pytest.mark.skipif(not _can_trace(), reason="strace is not installed, or tracing is not allowed")
def test_the_kernel_is_told_to_flush_the_log_before_the_answer_is_sent(tmp_path: Path) -> None:
    """The system calls themselves: write-ahead log written, flushed, and only then the 202 sent."""
    with prepared_place(tmp_path / "data") as place:
        staged = json.loads(place.run(STAGE))
        server, trace = Server(place, free_port()), tmp_path / "trace"
        calls = "trace=pwrite64,fdatasync,fsync,sendto,sendmsg,write"
        command = ["strace", "-f", "-qq", "-y", "-s", "24", "--seccomp-bpf", "-e", calls, "-o", str(trace)]
        environment = {**place.environment, "SAGE_PORT": str(server.port)}
        with server.log.open("ab") as output:
            server.process = subprocess.Popen(
                [*command, sys.executable, "-m", "studio_project.serve", "web"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            server.wait()
            for _ in range(3):
                body = {"flow_id": staged["flow_id"]}
                _post(server, staged, f"/workspaces/{staged['workspace_id']}/runs", body)
            give_up_at = time.monotonic() + 120
            while len(_orders(trace.read_text(errors="replace"))) < 3 and time.monotonic() < give_up_at:
                time.sleep(0.1)
        finally:
            # The tracer would let go of what it traces and leave it behind.
            os.killpg(server.process.pid, signal.SIGKILL)
            server.process.wait(60)
        answers = _orders(trace.read_text(errors="replace"))
    assert len(answers) == 3
    assert all(answers), "an answer was sent while the log was written and not flushed"


def _orders(trace: str) -> list[bool]:
    """For each 202 sent: whether something was written to the log before it, and all of it flushed."""
    found, is_written, is_flushed = [], False, True
    for line in trace.splitlines():
        if re.search(r"pwrite64\(\d+<[^>]*sqlite3-wal>", line):
            is_written, is_flushed = True, False
        elif re.search(r"f(data)?sync\(\d+<[^>]*sqlite3-wal>", line):
            is_flushed = True
        elif '"HTTP/1.1 202' in line:
            found.append(is_written and is_flushed)
            is_written = False
    return found


def test_a_trace_without_a_flush_would_be_noticed() -> None:
    written, flushed = "1 pwrite64(7</d/s.sqlite3-wal>, ...", "1 fdatasync(7</d/s.sqlite3-wal>) = 0"
    sent = '1 sendto(9<socket:[1]>, "HTTP/1.1 202 Accepted"...'
    assert _orders(f"{written}\n{flushed}\n{sent}") == [True]
    assert _orders(f"{written}\n{sent}\n{flushed}") == [False]
    assert _orders(f"{flushed}\n{sent}") == [False]
