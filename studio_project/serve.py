"""The two processes of the product: ``python -m studio_project.serve web`` and ``… worker``.

The supervisor starts them in embedded mode; in production a service manager or a container does. Web
is Daphne over ``studio_project.asgi``; worker is Celery's own with the threads pool.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import stat
import sys
import threading
from collections.abc import Sequence

import django
from daphne.cli import CommandLineInterface
from django.conf import settings
from django.core.management import call_command

from studio_project.bodies import FRAME_BYTES, bound_bodies
from studio_project.messages import bound_client_messages_only

# Proxies and laptops close silent connections; Daphne pings sockets this often and drops the dead ones.
PING_INTERVAL_S = 20
PING_TIMEOUT_S = 30
# All of one person's work offline comes as one message of up to 4 MiB (``rooms.limits``), in a frame.
CLIENT_MESSAGE_BYTES = 4 * 1024 * 1024 + 64 * 1024


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m studio_project.serve", description=__doc__)
    roles = parser.add_subparsers(dest="role", required=True)
    web = roles.add_parser("web", help="HTTP and WebSocket")
    web.add_argument("--migrate", action="store_true", help="bring the database up to date first")
    web.add_argument("--with-worker", action="store_true", help="run a worker in a thread of this process")
    web.add_argument("--announce-fd", type=int, help="write facts for the supervisor to this descriptor")
    worker = roles.add_parser("worker", help="runs flows and background work")
    worker.add_argument("--name", default="worker", help="name of this worker among those of the host")
    chosen = parser.parse_args(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio_project.settings")
    _leave_with_parent()
    django.setup()
    if chosen.role == "worker":
        return serve_worker(chosen.name)
    if chosen.migrate:
        call_command("migrate", interactive=False, verbosity=0)
    if chosen.announce_fd is not None:
        _announce(chosen.announce_fd)
    if chosen.with_worker:
        threading.Thread(target=_worker_thread, name="worker", daemon=True).start()
    return serve_web()


def serve_web() -> int:
    options = [
        *("-b", settings.CONFIG.host),
        *("-p", str(settings.CONFIG.port)),
        *("--ping-interval", str(PING_INTERVAL_S)),
        *("--ping-timeout", str(PING_TIMEOUT_S)),
        *("--websocket-max-message-size", str(CLIENT_MESSAGE_BYTES)),
        *("--websocket-max-frame-size", str(CLIENT_MESSAGE_BYTES)),
        *("--server-name", "sage-studio"),
        *("-v", "0"),  # our own canonical line per request says more than Daphne's
    ]
    bound_bodies(settings.MAX_UPLOAD_BYTES + FRAME_BYTES)
    bound_client_messages_only()
    CommandLineInterface().run([*options, "studio_project.asgi:application"])
    return 0


def serve_worker(name: str) -> int:
    """Celery's worker. Its remote control chatter is off: rows are the truth and nobody asks it anything."""
    from studio_project.celery import app  # noqa: PLC0415 - needs Django set up

    app.worker_main(
        [
            *("worker", "-P", "threads", "-c", "1", "-n", f"{name}@%h", "-l", "INFO"),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        ]
    )
    return 0


def _worker_thread() -> None:
    from studio_project.celery import app  # noqa: PLC0415 - needs Django set up

    # WorkController, not Worker: the latter takes over logging and standard output of the process.
    app.set_default()
    app.WorkController(pool="threads", concurrency=1, hostname="worker@single").start()


def _announce(descriptor: int) -> None:
    """Tells the supervisor what the person at the terminal has to know."""
    from apps.accounts.services import owner_code  # noqa: PLC0415 - needs Django set up

    with os.fdopen(descriptor, "w", encoding="utf-8") as pipe:
        pipe.write(json.dumps({"owner_code": owner_code()}) + "\n")


def _leave_with_parent() -> None:
    """Ends this process when the supervisor is gone: standard input is a pipe only it holds open."""
    if os.isatty(0) or not _is_pipe(0):
        return

    def watch() -> None:
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def _is_pipe(descriptor: int) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
