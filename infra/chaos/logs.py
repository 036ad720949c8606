"""What the processes said: who was which worker, and how often the product noticed something itself."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

NOTED = (
    "late_writer_refused",
    "run_lost",
    "run_taken_over",
    "run_batch_retried",
    "heartbeat_failed",
    "claim_failed",
    "run_worker_crashed",
    "run_crashed",
    "run_not_refused",
)


def _said(logs: Iterable[Path]) -> Iterator[tuple[str, dict[str, Any]]]:
    for log in logs:
        for line in log.read_text(errors="replace").splitlines():
            if line.startswith("{"):
                try:
                    yield log.name.split(".")[0], json.loads(line)
                except ValueError:
                    continue


def noticed(logs: Iterable[Path]) -> Counter[str]:
    """Counts of what is worth knowing."""
    return Counter(line["event"] for _, line in _said(logs) if line.get("event") in NOTED)


def workers_by_pid(logs: Iterable[Path]) -> dict[int, str]:
    """Process id → name, for every worker process there ever was."""
    found = {}
    for name, line in _said(logs):
        if line.get("event") == "run_worker_started":
            found[int(str(line["owner"]).split(":")[1])] = name
    return found


def fired(logs: Iterable[Path]) -> Counter[str]:
    """Fail points that fired."""
    found: Counter[str] = Counter()
    for log in logs:
        for line in log.read_text(errors="replace").splitlines():
            if line.startswith("failpoint "):
                found[line.split()[1]] += 1
    return found


def tracebacks(logs: Iterable[Path], limit: int = 5) -> list[str]:
    """The first faults of our own that were logged."""
    found = []
    for name, line in _said(logs):
        if line.get("event") in {"run_worker_crashed", "run_crashed", "run_batch_not_storable"}:
            found.append(f"{name}: {line.get('exception', '')[-1200:]}")
    return found[:limit]
