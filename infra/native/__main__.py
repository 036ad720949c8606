"""``python -m infra.native [--web N] [--workers N]``: the production layout, until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence

from infra.native.layout import production_layout
from infra.services import ServiceError
from studio_project.supervisor.checks import StartError


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.native", description=__doc__)
    parser.add_argument("--web", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    chosen = parser.parse_args(arguments)
    enough = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: enough.set())
    try:
        with production_layout(web=chosen.web, workers=chosen.workers) as layout:
            print(f"\n  Production layout at {layout.address} ({layout.proxy_kind} in front)")
            if layout.owner_code:
                print(f"  One-time code of the first owner: {layout.owner_code}")
            print(f"  Logs in {layout.folder}/logs. Ctrl-C stops it and throws its data away.", flush=True)
            enough.wait()
    except (ServiceError, StartError) as error:
        print(f"\n  ✗ {error}\n", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
