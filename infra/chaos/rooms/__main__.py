"""``python -m infra.chaos.rooms --kills 500 --seed 1 --mode both``: a table, and JSON in .cache/chaos."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence

from infra.chaos.rooms.rig import Plan, run_kills
from infra.setup.console import ROOT, say

MODES = ("postgres", "sqlite")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.chaos.rooms", description=__doc__)
    parser.add_argument("--kills", type=int, default=500, help="shared by the modes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mode", choices=[*MODES, "both"], default="both")
    parser.add_argument("--editors", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=math.inf, help="at most, of kills, in each mode")
    chosen = parser.parse_args(arguments)
    modes = MODES if chosen.mode == "both" else (chosen.mode,)
    folder = ROOT / ".cache" / "chaos"
    folder.mkdir(parents=True, exist_ok=True)
    is_whole = True
    for mode in modes:
        kills = chosen.kills // len(modes)
        plan = Plan(mode, kills, chosen.seed, chosen.editors, minutes=chosen.minutes)
        report = run_kills(plan)
        (folder / f"rooms-{mode}-{chosen.seed}.json").write_text(report.as_json(), encoding="utf-8")
        say("\n" + report.as_text())
        is_whole = is_whole and report.is_whole
    return 0 if is_whole else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
