"""A Valkey and a RabbitMQ of our own, on free ports, kept in a folder of the test run."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from studio_project.supervisor.valkey import find_server


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


@contextlib.contextmanager
def valkey(folder: Path, password: str = "") -> Iterator[int]:
    """The port of a fresh server; None of the machine's own is touched."""
    server = find_server()
    assert server is not None, "the wheel brings one"
    port = free_port()
    command = [str(server), "--port", str(port), "--save", "", "--appendonly", "no", "--dir", str(folder)]
    command += ["--bind", "127.0.0.1", *(["--requirepass", password] if password else [])]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        _wait_for(port, 120)
        yield port
    finally:
        process.kill()
        process.wait()


def rabbitmq_binary() -> str | None:
    found = shutil.which("rabbitmq-server") or "/usr/lib/rabbitmq/bin/rabbitmq-server"
    return found if Path(found).exists() else None


@contextlib.contextmanager
def rabbitmq(folder: Path) -> Iterator[int]:
    """The port of a fresh node with its own name, data and settings."""
    port, distribution = free_port(), free_port()
    binary = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
    config = folder / "rabbitmq.conf"
    config.write_text(f"listeners.tcp.1 = 127.0.0.1:{port}\nmanagement.tcp.port = {free_port()}\n")
    (folder / "enabled_plugins").write_text("[].\n")
    environ = {
        **os.environ,
        "HOME": str(folder),
        "RABBITMQ_NODENAME": f"sage-{port}@localhost",
        "RABBITMQ_CONFIG_FILE": str(config.with_suffix("")),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_DIST_PORT": str(distribution),
        "ERL_EPMD_PORT": str(names := free_port()),
    }
    process = subprocess.Popen(
        [str(binary if binary.exists() else rabbitmq_binary())],
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait_for(port, 120)
        time.sleep(1)
        yield port
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        # Erlang's name server puts itself into the background; it is told to go by its own port.
        epmd = shutil.which("epmd")
        if epmd is not None:
            subprocess.run([epmd, "-port", str(names), "-kill"], stdout=subprocess.DEVNULL, check=False)
