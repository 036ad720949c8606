"""Rooms on the in-memory journal: the order of promises, failures, slow readers, panics."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pycrdt
import pytest

from apps.collaboration.documents.library import DocumentBrokenError, LiveDoc
from apps.collaboration.rooms.hub import Hub
from apps.collaboration.rooms.limits import Limits
from apps.collaboration.rooms.replica import Replica
from apps.collaboration.rooms.room import Room
from apps.collaboration.rooms.socket import Close, Socket, Who
from apps.collaboration.wire import frames
from apps.collaboration.wire.varints import read_bytes, read_uint, write_uint
from tests.collaboration.client import until
from tests.collaboration.memory import MemoryHints, MemoryJournal, MemoryRefusals

FLOW = uuid.UUID(int=1)


@dataclass
class Peer:
    """A client without a network: a document and what its socket was sent."""

    doc: pycrdt.Doc[Any]
    socket: Socket
    received: list[bytes] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    room: Room | None = None
    last: bytes = b""

    async def put(self, key: str, value: Any) -> None:
        before = self.doc.get_state()
        self.doc.get("notes", type=pycrdt.Map)[key] = value
        self.last = self.doc.get_update(before)
        await self.say(frames.sync_update(self.last))

    async def say(self, frame: bytes) -> None:
        assert self.room is not None
        await self.room.receive(self.socket, frame)

    def heard(self, kind: int) -> list[bytes]:
        return [frame for frame in self.received if read_uint(frame, 0)[0] == kind]

    def notes(self) -> dict[str, Any]:
        """What the frames of others say."""
        doc = LiveDoc()
        for frame in self.heard(frames.SYNC):
            step, pos = read_uint(frame, 1)
            if step != frames.STEP_1:
                doc.apply(read_bytes(frame, pos)[0])
        return dict(doc.dump()["notes"])

    def acked(self) -> int:
        acks = self.heard(frames.ACKNOWLEDGED)
        return read_uint(acks[-1], 1)[0] if acks else 0


@dataclass
class Hall:
    """A hub with everything in memory. ``roles`` overrides what the check of rights says."""

    journal: MemoryJournal
    hints: MemoryHints
    refusals: MemoryRefusals = field(default_factory=MemoryRefusals)
    roles: dict[uuid.UUID, str | int] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Hub]:
        hub = Hub(
            journal=self.journal,
            bus=self.hints,
            refusals=self.refusals,
            check_rights=self._check,
            may_edit=lambda role: role != "viewer",
            limits=self.limits,
        )
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(hub.run())
            try:
                yield hub
            finally:
                await hub.stop()

    async def _check(self, asked: Sequence[tuple[Socket, uuid.UUID]]) -> Mapping[Socket, str | int]:
        return {socket: self.roles.get(socket.who.person_id, socket.role) for socket, _ in asked}

    async def join(
        self, hub: Hub, *, role: str = "editor", deliver: Callable[[bytes], Awaitable[None]] | None = None
    ) -> Peer:
        received: list[bytes] = []
        closed: list[int] = []

        async def keep(frame: bytes) -> None:
            received.append(frame)

        async def hang_up(code: int) -> None:
            closed.append(code)

        socket = Socket(
            who=Who(uuid.uuid4(), "Somebody", 1),
            role=role,
            may_edit=role != "viewer",
            extended=True,
            limits=self.limits,
            deliver=deliver or keep,
            hang_up=hang_up,
        )
        peer = Peer(pycrdt.Doc(), socket, received, closed)
        peer.room = await hub.join(FLOW, socket, epoch=None)
        return peer


@pytest.fixture
def hall() -> Hall:
    return Hall(MemoryJournal(), MemoryHints())


async def test_nobody_hears_of_a_change_before_it_is_on_disk(hall: Hall) -> None:
    async with hall.open() as hub:
        a, b = await hall.join(hub), await hall.join(hub)
        hall.journal.gate.clear()
        await a.put("k", 1)
        late = await hall.join(hub)
        await late.say(frames.sync_request(b"\x00"))
        await asyncio.sleep(0.1)
        assert b.notes() == {}
        assert late.notes() == {}
        assert a.acked() == 0
        hall.journal.gate.set()
        await until(lambda: b.notes() == {"k": 1.0} and late.notes() == {"k": 1.0} and a.acked() == 1)


async def test_changes_of_one_tick_travel_as_one_frame(hall: Hall) -> None:
    async with hall.open() as hub:
        a, b, reader = await hall.join(hub), await hall.join(hub), await hall.join(hub, role="viewer")
        before = len(reader.received)
        hall.journal.gate.clear()  # whatever else the machine does: the ticks after the first are one
        for number in range(10):
            await a.put(f"a{number}", number)
            await b.put(f"b{number}", number)
        hall.journal.gate.set()
        await until(lambda: len(reader.notes()) == 20)
        assert len(reader.received) - before <= 2
        assert a.acked() == 10


async def test_a_journal_that_comes_back_loses_nothing(hall: Hall) -> None:
    async with hall.open() as hub:
        a, b = await hall.join(hub), await hall.join(hub)
        hall.journal.failures = 2
        await a.put("k", 1)
        await until(lambda: b.notes() == {"k": 1.0})
        assert a.closed == []


async def test_a_library_panic_breaks_the_document_and_not_the_process(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hall.open() as hub:
        a, b = await hall.join(hub), await hall.join(hub)
        await b.put("before", 1)
        await until(lambda: a.notes() == {"before": 1.0})
        await b.put("waiting", 2)
        real = Replica.apply

        def panic(self: Replica, *args: Any, **kwargs: Any) -> Any:
            monkeypatch.setattr(Replica, "apply", real)
            raise DocumentBrokenError("panicked")

        monkeypatch.setattr(Replica, "apply", panic)
        await a.put("poison", 1)
        await until(lambda: a.closed == [Close.MALFORMED])
        await b.put("after", 3)
        reader = await hall.join(hub, role="viewer")
        await reader.say(frames.sync_request(b"\x00"))
        await until(lambda: reader.notes() == {"before": 1.0, "waiting": 2.0, "after": 3.0})
        assert b.closed == []


async def test_a_reader_who_never_reads_is_closed_and_holds_up_nobody(hall: Hall) -> None:
    hall.limits = Limits(unanswered_bytes=50_000, probe_after_bytes=20_000)
    stuck = asyncio.Event()

    async def never(_frame: bytes) -> None:
        await stuck.wait()

    async with hall.open() as hub:
        a, b = await hall.join(hub), await hall.join(hub)
        slow = await hall.join(hub, deliver=never)
        for number in range(40):
            await a.put(f"k{number}", "x" * 3_000)
            await b.say(frames.presence_query())
            await asyncio.sleep(0.02)
        await until(lambda: len(b.notes()) == 40)
        assert slow.socket.closing == Close.SLOW
        stuck.set()


async def test_a_removed_person_s_socket_ends_and_a_demoted_one_s_becomes_read_only(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.collaboration.rooms.hub._LOOK_S", 3600.0)  # the hint alone, no cycle
    async with hall.open() as hub:
        removed, demoted = await hall.join(hub), await hall.join(hub)
        hall.roles = {removed.socket.who.person_id: Close.FORBIDDEN, demoted.socket.who.person_id: "viewer"}
        hall.hints.publish("people", b"")
        await until(lambda: removed.closed == [Close.FORBIDDEN])
        await until(lambda: demoted.heard(frames.ROLE) != [])
        await demoted.put("k", 1)
        await until(lambda: demoted.closed == [Close.FORBIDDEN])
        assert hall.refusals.reasons == ["read_only"]


async def test_rooms_of_two_processes_follow_each_other_by_hints(hall: Hall) -> None:
    async with hall.open() as one, hall.open() as two:
        a, b = await hall.join(one), await hall.join(two)
        for number in range(20):
            await (a if number % 2 else b).put(f"k{number}", number)
            await asyncio.sleep(0.005)
        await until(lambda: len(hall.journal.rows[FLOW]) and len(a.notes()) >= 10 and len(b.notes()) >= 10)
        fresh = await hall.join(two, role="viewer")
        await fresh.say(frames.sync_request(b"\x00"))
        await until(lambda: len(fresh.notes()) == 20)


async def test_a_lost_hint_costs_latency_only(hall: Hall) -> None:
    async with hall.open() as one, hall.open() as two:
        a, b = await hall.join(one), await hall.join(two)
        hall.hints.is_deaf = True
        await a.put("k", 1)
        await until(lambda: b.notes() == {"k": 1.0})


async def test_presence_of_another_process_is_seen_and_goes(hall: Hall) -> None:
    def users(peer: Peer) -> list[Any]:
        states = []
        for frame in peer.heard(frames.AWARENESS):
            read = frames.read_frame(frame)
            assert isinstance(read, frames.Presence)
            states += [json.loads(entry.state) for entry in read.entries]
        return states

    async with hall.open() as one, hall.open() as two:
        a, b = await hall.join(one), await hall.join(two)
        await a.say(frames.presence([frames.presence_entry(5, 1, '{"cursor": 1}')]))
        await until(lambda: [state["user"]["name"] for state in users(b)] == ["Somebody"])
        assert a.room is not None
        one.leave(a.room, a.socket)
        await until(lambda: users(b)[-1] is None)


async def test_an_idle_room_is_closed_and_opens_again_with_its_content(hall: Hall) -> None:
    hall.limits = Limits(idle_s=0.1)
    async with hall.open() as hub:
        a = await hall.join(hub)
        await a.put("k", 1)
        await until(lambda: a.acked() == 1)
        assert a.room is not None
        first = a.room
        hub.leave(first, a.socket)
        await until(lambda: first.is_closed)
        assert FLOW in hall.journal.settled
        b = await hall.join(hub, role="viewer")
        assert b.room is not first
        await b.say(frames.sync_request(b"\x00"))
        await until(lambda: b.notes() == {"k": 1.0})


async def test_many_sockets_that_open_one_room_together_share_one_load(hall: Hall) -> None:
    async with hall.open() as hub:
        peers = await asyncio.gather(*(hall.join(hub) for _ in range(20)))
        assert len({peer.room for peer in peers}) == 1
        await peers[0].put("k", 1)
        await until(lambda: all(peer.notes() == {"k": 1.0} for peer in peers[1:]))


async def test_a_character_is_never_parted_in_its_middle(hall: Hall) -> None:
    """The library would lose a clock there and hand every later reader a broken document."""
    async with hall.open() as hub:
        a, b = await hall.join(hub), await hall.join(hub)
        text = pycrdt.Text("a😀b")
        before = a.doc.get_state()
        a.doc.get("notes", type=pycrdt.Map)["t"] = text
        await a.say(frames.sync_update(a.doc.get_update(before)))
        client = a.doc.client_id
        await until(lambda: a.acked() == 1)
        half = b"\x00\x01" + write_uint(client) + b"\x01\x02\x01"  # deletes only the first half
        await b.say(frames.sync_update(half))
        await until(lambda: b.closed == [Close.MALFORMED])
        whole = b"\x00\x01" + write_uint(client) + b"\x01\x02\x02"
        await a.say(frames.sync_update(whole))
        reader = await hall.join(hub, role="viewer")
        await reader.say(frames.sync_request(b"\x00"))
        await until(lambda: reader.notes() == {"t": "ab"})
