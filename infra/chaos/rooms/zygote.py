"""Web processes that start in a fraction of a second: Django is loaded once, each start is a fork.

Run as a program with the product's settings. Each line on standard input is the text of
``SAGE_FAILPOINTS`` for the next process; the answer is its process id. What is forked is the product's
own web process in every respect but its parent; the event loop and all threads begin after the fork.
"""

from __future__ import annotations

import gc
import os
import signal
import sys


def main() -> int:
    gc.disable()
    import studio_project.asgi  # noqa: F401, PLC0415 - loads Django; the point of this process
    from apps.common import failpoints  # noqa: PLC0415
    from studio_project.serve import serve_web  # noqa: PLC0415

    _load_rest()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        if pid := os.fork():
            sys.stdout.write(f"{pid}\n")
            sys.stdout.flush()
            continue
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(2, 1)
        failpoints.configure(line.strip())
        return serve_web()
    return 0


def _load_rest() -> None:
    """What the first request and the server would load, except for Twisted's reactor: it owns a file
    descriptor that processes must not share."""
    from importlib import import_module  # noqa: PLC0415

    from django.urls import get_resolver  # noqa: PLC0415

    import_module("autobahn.twisted.websocket")
    import_module("twisted.web.http")
    _ = get_resolver().url_patterns
    from sage_studio.plugins.registry import builtin_registry  # noqa: PLC0415

    builtin_registry()
    if "twisted.internet.reactor" in sys.modules:
        raise RuntimeError("the reactor was made before the fork")


if __name__ == "__main__":
    sys.exit(main())
