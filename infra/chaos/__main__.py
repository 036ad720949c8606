"""``python -m infra.chaos --minutes 30 --seed 7 --mode both``: a table, and JSON in .cache/chaos."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from infra.chaos.rig import LONG, SHORT, Plan, run_chaos
from infra.setup.console import ROOT, say

MODES = ("postgres", "sqlite")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="of faults, shared by the modes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mode", choices=[*MODES, "both"], default="both")
    parser.add_argument("--rate", type=float, default=2.0, help="runs started a second")
    parser.add_argument("--short-leases", action="store_true", help="6 s instead of the product's 30 s")
    chosen = parser.parse_args(arguments)
    modes = MODES if chosen.mode == "both" else (chosen.mode,)
    folder = ROOT / ".cache" / "chaos"
    folder.mkdir(parents=True, exist_ok=True)
    is_whole = True
    for mode in modes:
        setup = SHORT if chosen.short_leases else LONG
        report = run_chaos(Plan(mode, chosen.minutes / len(modes), chosen.seed, chosen.rate, setup))
        (folder / f"{mode}-{chosen.seed}.json").write_text(report.as_json(), encoding="utf-8")
        say("\n" + report.as_table())
        is_whole = is_whole and not report.violations and not report.over_target
    return 0 if is_whole else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
