"""The two processes of the product: ``python -m studio_project.serve web`` and ``… worker``.

The supervisor starts them in embedded mode; in production a service manager or a container does. Web
is Daphne over ``studio_project.asgi``; worker is Celery's own with the threads pool.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import signal
import stat
import sys
import threading
import time
from collections.abc import Sequence

import django
import structlog
from django.core.management import call_command

logger = structlog.get_logger(__name__)
# The collector looks at new objects this often (Python's own default is every 700): rows of tables and
# big flows come as a hundred thousand small objects at once, none of them garbage.
NEW_OBJECTS_PER_LOOK = 20_000
# What giving runs back and closing rooms may take once the supervisor is gone.
LEAVE_WITHIN_S = 30.0


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m studio_project.serve", description=__doc__)
    roles = parser.add_subparsers(dest="role", required=True)
    web = roles.add_parser("web", help="HTTP and WebSocket")
    web.add_argument("--migrate", action="store_true", help="bring the database up to date first")
    web.add_argument("--with-worker", action="store_true", help="run a worker in a thread of this process")
    web.add_argument("--announce-fd", type=int, help="write facts for the supervisor to this descriptor")
    web.add_argument("--standby", action="store_true", help="load everything, then wait for a line of input")
    worker = roles.add_parser("worker", help="runs flows and background work")
    worker.add_argument("--name", default="worker", help="name of this worker among those of the host")
    chosen = parser.parse_args(arguments)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio_project.settings")
    gc.disable()  # nothing that is loaded now is garbage
    if chosen.role == "web" and chosen.standby and not _is_wanted():
        return 0
    _leave_with_parent()
    django.setup()
    if chosen.role == "web" and chosen.migrate and not _is_migrated_apart():
        return 1
    from apps.common.durability import NotDurable, require_durable_database  # noqa: PLC0415 - needs Django set up

    try:
        require_durable_database()
    except NotDurable as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if chosen.role == "worker":
        return serve_worker(chosen.name)
    if chosen.announce_fd is not None:
        _announce(chosen.announce_fd)
    if not chosen.with_worker:
        return serve_web()
    thread = threading.Thread(target=_worker_thread, name="worker", daemon=True)
    thread.start()
    try:
        return serve_web()
    finally:
        _leave_worker_thread(thread)


def _is_wanted() -> bool:
    """Whether this process is to take another's place; not when the supervisor has gone. All modules are
    loaded by then, but nothing that starts a thread or opens a connection has been called."""
    django.setup()
    from django.urls import get_resolver  # noqa: PLC0415 - as below

    from sage_studio.plugins.registry import builtin_registry  # noqa: PLC0415 - as below
    from studio_project import web  # noqa: F401, PLC0415 - needs Django set up

    _ = get_resolver().url_patterns
    builtin_registry()
    # Unbuffered: what follows the line is for whoever watches the pipe.
    while (byte := os.read(0, 1)) not in {b"", b"\n"}:
        pass
    return byte != b""


def _is_migrated_apart() -> bool:
    """Bring the database up to date, in a copy of this process that ends with it: Django makes all models
    anew as they once were, also when there is nothing to do, and those hundred megabytes never come back."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] == 0
    code = 1
    try:
        call_command("migrate", interactive=False, verbosity=0)
        code = 0
    except Exception:  # whatever it was, this copy ends here
        logger.exception("migration_failed")
    finally:
        sys.stderr.flush()
        os._exit(code)


def serve_web() -> int:
    from studio_project import web  # noqa: PLC0415 - needs Django set up, and no worker needs it

    _settle()
    return web.serve()


def serve_worker(name: str) -> int:
    """Celery's worker. Its remote control chatter is off: rows are the truth and nobody asks it anything."""
    from studio_project.celery import app  # noqa: PLC0415 - needs Django set up

    _settle()
    app.worker_main(
        [
            *("worker", "-P", "threads", "-c", "1", "-n", f"{name}@%h", "-l", "INFO"),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
            *("-Q", ",".join(_queues())),
        ]
    )
    return 0


def _settle() -> None:
    """What is loaded stays for good, so the collector need not look at it; from here on it works again."""
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS_PER_LOOK, 20, 20)
    gc.enable()


def _worker_thread() -> None:
    from celery.signals import worker_ready  # noqa: PLC0415 - needs Django set up

    from studio_project.celery import app  # noqa: PLC0415 - needs Django set up

    # WorkController, not Worker: the latter takes over logging and standard output of the process. It does
    # not say by itself that it is ready, which is when runs, triggers and the outbox begin to be looked for.
    app.set_default()
    app.WorkController(
        pool="threads",
        concurrency=1,
        hostname="worker@single",
        queues=_queues(),
        ready_callback=lambda consumer: worker_ready.send(sender=consumer),
    ).start()


def _leave_worker_thread(thread: threading.Thread) -> None:
    """End the worker of this process as the signals of a worker process do: runs are given back."""
    from celery.signals import worker_shutting_down  # noqa: PLC0415 - needs Django set up
    from celery.worker import state  # noqa: PLC0415 - needs Django set up

    worker_shutting_down.send(sender="worker@single", sig="SIGTERM", how="Warm", exitcode=0)
    state.should_stop = 0
    thread.join(LEAVE_WITHIN_S)


def _queues() -> list[str]:
    """Celery's queues of this worker: the one of runs, and one per resource class of node jobs."""
    from django.conf import settings  # noqa: PLC0415 - read once the arguments are

    from apps.executions.types import job_queue  # noqa: PLC0415 - needs Django set up

    return ["celery", *(job_queue(queue) for queue in settings.CONFIG.queues)]


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
        # Nobody is left who would end a process that hangs on its way out.
        time.sleep(LEAVE_WITHIN_S)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def _is_pipe(descriptor: int) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
