"""Starts the processes of production on this machine and takes them down again."""

from __future__ import annotations

import base64
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from infra import services
from infra.native import proxy
from infra.setup.console import ROOT
from studio_project.supervisor.checks import StartError
from studio_project.supervisor.children import Child, Program

READY_WITHIN_S = 90.0
TEND_EVERY_S = 0.1


@dataclass(slots=True)
class Layout:
    """A running production layout. Children that die are started again, as a service manager would."""

    folder: Path
    address: str
    env: dict[str, str]
    proxy_kind: str
    owner_code: str | None = None
    children: dict[str, Child] = field(default_factory=dict)
    _over: threading.Event = field(default_factory=threading.Event)

    def kill(self, name: str) -> int:
        """Ends ``web1``, ``worker2`` … with SIGKILL and gives the process id it had."""
        process = self.children[name].process
        assert process is not None
        process.send_signal(signal.SIGKILL)
        process.wait()
        return process.pid

    def start(self, program: Program) -> Child:
        logs = self.folder / "logs"
        logs.mkdir(exist_ok=True)
        child = Child(program=program, log_path=logs / f"{program.name}.log")
        child.start()
        self.children[program.name] = child
        return child

    def tend_until_over(self) -> None:
        while not self._over.wait(TEND_EVERY_S):
            for child in list(self.children.values()):
                child.tend()

    def stop(self) -> None:
        """Proxy first (no new work), then workers and web."""
        self._over.set()
        for child in self.children.values():
            child.ask_to_stop()
        for child in self.children.values():
            child.wait_stopped()


@contextmanager
def production_layout(
    *, web: int = 2, workers: int = 2, extra_env: dict[str, str] | None = None
) -> Iterator[Layout]:
    """The whole layout on free ports, with a database of its own; everything is gone afterwards."""
    ports = free_ports(web + 1)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sage-native-")))
        env = {
            **os.environ,
            "DATABASE_URL": stack.enter_context(services.postgres(durable=True)),
            "REDIS_URL": stack.enter_context(services.redis()),
            "SAGE_DATA_DIR": str(folder / "data"),
            "SAGE_SECRET_KEY": secrets.token_urlsafe(48),
            "SAGE_CREDENTIAL_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "SAGE_BASE_URL": f"http://127.0.0.1:{ports[0]}",
            "SAGE_TRUSTED_PROXIES": "127.0.0.1/32",
            "SAGE_LOG_FORMAT": "json",
            **(extra_env or {}),
        }
        front = proxy.choose(folder / "proxy", port=ports[0], upstreams=ports[1:])
        layout = Layout(folder=folder, address=env["SAGE_BASE_URL"], env=env, proxy_kind=front.kind)
        manage(env, "migrate", "--no-input", "--verbosity", "0")
        layout.owner_code = manage(env, "owner_code").strip().split()[-1]
        stack.callback(layout.stop)
        for number, port in enumerate(ports[1:], start=1):
            layout.start(_web(f"web{number}", env, port))
        for number in range(1, workers + 1):
            layout.start(_worker(f"worker{number}", env))
        layout.start(front.program)
        threading.Thread(target=layout.tend_until_over, daemon=True).start()
        for port in ports:
            wait_answering(f"http://127.0.0.1:{port}/healthz", layout)
        yield layout


def _web(name: str, env: dict[str, str], port: int) -> Program:
    command = [sys.executable, "-m", "studio_project.serve", "web"]
    return Program(name=name, command=command, env={**env, "SAGE_PORT": str(port), "SAGE_HOST": "127.0.0.1"})


def _worker(name: str, env: dict[str, str]) -> Program:
    command = [sys.executable, "-m", "studio_project.serve", "worker", "--name", name]
    return Program(name=name, command=command, env=env, stop_grace_s=15)


def manage(env: dict[str, str], *arguments: str) -> str:
    """Runs a management command of the product and gives what it printed."""
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise StartError(
            f"manage.py {' '.join(arguments)} failed:\n{done.stdout[-500:]}{done.stderr[-1500:]}"
        )
    return done.stdout


def free_ports(count: int) -> list[int]:
    """Ports nobody held a moment ago."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for held in sockets:
            held.bind(("127.0.0.1", 0))
        return [int(held.getsockname()[1]) for held in sockets]


def wait_answering(url: str, layout: Layout) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except urllib.error.HTTPError:
            pass  # the proxy is up, the process behind it not yet
        except OSError:
            pass
        time.sleep(0.1)
    said = {name: list(child.recent)[-8:] for name, child in layout.children.items()}
    raise StartError(f"{url} did not answer within {READY_WITHIN_S:.0f} s: {said}")
