"""The ``up`` command: check, start, announce, watch, stop."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from studio_project import config, keys
from studio_project.supervisor import checks, valkey
from studio_project.supervisor.checks import StartError
from studio_project.supervisor.children import Child, Program
from studio_project.supervisor.spare import Spare

TICK_S = 0.2
READY_WITHIN_S = 120.0
# A web server that dies this often before it has ever answered will not start by trying again.
TRIES_BEFORE_READY = 3


def up_command(arguments: Sequence[str]) -> int:
    """Start the whole product: web server, workers and, when none is configured, Valkey."""
    parser = argparse.ArgumentParser(prog="sage-studio up", description=up_command.__doc__)
    parser.add_argument("--host", help="address to listen on (SAGE_HOST, default 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on (SAGE_PORT, default 8080)")
    parser.add_argument("--data-dir", help="where everything is kept (SAGE_DATA_DIR, default .data)")
    parser.add_argument("--workers", type=int, help="worker processes (SAGE_WORKERS, default 1)")
    parser.add_argument("--single", action="store_true", help="one process for everything, without Valkey")
    parser.add_argument("--verbose", action="store_true", help="show what the processes log")
    chosen = parser.parse_args(arguments)
    environ = dict(os.environ)
    for name, value in (
        ("SAGE_HOST", chosen.host),
        ("SAGE_PORT", chosen.port),
        ("SAGE_DATA_DIR", chosen.data_dir),
        ("SAGE_WORKERS", chosen.workers),
    ):
        if value is not None:
            environ[name] = str(value)
    try:
        settings = config.load(environ)
        return Supervisor.prepare(settings, environ, single=chosen.single, verbose=chosen.verbose).run()
    except (StartError, config.ConfigError) as error:
        print(f"\n  ✗ {error}\n", file=sys.stderr)
        return 1


@dataclass(slots=True)
class Supervisor:
    """Owns the children of one instance, in the order in which they start."""

    settings: config.Config
    environ: dict[str, str]
    run_dir: Path
    logs_dir: Path
    single: bool
    verbose: bool
    children: list[Child] = field(default_factory=list)
    stopping: bool = False
    spare: Spare | None = None

    @classmethod
    def prepare(
        cls, settings: config.Config, environ: dict[str, str], *, single: bool, verbose: bool
    ) -> Supervisor:
        data_dir = keys.ensure_private_dir(settings.data_dir.expanduser().resolve())
        environ["SAGE_DATA_DIR"] = str(data_dir)
        if not settings.is_production:
            checks.require_local_disk(data_dir)
        return cls(
            settings=settings,
            environ=environ,
            run_dir=keys.ensure_private_dir(data_dir / "run"),
            logs_dir=keys.ensure_private_dir(data_dir / "logs"),
            single=single,
            verbose=verbose,
        )

    def run(self) -> int:
        lock = checks.hold_instance_lock(self.run_dir)
        try:
            checks.require_free_port(self.settings.host, self.settings.port)
            lock.truncate(0)
            lock.write(self.settings.address + "\n")
            lock.flush()
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, self._on_signal)
            return self._run_children()
        finally:
            lock.close()

    def _run_children(self) -> int:
        try:
            self._start_broker()
            owner_code = self._start_web()
            if not self.stopping:
                self._start_workers()
                self._announce(owner_code)
                self._keep_spare()
            while not self.stopping:
                self._tend()
                time.sleep(TICK_S)
        finally:
            self._stop()
        return 0

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True

    def _start_broker(self) -> None:
        if self.settings.redis_url is not None or self.single:
            return
        server = valkey.find_server()
        if server is None:
            print("  No Valkey or Redis was found, so everything runs in one process.")
            self.single = True
            return
        address = valkey.socket_path(self.run_dir)
        valkey.end_leftover(address)
        self._start(valkey.program(server, address))
        valkey.wait_ready(address)
        self.environ["REDIS_URL"] = f"unix://{address}"

    def _start_web(self) -> str | None:
        """Starts the web server, waits until it answers, returns the first owner's code if needed."""
        reader, writer = os.pipe()
        command = [
            sys.executable,
            "-m",
            "studio_project.serve",
            "web",
            "--migrate",
            "--announce-fd",
            str(writer),
        ]
        if self.single:
            command.append("--with-worker")
        print("  Starting …", flush=True)
        child = self._start(Program(name="web", command=command, env=self.environ, pass_fds=(writer,)))
        self._wait_answering(child)
        os.set_blocking(reader, False)
        with suppress(OSError, ValueError, IndexError):
            facts = json.loads(os.read(reader, 65536).decode().splitlines()[-1])
            return str(facts["owner_code"]) if facts.get("owner_code") else None
        return None

    def _wait_answering(self, web: Child) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while not self.stopping and not self._answers():
            if web.tend() is not None and web.restarts + 1 >= TRIES_BEFORE_READY:
                tail = "\n    ".join(web.recent)
                raise StartError(f"The web server does not start. The last it said:\n    {tail}")
            if time.monotonic() > deadline:
                raise StartError(f"The web server did not answer within 2 minutes; see {web.log_path}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.settings.host, self.settings.host)  # noqa: S104
        host = f"[{host}]" if ":" in host and not host.startswith("[") else host
        try:
            with urllib.request.urlopen(f"http://{host}:{self.settings.port}/healthz", timeout=2):
                return True
        except urllib.error.HTTPError as error:
            return error.code < 500  # a plain no is an answer: the host name may not be one it serves
        except OSError:
            return False

    def _start_workers(self) -> None:
        if self.single:
            return
        for number in range(1, self.settings.workers + 1):
            name = f"worker{number}"
            command = [sys.executable, "-m", "studio_project.serve", "worker", "--name", name]
            self._start(Program(name=name, command=command, env=self.environ, stop_grace_s=15))

    def _keep_spare(self) -> None:
        """For the web process, which people wait for; by now the database is up to date and the code told."""
        command = [sys.executable, "-m", "studio_project.serve", "web", "--standby"]
        if self.single:
            command.append("--with-worker")
        self.spare = Spare(command, self.environ)
        for child in self.children:
            if child.program.name == "web":
                child.spare = self.spare

    def _start(self, program: Program) -> Child:
        echo = (lambda line: print(line, flush=True)) if self.verbose else None
        child = Child(program=program, log_path=self.logs_dir / f"{program.name}.log", echo=echo)
        self.children.append(child)
        child.start()
        return child

    def _announce(self, owner_code: str | None) -> None:
        print(f"\n  SAGE Studio is running:  {self.settings.address}\n")
        if owner_code:
            print("  Create the first owner account there. The server asks for this one-time code:")
            print(f"\n      {owner_code}\n")
        print(f"  Data and logs are in {self.run_dir.parent}. Press Ctrl-C to stop.", flush=True)

    def _tend(self) -> None:
        if self.spare is not None:
            self.spare.tend()
        for child in self.children:
            code = child.tend()
            if code is not None:
                how = f"was ended by signal {-code}" if code < 0 else f"stopped with exit code {code}"
                print(f"  ! {child.program.name} {how}; starting it again. Log: {child.log_path}", flush=True)

    def _stop(self) -> None:
        """Workers first, so that they can still record what they did; the broker last."""
        if any(child.is_running for child in self.children):
            print("\n  Stopping …", flush=True)
        if self.spare is not None:
            self.spare.close()
        workers = [child for child in self.children if child.program.name.startswith("worker")]
        for child in workers:
            child.ask_to_stop()
        for child in [*workers, *(c for c in reversed(self.children) if c not in workers)]:
            child.ask_to_stop()
            if not child.wait_stopped():
                print(f"  {child.program.name} did not stop in time and was killed.", flush=True)
