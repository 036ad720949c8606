"""Real worker processes for kill tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parent.parent.parent


class WorkerProcess:
    """``python -m studio_project.serve worker`` on the test's database."""

    def __init__(self, name: str, log: Path, failpoints: str = "") -> None:
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.executions.worker_settings",
            "SAGE_DATA_DIR": str(settings.DATA_DIR),
            "SAGE_TEST_DATABASE": str(connection.settings_dict["NAME"]),
            "SAGE_FAILPOINTS": failpoints,
            "PYTHONPATH": str(ROOT),
        }
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "studio_project.serve", "worker", "--name", name],
                env=environment,
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        """As ``kill -9`` does."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(60)
        if self._process.stdin:
            self._process.stdin.close()

    def terminate(self, wait_s: float = 120.0) -> int:
        """SIGTERM, as an operator stops it; returns the exit status."""
        self._process.terminate()
        return self._process.wait(wait_s)

    def wait_until_dead(self, wait_s: float = 120.0) -> int:
        return self._process.wait(wait_s)

    def wait_until_ready(self, wait_s: float = 120.0) -> None:
        give_up_at = time.monotonic() + wait_s
        while "run_worker_started" not in self.log.read_text(errors="replace"):
            if time.monotonic() > give_up_at or self._process.poll() is not None:
                raise AssertionError(self.log.read_text(errors="replace")[-3000:])
            time.sleep(0.05)
