"""Valkey, RabbitMQ and Mosquitto."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from studio_project.supervisor.valkey import find_server
from tests.servers.starting import free_port, running

PASSWORD = "open sesame"


@contextlib.contextmanager
def valkey(folder: Path, password: str = "") -> Iterator[int]:
    """The port of a fresh server; none of the machine's own is touched."""
    server = find_server()
    assert server is not None, "the wheel brings one"
    port = free_port()
    command = [str(server), "--port", str(port), "--save", "", "--appendonly", "no", "--dir", str(folder)]
    command += ["--bind", "127.0.0.1", *(["--requirepass", password] if password else [])]
    with running(command, port, folder / "valkey.log"):
        yield port


def rabbitmq_binary() -> str | None:
    found = shutil.which("rabbitmq-server") or "/usr/lib/rabbitmq/bin/rabbitmq-server"
    return found if Path(found).exists() else None


@dataclass(frozen=True, slots=True)
class Encrypted:
    """Where a broker listens with TLS beside its plain port; the file holds key and certificate."""

    port: int
    certificate: Path
    ca: Path


@contextlib.contextmanager
def rabbitmq(folder: Path, encrypted: Encrypted | None = None) -> Iterator[int]:
    """The port of a fresh node with its own name, data and settings; user and password are ``guest``."""
    port, distribution = free_port(), free_port()
    binary = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
    config = folder / "rabbitmq.conf"
    config.write_text(f"listeners.tcp.1 = 127.0.0.1:{port}\nmanagement.tcp.port = {free_port()}\n")
    if encrypted is not None:
        with config.open("a") as more:
            more.write(
                f"listeners.ssl.1 = 127.0.0.1:{encrypted.port}\nssl_options.verify = verify_none\n"
                f"ssl_options.certfile = {encrypted.certificate}\n"
                f"ssl_options.keyfile = {encrypted.certificate}\n"
                f"ssl_options.cacertfile = {encrypted.ca}\n"
            )
    (folder / "enabled_plugins").write_text("[].\n")
    environ = {
        "HOME": str(folder),
        "RABBITMQ_NODENAME": f"sage-{port}@localhost",
        "RABBITMQ_CONFIG_FILE": str(config.with_suffix("")),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_DIST_PORT": str(distribution),
        "ERL_EPMD_PORT": str(names := free_port()),
    }
    command = [str(binary if binary.exists() else rabbitmq_binary())]
    try:
        with running(command, port, folder / "rabbitmq.log", environ):
            time.sleep(1)
            yield port
    finally:
        # Erlang's name server puts itself into the background; it is told to go by its own port.
        epmd = shutil.which("epmd")
        if epmd is not None:
            subprocess.run([epmd, "-port", str(names), "-kill"], stdout=subprocess.DEVNULL, check=False)


def mosquitto_binary() -> str | None:
    return shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


@contextlib.contextmanager
def mosquitto(folder: Path, *, port: int | None = None, encrypted: Encrypted | None = None) -> Iterator[int]:
    """The port of a fresh broker; the user is ``sage`` with ``PASSWORD``. A given ``folder`` keeps sessions
    and queued messages over a restart."""
    binary = mosquitto_binary()
    assert binary is not None, "the caller has looked"
    chosen = port or free_port()
    users, config = folder / "users", folder / "mosquitto.conf"
    users.write_text(f"sage:{PASSWORD}\n")
    users.chmod(0o600)
    subprocess.run(["mosquitto_passwd", "-U", str(users)], check=True, stdout=subprocess.DEVNULL)
    config.write_text(
        f"listener {chosen} 127.0.0.1\nallow_anonymous false\npassword_file {users}\nuser root\n"
        f"persistence true\npersistence_location {folder}/\nautosave_interval 1\n"
        "max_queued_messages 100000\nmax_inflight_messages 200\nset_tcp_nodelay true\n"
    )
    if encrypted is not None:
        with config.open("a") as more:
            more.write(
                f"listener {encrypted.port} 127.0.0.1\ncertfile {encrypted.certificate}\n"
                f"keyfile {encrypted.certificate}\n"
            )
    with running([binary, "-c", str(config)], chosen, folder / "mosquitto.log"):
        yield chosen
