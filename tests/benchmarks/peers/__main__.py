"""``python -m tests.benchmarks.peers``: installs the peers, measures them and us, prints ratios."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from infra.setup.console import ROOT
from tests.benchmarks import durable, engine
from tests.benchmarks.harness import Measurement, calibrate
from tests.benchmarks.peers.installing import PEERS, Peer, PeerError

MEASURE_WITHIN_S = 900
WORK = {
    "chain": "chain of 100 cheap nodes, in memory",
    "fan": "fan-out to 100 and join, in memory",
    "durable": "chain of 100, each node on disk before the next",
}
# Which of our measurements is which work, by the beginning of its name, and its unit in microseconds.
OURS = {
    "chain": "chain of 100, in memory",
    "fan": "fan-out 100",
    "durable": "durable chain of 100, each node",
}
IN_US = {"µs": 1.0, "ms": 1000.0}


@dataclass(frozen=True, slots=True)
class Result:
    """What one engine took, in microseconds per node, and a step of the calibration beside it."""

    name: str
    version: str = ""
    us_per_node: Mapping[str, float] = field(default_factory=dict)
    step_us: float = 0.0
    failure: str = ""


def ours() -> Result:
    """Short forms of the suites that ``make bench`` runs, on the paths a flow takes."""
    step_us = calibrate()
    found: list[Measurement] = [*engine.measure(short=True), *durable.measure(short=True)]
    figures = {
        work: next(one.value * IN_US[one.unit] for one in found if one.name.startswith(beginning))
        for work, beginning in OURS.items()
    }
    return Result("SAGE Studio", "", figures, step_us)


def measured(peer: Peer) -> Result:
    """A peer's own figures; a peer that cannot be had here says why, and the others go on."""
    try:
        command = peer.command()
        step_us = calibrate()
        said = _answer(peer, command)
    except (PeerError, OSError, subprocess.TimeoutExpired) as error:
        return Result(peer.name, failure=str(error))
    return Result(peer.name, said["version"], said["us_per_node"], step_us)


def _answer(peer: Peer, command: Sequence[str]) -> dict[str, Any]:
    """The one JSON object the harness prints."""
    with tempfile.TemporaryDirectory(prefix="sage-peer-") as folder:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**_outside_env(), **peer.env()},
            capture_output=True,
            text=True,
            check=False,
            timeout=MEASURE_WITHIN_S,
        )
    lines = [line for line in done.stdout.splitlines() if line.startswith('{"version"')]
    if done.returncode != 0 or not lines:
        raise PeerError((done.stderr or done.stdout).strip()[-400:])
    said: dict[str, Any] = json.loads(lines[-1])
    return said


def _outside_env() -> dict[str, str]:
    """Nothing of our environment reaches a peer's interpreter."""
    ours_only = {"PYTHONPATH", "VIRTUAL_ENV", "DJANGO_SETTINGS_MODULE", "DATABASE_URL", "REDIS_URL"}
    return {name: value for name, value in os.environ.items() if name not in ours_only}


def table(us: Result, others: list[Result]) -> str:
    """A line per work and peer: both figures and how many times ours theirs is."""
    lines = [f"{'work, per node':<50} {'SAGE Studio':>12}  {'peer':<24} {'takes':>12}  ratio"]
    for work, what in WORK.items():
        for peer in others:
            if work in peer.us_per_node:
                mine, theirs = us.us_per_node[work], peer.us_per_node[work]
                name = f"{peer.name} {peer.version}"
                lines.append(f"{what:<50} {_shown(mine)}  {name:<24} {_shown(theirs)}  × {theirs / mine:.2f}")
    lines += [f"{peer.name} could not be measured: {peer.failure}" for peer in others if peer.failure]
    return "\n".join(lines)


def _shown(us: float) -> str:
    return f"{us / 1000:>9.2f} ms" if us >= 1000 else f"{us:>9.1f} µs"


def main() -> int:
    print("  … installing and measuring the peers (the first time takes some minutes)", flush=True)
    others = []
    for peer in PEERS:
        print(f"  … {peer.name}", flush=True)
        others.append(measured(peer))
    print("  … ours", flush=True)
    us = ours()
    print(f"\n{table(us, others)}\n\nMore than 1 means that the peer takes longer than we do.")
    path = ROOT / ".cache" / "bench" / "peers.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    record = {"at": at, "us": asdict(us), "peers": [asdict(peer) for peer in others]}
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"Written to {path.relative_to(ROOT)}")
    return 0 if all(not peer.failure for peer in others) else 1


if __name__ == "__main__":
    sys.exit(main())
