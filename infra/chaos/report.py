"""What a chaos run found, as a table for people and JSON for the record."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from infra.chaos.faults import TARGETS, Recovery


@dataclass
class Report:
    """Everything one mode of one chaos run has to say."""

    mode: str
    seed: int
    minutes: float
    times: str
    counts: Mapping[str, int]
    faults: Mapping[str, int]
    noticed: Mapping[str, int]
    fired: Mapping[str, int]
    recoveries: Sequence[Recovery]
    breaches: Mapping[str, Sequence[str]]
    rig_faults: Sequence[str] = ()
    diary: Sequence[str] = ()
    tracebacks: Sequence[str] = ()
    slow: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.slow = [
            f"{name}: {row['max_alone_s']} s, target {row['target_s']} s"
            for name, row in self.recovery_times().items()
            if row["target_s"] and (row["max_alone_s"] is None or row["max_alone_s"] > row["target_s"])
            if row["alone"] or row["never"]
        ]

    @property
    def violations(self) -> int:
        return sum(map(len, self.breaches.values()))

    def recovery_times(self) -> dict[str, dict[str, Any]]:
        """By kind of fault: how many, p50 and longest; ``alone`` are those no other fault disturbed."""
        by_kind: dict[str, list[Recovery]] = defaultdict(list)
        for recovery in self.recoveries:
            by_kind[f"{recovery.what} {recovery.how}"].append(recovery)
        return {name: _times(found) for name, found in sorted(by_kind.items())}

    def as_json(self) -> str:
        facts = {
            "mode": self.mode,
            "seed": self.seed,
            "minutes": self.minutes,
            "times": self.times or "as shipped",
            "violations": self.violations,
            "breaches": {promise: list(texts[:20]) for promise, texts in self.breaches.items()},
            "over_target": self.slow,
            "counts": dict(self.counts),
            "faults": dict(self.faults),
            "noticed": dict(self.noticed),
            "failpoints": dict(self.fired),
            "recovery": self.recovery_times(),
            "rig_faults": list(self.rig_faults[:20]),
            "diary": list(self.diary),
            "tracebacks": list(self.tracebacks),
        }
        return json.dumps(facts, indent=1)

    def as_table(self) -> str:
        lines = [
            f"chaos {self.mode}, seed {self.seed}, {self.minutes:g} min, times {self.times or 'as shipped'}"
        ]
        lines += _columns("counts", self.counts)
        lines += _columns("faults", self.faults)
        lines += _columns("noticed by the product", self.noticed)
        lines += _columns("fail points fired", self.fired)
        lines.append(
            f"  {'recovery (seconds)':<28}{_cells(['n', 'alone', 'p50', 'max', 'max alone', 'target'])}"
        )
        for name, row in self.recovery_times().items():
            cells = [row["n"], row["alone"], row["p50_s"], row["max_s"], row["max_alone_s"], row["target_s"]]
            shown = ["–" if cell is None else f"{cell:g}" for cell in cells]
            lines.append(f"    {name:<26}{_cells(shown)}")
        lines += [f"  over target: {text}" for text in self.slow]
        lines += [f"  fault of the rig: {text}" for text in self.rig_faults[:5]]
        for promise, texts in self.breaches.items():
            lines.append(f"  ✗ {promise}: {len(texts)}")
            lines += [f"      {text}" for text in texts[:5]]
        lines.append(f"  violations: {self.violations}")
        return "\n".join(lines)


def _times(found: Sequence[Recovery]) -> dict[str, Any]:
    all_s = [recovery.seconds for recovery in found if recovery.seconds is not None]
    alone_s = [recovery.seconds for recovery in found if recovery.is_alone and recovery.seconds is not None]
    return {
        "n": len(found),
        "alone": len(alone_s),
        "p50_s": round(median(all_s), 1) if all_s else None,
        "max_s": max(all_s, default=None),
        "max_alone_s": max(alone_s, default=None),
        "never": len(found) - len(all_s),
        "target_s": TARGETS.get(found[0].what),
    }


def _cells(texts: Sequence[str]) -> str:
    return "".join(f"{text:>10}" for text in texts)


def _columns(title: str, counts: Mapping[str, int]) -> list[str]:
    if not counts:
        return []
    return [f"  {title}", *(f"    {name:<36}{count:>8}" for name, count in sorted(Counter(counts).items()))]
