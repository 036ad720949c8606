"""``python -m tests.benchmarks.rooms_bounds`` (``make bench-bounds``): two promises of rooms in several web
processes, measured over many repeats while the hints between the processes go missing.

- Everybody ends equal within 5 s: in each of three processes somebody writes at the same moment; the time
  until all clients of all processes have all of it.
- A changed role, and being removed, takes effect within 1 s: the time from the owner's request until each
  open socket of the person, who is typing all the while, is told so (or closed). What was acknowledged
  before must still be there at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pycrdt

from apps.collaboration.rooms.socket import Close
from apps.collaboration.wire import frames
from apps.collaboration.wire.varints import read_bytes, read_string, read_uint
from infra.chaos.rooms.place import Place, stored_document
from infra.setup.console import ROOT, say
from tests.benchmarks.harness import calibrate, percentile
from tests.benchmarks.light_socket import LightSocket
from tests.benchmarks.rooms_peers.servers import wait_port

PROCESSES = 3
CONVERGE_WITHIN_S = 5.0
ROLE_WITHIN_S = 1.0
GIVE_UP_S = 60.0
TYPING_EVERY_S = 0.1
LOSSES = (0, 30, 100)
"""Per cent of the hints that never arrive; with all of them lost, only looking at the journal helps."""


class Person:
    """A client that keeps the document and notes what was acknowledged."""

    def __init__(self) -> None:
        self._doc: pycrdt.Doc[Any] = pycrdt.Doc()
        self._notes: pycrdt.Map[Any] = self._doc.get("notes", type=pycrdt.Map)
        self._updates: list[bytes] = []
        self._watching = self._doc.observe(lambda event: self._updates.append(event.update))
        self._sent: list[str] = []
        self.acknowledged: list[str] = []
        self.role = ""
        self.heard = asyncio.Event()
        self.socket: LightSocket | None = None

    async def join(self, port: int, flow_id: str, headers: Mapping[str, str]) -> None:
        path = f"/ws/doc/{flow_id}?ext=1"
        self.socket = await LightSocket.connect(
            "127.0.0.1", port, path, headers, self._hear, on_close=self._closed
        )
        self.socket.send(frames.sync_request(self._doc.get_state()))

    def _hear(self, message: bytes) -> None:
        kind, pos = read_uint(message, 0)
        if kind == frames.SYNC and message[1] != frames.STEP_1:
            self._doc.apply_update(read_bytes(message, 2)[0])
            self._updates.clear()
        elif kind == frames.ACKNOWLEDGED:
            total, _ = read_uint(message, pos)
            self.acknowledged = self._sent[:total]
        elif kind == frames.HELLO:
            self.role = str(json.loads(read_string(message, pos)[0])["role"])
        elif kind == frames.ROLE:
            self.role, _ = read_string(message, pos)
        self.heard.set()

    def _closed(self) -> None:
        self.heard.set()

    def write(self, key: str) -> None:
        assert self.socket is not None
        self._updates.clear()
        self._notes[key] = 1
        self._sent.append(key)
        self.socket.send(frames.sync_update(self._updates.pop()))

    def has(self, keys: Sequence[str]) -> bool:
        return all(key in self._notes for key in keys)

    @property
    def close_code(self) -> int | None:
        return self.socket.close_code if self.socket else None


async def until(people: Sequence[Person], holds: Callable[[Person], bool]) -> None:
    """Return when it holds for each of them. Raises TimeoutError after a minute."""
    async with asyncio.timeout(GIVE_UP_S):
        for person in people:
            while not holds(person):
                person.heard.clear()
                await person.heard.wait()


@dataclass
class Bound:
    """Repeats of one promise, in seconds."""

    name: str
    within_s: float
    took: list[float] = field(default_factory=list)

    def as_text(self) -> str:
        shares = ", ".join(
            f"{name} {percentile(self.took, share) * 1000:.0f}"
            for name, share in (("p50", 0.5), ("p95", 0.95), ("max", 1.0))
        )
        late = sum(took > self.within_s for took in self.took)
        return f"{self.name}: {shares} ms; {late} of {len(self.took)} later than {self.within_s:g} s"


class Rig:
    """One loss rate: the processes are started anew with it."""

    def __init__(self, place: Place, loss: int, seed: int) -> None:
        self._place = place
        self._loss = loss
        self._dice = Random(f"{seed}/{loss}")
        self._flow_id = str(place.staged["flow_ids"].pop())

    async def run(self, rounds: int, changes: int) -> list[Bound]:
        points = f"bus.publish:error%{self._loss}" if self._loss else ""
        for web in self._place.webs:
            web.stop_process()
            web.start(points)
        for web in self._place.webs:
            await asyncio.to_thread(wait_port, web.port)
        found = [await self._converging(rounds)]
        found += await self._roles(changes)
        return found

    async def _person(self, number: int, process: int) -> Person:
        person = Person()
        await person.join(self._place.webs[process].port, self._flow_id, self._place.headers(number))
        await until([person], lambda p: p.role != "")
        return person

    async def _converging(self, rounds: int) -> Bound:
        """Two clients in each process, the first of which writes."""
        people = [await self._person(at // 2, at // 2) for at in range(2 * PROCESSES)]
        bound = Bound(f"{self._loss} % of hints lost: all equal", CONVERGE_WITHIN_S)
        for number in range(rounds):
            await asyncio.sleep(self._dice.uniform(0, 0.3))
            keys = [f"r{number}p{process}" for process in range(PROCESSES)]
            began = time.perf_counter()
            for person, key in zip(people[::2], keys, strict=True):
                person.write(key)
            await until(people, lambda person, keys=keys: person.has(keys))  # type: ignore[misc]
            bound.took.append(time.perf_counter() - began)
        _leave(people)
        return bound

    async def _roles(self, changes: int) -> list[Bound]:
        """One person after another is made a viewer, an editor again, and removed."""
        names = ("may only look", "may edit again", "is removed")
        bounds = [Bound(f"{self._loss} % of hints lost: {name}", ROLE_WITHIN_S) for name in names]
        witness = await self._person(0, 0)
        promised: list[str] = []
        for _ in range(changes):
            number = len(self._place.staged["person_ids"]) - 1
            person_id = self._place.staged["person_ids"].pop()
            typists = [await self._person(number, process) for process in range(PROCESSES)]
            async with self._typing(typists):
                bounds[0].took.append(await self._change(person_id, "viewer", typists, _has_role("viewer")))
            # What was typed before the word came is refused, and ends its socket: they come back to look.
            sockets = [await self._person(number, process) for process in range(PROCESSES)]
            bounds[1].took.append(await self._change(person_id, "editor", sockets, _has_role("editor")))
            async with self._typing(sockets):
                bounds[2].took.append(await self._change(person_id, None, sockets, _is_out))
            promised += [key for socket in [*typists, *sockets] for key in socket.acknowledged]
            _leave([*typists, *sockets])
        await until([witness], lambda p: p.has(promised))
        _leave([witness])
        _, stored = await asyncio.to_thread(stored_document, self._place.tables(), self._flow_id)
        notes: pycrdt.Map[Any] = stored.get("notes", type=pycrdt.Map)
        lost = [key for key in promised if key not in notes]
        say(f"    {len(promised)} acknowledged edits of people who lost their role; lost: {len(lost)}")
        assert not lost
        return bounds

    @asynccontextmanager
    async def _typing(self, sockets: Sequence[Person]) -> AsyncIterator[None]:
        """Inside, all of these are in the middle of typing."""
        typing = asyncio.create_task(self._type(sockets))
        try:
            yield
        finally:
            typing.cancel()

    async def _type(self, sockets: Sequence[Person]) -> None:
        """A viewer's editor is read-only."""
        count = 0
        while True:
            for socket in sockets:
                if socket.role == "editor" and socket.close_code is None:
                    count += 1
                    socket.write(f"t{id(socket)}x{count}")
            await asyncio.sleep(TYPING_EVERY_S)

    async def _change(
        self, person_id: str, role: str | None, sockets: Sequence[Person], holds: Callable[[Person], bool]
    ) -> float:
        await asyncio.sleep(self._dice.uniform(0.1, 1.1))
        began = time.perf_counter()
        asked = asyncio.create_task(asyncio.to_thread(self._ask, person_id, role))
        await until(sockets, holds)
        took = time.perf_counter() - began
        await asked
        return took

    def _ask(self, person_id: str, role: str | None) -> None:
        web = self._dice.choice(self._place.webs)
        request = urllib.request.Request(
            f"http://127.0.0.1:{web.port}/api/v1/workspaces/{self._place.staged['workspace_id']}"
            f"/members/{person_id}",
            data=json.dumps({"role": role}).encode() if role else None,
            headers={
                "Authorization": f"Bearer {self._place.staged['key']}",
                "Content-Type": "application/json",
            },
            method="PATCH" if role else "DELETE",
        )
        with urllib.request.urlopen(request, timeout=GIVE_UP_S):
            pass


