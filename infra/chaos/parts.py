"""The product's processes in its two layouts, to be killed, frozen and let go on by name.

``Production``: PostgreSQL, Redis, two web and three worker processes, each started again when it dies, as a
service manager would. ``Embedded``: ``sage-studio up`` with SQLite, its own supervisor, web, two workers and
Valkey; the supervisor can be killed too.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from infra.chaos import nodes
from infra.native.layout import free_ports
from infra.services import PostgresServer, RedisServer
from infra.setup.console import ROOT
from studio_project.supervisor.children import Child, Program

UP = "import sys; from studio_project.supervisor import up_command; sys.exit(up_command(sys.argv[1:]))"
TEND_EVERY_S = 0.1
READY_WITHIN_S = 120.0


class PartMissing(Exception):
    """The part has no process at the moment: it was just killed, or is being started again."""


class Product(ABC):
    """A running product and its parts."""

    mode: str
    webs: list[str]
    workers: list[str]
    servers: list[str]

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self.folder = folder
        self.ledger = folder / "ledger"
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SAGE_")},
            "DJANGO_SETTINGS_MODULE": "infra.chaos.settings",
            "SAGE_DATA_DIR": str(folder / "data"),
            "SAGE_LOG_FORMAT": "json",
            "SAGE_ALLOW_PRIVATE_NETWORK": "127.0.0.0/8",
            "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
            nodes.LEDGER_NAME: str(self.ledger),
            **env,
        }
        self.env.pop("DATABASE_URL", None)
        self.env.pop("REDIS_URL", None)
        self.ports: dict[str, int] = {}

    @abstractmethod
    def start(self, flows: Mapping[str, Any]) -> dict[str, Any]:
        """Prepare the database, start everything, wait until it answers; what ``stage`` made."""

    @abstractmethod
    def stop(self) -> None:
        """Everything, in order."""

    @abstractmethod
    def pid_of(self, name: str) -> int:
        """The process of a part now. Raises PartMissing."""

    @abstractmethod
    def logs(self) -> Iterator[Path]:
        """The log files of web and worker processes."""

    @property
    @abstractmethod
    def redis_address(self) -> str: ...

    def addresses(self) -> list[str]:
        return [f"http://127.0.0.1:{self.ports[name]}" for name in self.webs]

    def kill(self, name: str) -> int:
        """SIGKILL; returns the process id it had."""
        pid = self.pid_of(name)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        return pid

    def freeze(self, name: str) -> int:
        pid = self.pid_of(name)
        os.kill(pid, signal.SIGSTOP)
        return pid

    def thaw(self, pid: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    def answers(self, web: str) -> bool:
        """Whether a web process answers its health check."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[web]}/healthz", timeout=1):
                return True
        except OSError:
            return False

    def stage(self, flows: Mapping[str, Any]) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-m", "infra.chaos.stage"],
            input=json.dumps(flows),
            env=self.env,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"the database could not be prepared:\n{done.stderr[-3000:]}")
        made = json.loads(done.stdout.splitlines()[-1])
        assert isinstance(made, dict)
        return made

    def wait_answering(self) -> None:
        give_up_at = time.monotonic() + READY_WITHIN_S
        while not all(self.answers(web) for web in self.webs):
            if time.monotonic() > give_up_at:
                said = "\n".join(log.read_text(errors="replace")[-1500:] for log in self.logs())
                raise RuntimeError(f"the product does not answer:\n{said}")
            time.sleep(0.1)


