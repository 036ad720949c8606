"""What a chaos run found, as a table for people and JSON for the record."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    flows: Mapping[str, int]
    faults: Mapping[str, int]
    noticed: Mapping[str, int]
    fired: Mapping[str, int]
    recoveries: Sequence[Recovery]
    slowness: float
    breaches: Mapping[str, Sequence[str]]
    rig_faults: Sequence[str] = ()
    diary: Sequence[str] = ()
    tracebacks: Sequence[str] = ()

    @property
    def over_target(self) -> list[str]:
        """Recoveries no other fault disturbed that took longer than promised, the machine's slowness of
        that time allowed for; and those that never came."""
        found = []
        for recovery in self.recoveries:
            target_s = TARGETS.get(recovery.what)
            told = f"{recovery.what} {recovery.how} at {recovery.at} s"
            if recovery.seconds is None:
                found.append(f"{told}: not well again")
            elif target_s and recovery.is_alone and recovery.seconds > target_s * recovery.slowness:
                found.append(f"{told}: {recovery.seconds} s on a machine {recovery.slowness} times as slow")
        return found

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
            "over_target": self.over_target,
            "slowness": self.slowness,
            "counts": dict(self.counts),
            "runs_by_flow": dict(self.flows),
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
        lines.append(f"  the machine was {self.slowness} times as slow as a calm one")
        lines += _columns("counts", self.counts)
        lines.append(f"  flows      {', '.join(f'{name} {n}' for name, n in sorted(self.flows.items()))}")
        lines += _columns("faults", self.faults)
        lines += _columns("noticed by the product", self.noticed)
        lines += _columns("fail points fired", self.fired)
        titles = ["n", "alone", "p50", "max", "max alone", "target", "slowness"]
        lines.append(f"  {'recovery (seconds)':<28}{_cells(titles)}")
        for name, row in self.recovery_times().items():
            cells = [row[column] for column in _COLUMNS]
            shown = ["–" if cell is None else f"{cell:g}" for cell in cells]
            lines.append(f"    {name:<26}{_cells(shown)}")
        lines += [f"  over target: {text}" for text in self.over_target]
        lines += [f"  fault of the rig: {text}" for text in self.rig_faults[:5]]
        for promise, texts in self.breaches.items():
            lines.append(f"  ✗ {promise}: {len(texts)}")
            lines += [f"      {text}" for text in texts[:5]]
        lines.append(f"  violations: {self.violations}")
        return "\n".join(lines)


_COLUMNS = ("n", "alone", "p50_s", "max_s", "max_alone_s", "target_s", "slowness")


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
        "slowness": round(sum(recovery.slowness for recovery in found) / len(found), 1),
    }


def _cells(texts: Sequence[str]) -> str:
    return "".join(f"{text:>10}" for text in texts)


def _columns(title: str, counts: Mapping[str, int]) -> list[str]:
    if not counts:
        return []
    return [f"  {title}", *(f"    {name:<36}{count:>8}" for name, count in sorted(Counter(counts).items()))]
