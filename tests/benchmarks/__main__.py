"""``python -m tests.benchmarks [--short] [suite …]``: measures, prints a table, writes JSON."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from infra.setup.console import ROOT
from tests.benchmarks import durable, engine, flow, library, rooms, runs, sandbox, startup, streams, waiting
from tests.benchmarks.harness import Measurement, table, write_json

SUITES: dict[str, Callable[..., list[Measurement]]] = {
    "engine": engine.measure,
    "flow": flow.measure,
    "durable": durable.measure,
    "streams": streams.measure,
    "library": library.measure,
    "sandbox": sandbox.measure,
    "runs": runs.measure,
    "waiting": waiting.measure,
    "rooms": rooms.measure,
    "startup": startup.measure,
}
FOLDER = ROOT / ".cache" / "bench"


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--short", action="store_true", help="a quick look, as in the normal test run")
    parser.add_argument("suites", nargs="*", choices=[*SUITES, []], help="which ones (default: all)")
    chosen = parser.parse_args(arguments)
    found: list[Measurement] = []
    for name in chosen.suites or SUITES:
        print(f"  … measuring {name}", flush=True)
        found += SUITES[name](short=chosen.short)
    print(f"\n{table(found)}\n")
    print(f"Written to {write_json(found, FOLDER, short=chosen.short).relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
