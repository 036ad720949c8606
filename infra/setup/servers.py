"""System packages that tests use when they are there: MariaDB, Mosquitto, RabbitMQ and bubblewrap.

On Debian and Ubuntu they are installed when we are root. Elsewhere the tests that need one say so and
are skipped. Installing a server starts none: tests bring up their own, on ports of their own.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.setup.console import SetupError, run, say, step

# The program by which we know that a package is there.
PACKAGES = {
    "mariadbd": "mariadb-server",
    "mosquitto": "mosquitto",
    "rabbitmq-server": "rabbitmq-server",
    "bwrap": "bubblewrap",
}
# Debian asks this program before it starts a service; 101 means no.
POLICY = Path("/usr/sbin/policy-rc.d")


def missing() -> list[str]:
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin:/usr/lib/rabbitmq/bin"
    return [package for program, package in PACKAGES.items() if shutil.which(program, path=path) is None]


def ensure() -> None:
    """Best effort: what cannot be installed is done without."""
    wanted = missing()
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    if not wanted or not is_root or shutil.which("apt-get") is None:
        return
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    with step(f"Installing servers for the tests: {', '.join(wanted)}"), _services_stay_off():
        try:
            run(["apt-get", "update", "-q"], what="apt-get update", env=quiet)
            command = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *wanted]
            run(command, what="Installing servers", env=quiet)
        except SetupError as error:
            say(f"    not to be had here; the tests that need them are skipped ({str(error)[:200]})")


@contextmanager
def _services_stay_off() -> Iterator[None]:
    """A policy of the machine's own is left as it is."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)
