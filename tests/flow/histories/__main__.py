"""``python -m tests.flow.histories`` (``make histories``): many histories, and one that ends badly."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.flow.histories.browsers import open_browsers
from tests.flow.histories.judging import judge
from tests.flow.histories.script import History, histories


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.flow.histories", description=__doc__)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--longest", type=int, default=120, help="steps of a history")
    parser.add_argument("--shrink", action="store_true", help="look for the shortest one, for minutes")
    chosen = parser.parse_args(arguments)
    played: list[int] = []
    problems: Counter[str] = Counter()
    with open_browsers() as browsers:

        @seed(chosen.seed)
        @settings(
            max_examples=chosen.count,
            deadline=None,
            database=None,
            phases=[Phase.generate, *([Phase.shrink] if chosen.shrink else [])],
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        )
        @given(history=histories(longest=chosen.longest))
        def every_history_ends_well(history: History) -> None:
            played.append(len(history.steps))
            problems.update(judge(history, browsers))

        started = time.monotonic()
        every_history_ends_well()
    took = time.monotonic() - started
    print(f"{len(played)} histories of {sum(played)} steps ended well in {took:.0f} s (seed {chosen.seed})")
    print("left out of the flows: " + ", ".join(f"{count} {code}" for code, count in problems.most_common()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
