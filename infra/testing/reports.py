"""What the last lines of a whole run say: how long each part took and what failed in it.

Each part writes a report in JUnit's form. Whoever sees only the end of a log sees the failures of the
first part there, too.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from infra.setup.console import say

MAX_SHOWN = 25
MAX_WORDS = 160


@dataclass(frozen=True)
class Part:
    """One program that ran tests."""

    name: str
    code: int
    seconds: float
    report: Path | None

    def lines(self) -> Iterator[str]:
        count, failures = _read(self.report)
        yield f"{'✓' if self.code == 0 else '✗'} {self.name}: {count} tests, {self.seconds:.0f} s" + (
            f", exit code {self.code}" if self.code else ""
        )
        for failure in failures[:MAX_SHOWN]:
            yield f"    {failure}"
        if len(failures) > MAX_SHOWN:
            yield f"    … and {len(failures) - MAX_SHOWN} more"
        if self.code and not failures:
            yield "    no test is named: see what it said above"


def _read(report: Path | None) -> tuple[int, list[str]]:
    """How many tests there were, and each failure with the beginning of its message."""
    if report is None or not report.exists():
        return 0, []
    failures = []
    cases = list(ET.parse(report).iter("testcase"))
    for case in cases:
        for kind in ("failure", "error"):
            if (found := case.find(kind)) is not None:
                message = " ".join((found.get("message") or "").split())
                failures.append(f"{case.get('classname')}::{case.get('name')} {message[:MAX_WORDS]}")
    return len(cases), failures


def conclude(parts: list[Part]) -> None:
    """Print the last lines."""
    say("\n━━ in all")
    for part in parts:
        for line in part.lines():
            say(line)
    failed = [part.name for part in parts if part.code]
    say(f"✗ failed: {', '.join(failed)}" if failed else "✓ everything passed")
