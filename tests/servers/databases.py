"""PostgreSQL and MariaDB that ask for a password, as they do outside of tests."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from infra.services import PostgresServer
from tests.servers.starting import free_port, running

USER, PASSWORD, DATABASE = "studio", "pass word:/?#", "studio"


@dataclass(frozen=True, slots=True)
class Database:
    """Where it listens and who may come in. ``admin`` is a way in that needs no password."""

    port: int
    admin: str
    host: str = "127.0.0.1"
    user: str = USER
    password: str = PASSWORD
    database: str = DATABASE


@contextlib.contextmanager
def postgres(certificate: Path | None = None) -> Iterator[Database]:
    """``admin`` is the address of its socket."""
    port = free_port()
    server = PostgresServer(port=port, certificate=certificate)
    try:
        server.start()
        with psycopg.connect(server.address, autocommit=True) as connection:
            connection.execute(f"ALTER ROLE {USER} PASSWORD '{PASSWORD}'")
        yield Database(port, server.address)
    finally:
        server.remove()


def mariadb_binary() -> str | None:
    return shutil.which("mariadbd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


@contextlib.contextmanager
def mariadb(folder: Path) -> Iterator[Database]:
    """``admin`` is the path of its socket, for the user root."""
    binary = mariadb_binary()
    assert binary is not None, "the caller has looked"
    port, sock, data = free_port(), folder / "m.sock", folder / "data"
    account = ["--user=root"] if os.geteuid() == 0 else []
    init = folder / "init.sql"
    init.write_text(
        f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4;\n"
        f"CREATE USER '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';\n"
        f"GRANT ALL ON {DATABASE}.* TO '{USER}'@'%';\n"
    )
    subprocess.run(
        [
            "mariadb-install-db", "--no-defaults", f"--datadir={data}", "--skip-test-db",
            "--auth-root-authentication-method=normal", "--skip-name-resolve", *account,
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    command = [
        binary, "--no-defaults", f"--datadir={data}", f"--port={port}", f"--socket={sock}",
        "--bind-address=127.0.0.1", "--skip-name-resolve", f"--init-file={init}",
        f"--pid-file={folder / 'm.pid'}", "--innodb-flush-log-at-trx-commit=0", *account,
    ]  # fmt: skip
    with running(command, port, folder / "mariadb.log"):
        yield Database(port, str(sock))
