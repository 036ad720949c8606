"""What the person at the terminal sees: one line per step, and a clear word when something is missing."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEARTBEAT_S = 15.0


class SetupError(Exception):
    """Something is missing or failed; the message says what to do about it."""


def say(text: str) -> None:
    print(text, flush=True)


@contextmanager
def step(title: str) -> Iterator[None]:
    """Announces a step, shows that it is alive while it lasts, and says how long it took."""
    say(f"  … {title}")
    started = time.monotonic()
    done = threading.Event()

    def heartbeat() -> None:
        while not done.wait(HEARTBEAT_S):
            say(f"    still at it ({time.monotonic() - started:.0f} s)")

    threading.Thread(target=heartbeat, daemon=True).start()
    try:
        yield
    finally:
        done.set()
    say(f"  ✓ {title} ({time.monotonic() - started:.1f} s)")


def run(
    command: Sequence[str | Path],
    *,
    what: str,
    hint: str = "",
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
) -> str:
    """Runs a program quietly; on failure raises ``SetupError`` with the end of what it printed."""
    arguments = [str(part) for part in command]
    try:
        finished = subprocess.run(
            arguments,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
        )
    except OSError as error:
        raise SetupError(f"{what}: {arguments[0]} could not be started ({error}). {hint}".strip()) from error
    if finished.returncode != 0:
        raise SetupError(
            f"{what} failed (exit code {finished.returncode}):\n{_ends(finished.stdout)}\n{hint}".rstrip()
        )
    return finished.stdout


def _ends(text: str) -> str:
    """The beginning and the end of what a program said: some name the cause first, some last."""
    lines = text.strip().splitlines()
    return "\n".join(lines if len(lines) <= 30 else [*lines[:10], "    […]", *lines[-20:]])


def passthrough(
    command: Sequence[str | Path], *, cwd: Path = ROOT, env: Mapping[str, str] | None = None
) -> int:
    """Runs a program with this terminal as its own and returns its exit code."""
    sys.stdout.flush()
    arguments = [str(part) for part in command]
    return subprocess.run(arguments, cwd=cwd, env={**os.environ, **(env or {})}, check=False).returncode