class Production(Product):
    """PostgreSQL with real flushes, and several of everything."""

    mode = "postgres"
    servers: list[str]

    def __init__(self, folder: Path, env: Mapping[str, str], *, webs: int = 2, workers: int = 3) -> None:
        super().__init__(folder, env)
        self.webs = [f"web{i}" for i in range(1, webs + 1)]
        self.workers = [f"worker{i}" for i in range(1, workers + 1)]
        self.servers = ["postgres", "redis"]
        self.postgres = PostgresServer(durable=True)
        self.redis = RedisServer()
        self._children: dict[str, Child] = {}
        self._over = threading.Event()
        self._tender = threading.Thread(target=self._tend, name="tender", daemon=True)

    @property
    def redis_address(self) -> str:
        return self.redis.address

    def start(self, flows: Mapping[str, Any]) -> dict[str, Any]:
        self.postgres.start()
        self.redis.start()
        ports = free_ports(len(self.webs))
        self.ports = dict(zip(self.webs, ports, strict=True))
        self.env |= {
            "DATABASE_URL": self.postgres.address,
            "REDIS_URL": self.redis.address,
            "SAGE_SECRET_KEY": secrets.token_urlsafe(48),
            "SAGE_CREDENTIAL_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "SAGE_BASE_URL": f"http://127.0.0.1:{ports[0]}",
        }
        made = self.stage(flows)
        serve = [sys.executable, "-m", "studio_project.serve"]
        for name in self.webs:
            self._start(name, [*serve, "web"], SAGE_PORT=str(self.ports[name]), SAGE_HOST="127.0.0.1")
        for name in self.workers:
            self._start(name, [*serve, "worker", "--name", name])
        self._tender.start()
        self.wait_answering()
        return made

    def _start(self, name: str, command: list[str], **env: str) -> None:
        """Each process has its own name on its database sessions: the audit of writes goes by it."""
        address = f"{self.env['DATABASE_URL']}&application_name={name}"
        program = Program(
            name=name, command=command, env={**self.env, "DATABASE_URL": address, **env}, stop_grace_s=15
        )
        child = Child(program=program, log_path=self.folder / f"{name}.log")
        child.start()
        self._children[name] = child

    def _tend(self) -> None:
        while not self._over.wait(TEND_EVERY_S):
            for child in self._children.values():
                child.tend()

    def pid_of(self, name: str) -> int:
        child = self._children[name]
        if child.process is None or child.process.poll() is not None:
            raise PartMissing(name)
        return child.process.pid

    def logs(self) -> Iterator[Path]:
        yield from sorted(self.folder.glob("w*.log*"))

    def stop(self) -> None:
        self._over.set()
        if self._tender.is_alive():
            self._tender.join(5)
        for child in self._children.values():
            child.ask_to_stop()
        for child in self._children.values():
            child.wait_stopped()
        self.redis.remove()
        self.postgres.remove()


class Embedded(Product):
    """One command, as a person starts it."""

    mode = "sqlite"

    def __init__(self, folder: Path, env: Mapping[str, str], *, workers: int = 2) -> None:
        super().__init__(folder, env)
        self.webs = ["web"]
        self.workers = [f"worker{i}" for i in range(1, workers + 1)]
        self.servers = ["redis", "supervisor"]
        self._process: subprocess.Popen[bytes] | None = None
        self._over = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)

    @property
    def redis_address(self) -> str:
        return f"unix://{self.folder / 'data' / 'run' / 'valkey.sock'}"

    def start(self, flows: Mapping[str, Any]) -> dict[str, Any]:
        self.ports = {"web": free_ports(1)[0]}
        made = self.stage(flows)
        self._up()
        self._keeper.start()
        self.wait_answering()
        return made

    def _up(self) -> None:
        command = [sys.executable, "-c", UP, "--port", str(self.ports["web"])]
        with (self.folder / "up.log").open("ab") as output:
            self._process = subprocess.Popen(
                [*command, "--workers", str(len(self.workers))],
                env=self.env,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def _keep(self) -> None:
        """A supervisor that was killed is started again; its children leave first."""
        while not self._over.wait(TEND_EVERY_S):
            if self._process is not None and self._process.poll() is not None:
                self._up()
                self._over.wait(0.5)

    def pid_of(self, name: str) -> int:
        if self._process is None or self._process.poll() is not None:
            raise PartMissing(name)
        if name == "supervisor":
            return self._process.pid
        wanted = {"web": "web", "redis": "valkey.sock"}.get(name, name)
        with suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self._process.pid).children():
                if any(part.endswith(wanted) for part in child.cmdline()):
                    return int(child.pid)
        raise PartMissing(name)

    def logs(self) -> Iterator[Path]:
        yield from sorted((self.folder / "data" / "logs").glob("w*.log*"))
        yield self.folder / "up.log"

    def stop(self) -> None:
        self._over.set()
        if self._keeper.is_alive():
            self._keeper.join(5)
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(60)
