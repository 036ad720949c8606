"""A web process that has loaded everything and waits: who takes the place of one that died need not first
load two thousand modules, which takes seconds, and many on a machine that is busy."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

# One is made so long after the start, or after the last was taken: the others want the processor first.
REFILL_AFTER_S = 10.0


class Spare:
    """At most one such process. Used from the supervisor's thread alone."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str]) -> None:
        self._command, self._env = command, env
        self._process: subprocess.Popen[str] | None = None
        self._due_at = time.monotonic() + REFILL_AFTER_S

    def tend(self) -> None:
        """Makes one where there is none."""
        if self._process is not None and self._process.poll() is not None:
            self._let_go()
        if self._process is None and time.monotonic() >= self._due_at:
            self._process = subprocess.Popen(
                list(self._command),
                env=dict(self._env),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )

    def take(self) -> subprocess.Popen[str] | None:
        """The process, told to go on; None when there is none."""
        process = self._process
        if process is None or process.poll() is not None or process.stdin is None:
            return None
        try:
            process.stdin.write("\n")
            process.stdin.flush()
        except OSError:  # it died at this moment
            return None
        self._process = None
        self._due_at = time.monotonic() + REFILL_AFTER_S
        return process

    def close(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._let_go()

    def _let_go(self) -> None:
        process, self._process = self._process, None
        self._due_at = time.monotonic() + REFILL_AFTER_S
        for pipe in (process.stdin, process.stdout) if process is not None else ():
            if pipe is not None:
                with suppress(OSError):  # what was still to be written has no reader any more
                    pipe.close()
