"""A child process that is kept alive: started, listened to, restarted with growing pauses, stopped.

Every child holds the reading end of a pipe as its standard input. When the supervisor dies, however it
dies, the pipe closes and the child leaves (``studio_project.serve`` watches for that), so that nothing
keeps the port or the database behind our back.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from studio_project.supervisor.spare import Spare

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
# A child that lived this long was healthy: its next restart starts from the first pause again.
HEALTHY_AFTER_S = 60.0
LOG_LIMIT_BYTES = 10 * 1024 * 1024
KEPT_LINES = 30


@dataclass(frozen=True, slots=True)
class Program:
    """What to start, and how long it may take to stop by itself."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    stop_grace_s: float = 10.0
    pass_fds: tuple[int, ...] = ()


@dataclass(slots=True)
class Child:
    """One program under supervision. Used from one thread; only the log pump is another."""

    program: Program
    log_path: Path
    echo: Callable[[str], None] | None = None
    spare: Spare | None = None
    process: subprocess.Popen[str] | None = None
    restarts: int = 0
    recent: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT_LINES))
    _started_at: float = 0.0
    _pause_s: float = FIRST_PAUSE_S
    _due_at: float | None = None
    _pump: threading.Thread | None = None

    def start(self) -> None:
        self._close_pipes()
        self._started_at = time.monotonic()
        self._due_at = None
        ready = self.spare.take() if self.spare is not None else None
        self.process = ready or self._new_process()
        self._pump = threading.Thread(target=self._copy_output, args=(self.process,), daemon=True)
        self._pump.start()

    def _new_process(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            list(self.program.command),
            env=dict(self.program.env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # Its own session: Ctrl-C reaches only the supervisor, which stops the children in order.
            start_new_session=True,
            pass_fds=self.program.pass_fds,
        )

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def tend(self) -> int | None:
        """Restarts the child when it has died and its pause is over.

        Returns its exit code once, at the moment its death is noticed.
        """
        if self.is_running:
            return None
        now = time.monotonic()
        if self._due_at is None:
            if now - self._started_at >= HEALTHY_AFTER_S:
                self._pause_s = FIRST_PAUSE_S
            self._due_at = now + self._pause_s
            self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
            return self.process.returncode if self.process else 0
        if now >= self._due_at:
            self.restarts += 1
            self.start()
        return None

    def ask_to_stop(self) -> None:
        if self.process is not None and self.is_running:
            self.process.terminate()

    def wait_stopped(self) -> bool:
        """Waits out the grace, then kills; says whether it went by itself."""
        if self.process is None:
            return True
        try:
            self.process.wait(timeout=self.program.stop_grace_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return False
        finally:
            self._close_pipes()
        return True

    def _close_pipes(self) -> None:
        """Lets go of a dead child's pipes, once the last of its output has been copied."""
        if self.process is None or self.process.stdin is None or self.process.stdout is None:
            return
        if self._pump is not None:
            self._pump.join(timeout=1)
        self.process.stdin.close()
        self.process.stdout.close()

    def _copy_output(self, process: subprocess.Popen[str]) -> None:
        """Copies what the child prints into its log file, which is turned over at its size limit."""
        assert process.stdout is not None
        log = self.log_path.open("a", encoding="utf-8", buffering=1)
        try:
            for line in process.stdout:
                if log.tell() > LOG_LIMIT_BYTES:
                    log.close()
                    self.log_path.replace(self.log_path.with_suffix(".log.1"))
                    log = self.log_path.open("a", encoding="utf-8", buffering=1)
                log.write(line)
                self.recent.append(line.rstrip("\n"))
                if self.echo is not None:
                    self.echo(f"{self.program.name:>8} | {line.rstrip()}")
        finally:
            log.close()
