"""A whole SAGE Studio in processes of its own, started the way ``make run`` starts it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 25.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Studio:
    """The supervisor and its children over one data folder; may be stopped and started again."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.log_path = data_dir / "studio.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it is ready. Raises RuntimeError with the log's end."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self._log = self.log_path.open("ab")
        clean = {key: value for key, value in os.environ.items() if not key.startswith("SAGE_")}
        for name in ("DATABASE_URL", "REDIS_URL", "ANTHROPIC_API_KEY"):
            clean.pop(name, None)
        self._process = subprocess.Popen(
            [str(Path(sys.executable).with_name("sage-studio")), "up"],
            cwd=ROOT,
            env={
                **clean,
                "SAGE_DATA_DIR": str(self.data_dir),
                "SAGE_PORT": str(self.port),
                # Tests are servers as well, and run on this machine.
                "SAGE_ALLOW_PRIVATE_NETWORK": "127.0.0.1/32",
                "PYTHONUNBUFFERED": "1",
            },
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.wait_ready()

    def wait_ready(self) -> None:
        """Wait until the server answers. Raises RuntimeError with the log's end."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"SAGE Studio does not answer:\n{self.log()[-4000:]}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop as a person would, with an interrupt."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.kill()
        self._close_log()

    def kill(self) -> None:
        """Kill every process at once, as a power cut would."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        for pid in self._stragglers():
            os.kill(pid, signal.SIGKILL)
        self._close_log()

    def kill_child(self, kind: str) -> int:
        """Kill one child with -9 and return its process id. ``kind`` is ``web`` or ``worker``."""
        pid = next(iter(self.children(kind)))
        os.kill(pid, signal.SIGKILL)
        return pid

    def children(self, kind: str) -> list[int]:
        """Process ids whose command line names this kind of child of this instance."""
        return [pid for pid in self._stragglers() if f"studio_project.serve\0{kind}" in _cmdline(pid)]

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def owner_code(self) -> str:
        """The one-time code the supervisor printed, or an empty text when none is asked for."""
        found = re.search(r"\b([A-Z0-9]{4}(?:-[A-Z0-9]{4})+)\b", self.log())
        return found.group(1) if found else ""

    def _stragglers(self) -> list[int]:
        mark = f"SAGE_DATA_DIR={self.data_dir}\0".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    if mark in (entry / "environ").read_bytes() + b"\0":
                        found.append(int(entry.name))
                except OSError:
                    continue
        return found

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.base_url}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _close_log(self) -> None:
        if self._log is not None:
            self._log.close()
            self._log = None


def _cmdline(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""
