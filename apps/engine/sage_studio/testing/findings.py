"""What a check has found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sage_studio.kernel import Text

Severity = Literal["error", "warning", "skipped"]


@dataclass(frozen=True, slots=True)
class Finding:
    """``skipped`` is what could not be checked, and why."""

    node: str
    check: str
    severity: Severity
    message: Text

    def __str__(self) -> str:
        return f"{self.node}: {self.check}: {self.message['en']}"


def error(node: str, check: str, en: str, zh: str) -> Finding:
    return Finding(node, check, "error", Text(en=en, zh=zh))


def warning(node: str, check: str, en: str, zh: str) -> Finding:
    return Finding(node, check, "warning", Text(en=en, zh=zh))


def skipped(node: str, check: str, en: str, zh: str) -> Finding:
    return Finding(node, check, "skipped", Text(en=en, zh=zh))
