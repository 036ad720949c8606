"""The three servers under measurement, each a process of its own on a fresh folder."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.chaos.rooms.place import Place
from infra.native.layout import free_ports
from infra.setup import node
from tests.benchmarks.peers.installing import FOLDER, NodePeer, PeerError

HARNESS = Path(__file__).parent / "harness"
CLIENTS = ("yjs@13.6.33", "ws@8.18.3", "lib0@0.2.114", "y-protocols@1.0.7")
READY_WITHIN_S = 60
PEOPLE = 5


class Rooms(ABC):
    """A running server: where its rooms are and what its process costs."""

    name: str
    pid: int

    @abstractmethod
    def load_options(self, room: str) -> list[str]:
        """What the load generator is told of this server."""

    @abstractmethod
    def new_room(self) -> str: ...

    @abstractmethod
    def store(self, room: str, updates: Sequence[bytes]) -> None:
        """Put a document where the server will look for it."""

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


@dataclass
class Peer(Rooms):
    """A Node server with one file per document."""

    name: str
    pid: int
    port: int
    folder: Path
    speaks: str
    _rooms: int = 0

    def load_options(self, room: str) -> list[str]:
        return [f"--url=ws://127.0.0.1:{self.port}/{{room}}", f"--room={room}", f"--proto={self.speaks}"]

    def new_room(self) -> str:
        self._rooms += 1
        return f"room{self._rooms}"

    def store(self, room: str, updates: Sequence[bytes]) -> None:
        import pycrdt

        whole: pycrdt.Doc[Any] = pycrdt.Doc()
        for update in updates:
            whole.apply_update(update)
        (self.folder / room).write_bytes(whole.get_update())


@dataclass
class Ours(Rooms):
    """The product's own web process over PostgreSQL with real flushes, and Redis."""

    place: Place
    name: str = "SAGE Studio"

    @property
    def pid(self) -> int:  # type: ignore[override]
        assert self.place.webs[0].pid is not None
        return self.place.webs[0].pid

    def load_options(self, room: str) -> list[str]:
        return [
            f"--url=ws://127.0.0.1:{self.place.webs[0].port}/ws/doc/{{room}}",
            f"--room={room}",
            f"--origin={self.place.env['SAGE_BASE_URL']}",
            f"--cookies={'|'.join(self.place.staged['cookies'])}",
        ]

    def new_room(self) -> str:
        return str(self.place.staged["flow_ids"].pop())

    def store(self, room: str, updates: Sequence[bytes]) -> None:
        """As journal rows, past the product: what a journal of so many edits is before compaction."""
        import psycopg

        assert self.place.postgres is not None
        with psycopg.connect(self.place.postgres.address) as connection, connection.cursor() as cursor:
            with cursor.copy(
                "COPY collaboration_documentupdate"
                " (document_id, epoch, seq, body, origin, summary, created_at) FROM STDIN"
            ) as copy:
                for seq, update in enumerate(updates, 2):
                    body = f"\\x{update.hex()}"
                    copy.write_row((room, 1, seq, body, "room", "", "2026-01-01"))
            cursor.execute(
                "UPDATE collaboration_document SET head_seq = %s, encoded_bytes = encoded_bytes + %s"
                " WHERE flow_id = %s",
                [len(updates) + 1, sum(map(len, updates)), room],
            )


@contextmanager
def ours() -> Iterator[Rooms]:
    with tempfile.TemporaryDirectory(prefix="sage-rooms-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        place = Place("postgres", folder, {"SAGE_STAGE_FLOWS": "60"})
        try:
            place.start("")
            place.webs[0].start("")
            wait_port(place.webs[0].port)
            yield Ours(place)
        finally:
            place.stop()


@contextmanager
def peer(name: str, program: str, requirements: tuple[str, ...], speaks: str) -> Iterator[Rooms]:
    """Installs what is missing, then runs it. Raises PeerError when it cannot be had here."""
    package = NodePeer(name, (*requirements, *CLIENTS), program)
    binary = package.command()[0]
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="sage-rooms-") as folder:
        process = subprocess.Popen(
            [binary, str(HARNESS / program), str(port), folder],
            env={**os.environ, **package.env()},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_port(port, process)
            yield Peer(name, process.pid, port, Path(folder), speaks)
        finally:
            process.kill()
            process.wait()


def wait_port(port: int, process: subprocess.Popen[bytes] | None = None) -> None:
    import socket

    give_up_at = time.monotonic() + READY_WITHIN_S
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if time.monotonic() > give_up_at or (process is not None and process.poll() is not None):
            raise PeerError("it does not take connections")
        time.sleep(0.05)


def generator() -> list[str]:
    """The command of the load generator, with its packages."""
    package = NodePeer("rooms-client", CLIENTS, "")
    package.command()
    return [str(node.choose().binary), str(HARNESS / "load.mjs")]


def generator_env() -> dict[str, str]:
    return {**os.environ, "NODE_PATH": str(FOLDER / "rooms-client" / "node_modules")}
