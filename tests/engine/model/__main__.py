"""``python -m tests.engine.model --steps 100000 --seed 1``: random flows until so many nodes have run.

A step is one execution of a test node. Exit code 1 with the smallest flow that was found, as JSON, when the
engine and the model disagree.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time

from tests.engine.model.search import Disagreement, search


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.engine.model", description=__doc__)
    parser.add_argument("--steps", type=int, default=100_000, help="executions of test nodes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--depth", type=int, default=4, help="how deep containers nest")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    began = time.monotonic()
    try:
        counts = search(steps=options.steps, seed=options.seed, depth=options.depth)
    except Disagreement as found:
        print(json.dumps(found.case, ensure_ascii=False, indent=1))
        print(f"\n{found}\nseed {options.seed}", file=sys.stderr)
        return 1
    print(f"{counts.words()}; seed {options.seed}; {time.monotonic() - began:.0f} s; no violation")
    return 0


if __name__ == "__main__":
    sys.exit(main())