def _has_role(role: str) -> Callable[[Person], bool]:
    return lambda person: person.role == role


def _is_out(person: Person) -> bool:
    return person.close_code == Close.FORBIDDEN


def _leave(people: Sequence[Person]) -> None:
    for person in people:
        if person.socket is not None:
            person.socket.close()


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.rooms_bounds", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200, help="of writing, at each loss rate")
    parser.add_argument(
        "--changes", type=int, default=20, help="people who lose their role, at each loss rate"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mode", choices=("postgres", "sqlite"), default="postgres")
    chosen = parser.parse_args(arguments)
    found: list[Bound] = []
    with tempfile.TemporaryDirectory(prefix="sage-bounds-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        more = {
            "SAGE_STAGE_PEOPLE": str(PROCESSES + len(LOSSES) * chosen.changes),
            "SAGE_STAGE_FLOWS": str(len(LOSSES)),
        }
        place = Place(chosen.mode, folder, more, processes=PROCESSES)
        try:
            place.start("")
            for loss in LOSSES:
                say(f"  … {loss} % of hints lost (calibration {calibrate():.3f} µs)")
                bounds = asyncio.run(Rig(place, loss, chosen.seed).run(chosen.rounds, chosen.changes))
                for bound in bounds:
                    say(f"    {bound.as_text()}")
                found += bounds
        finally:
            place.stop()
    path = ROOT / ".cache" / "bench" / f"rooms-bounds-{chosen.mode}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([vars(bound) for bound in found], indent=1) + "\n")
    return int(any(took > bound.within_s for bound in found for took in bound.took))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
