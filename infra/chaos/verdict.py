"""What a judge found."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field


@dataclass
class Verdict:
    """Breaches by promise, each one line of text, and counts."""

    breaches: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    counts: Counter[str] = field(default_factory=Counter)
    flows: Counter[str] = field(default_factory=Counter)

    def breach(self, promise: str, text: str) -> None:
        self.breaches[promise].append(text)
