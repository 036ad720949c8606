"""How a room closes sockets, and what it says first: size, epochs, draining, writers without a socket."""

from __future__ import annotations

import json
import uuid
from typing import Any

from apps.collaboration.documents.library import LiveDoc
from apps.collaboration.rooms import hints
from apps.collaboration.rooms.limits import Limits
from apps.collaboration.rooms.ports import EpochChangedError, Row, Write, Written
from apps.collaboration.rooms.socket import Close
from apps.collaboration.wire import frames
from apps.collaboration.wire.varints import read_string
from tests.collaboration.client import until
from tests.collaboration.memory import MemoryHints, MemoryJournal
from tests.collaboration.test_rooms import FLOW, Hall, Peer


def hall(**limits: Any) -> Hall:
    return Hall(MemoryJournal(), MemoryHints(), limits=Limits(**limits))


def facts(frame: bytes) -> dict[str, Any]:
    return dict(json.loads(read_string(frame, 1)[0]))


def present(peer: Peer) -> dict[int, Any]:
    """Client id → state, as the peer's frames leave it."""
    states: dict[int, Any] = {}
    for frame in peer.heard(frames.AWARENESS):
        read = frames.read_frame(frame)
        assert isinstance(read, frames.Presence)
        states |= {entry.client_id: json.loads(entry.state) for entry in read.entries}
    return {client: state for client, state in states.items() if state is not None}


async def test_a_full_document_takes_small_changes_only_and_says_why() -> None:
    place = hall(document_bytes=20_000, spare_bytes=5_000, small_update_bytes=500)
    async with place.open() as hub:
        a, b = await place.join(hub), await place.join(hub)
        await a.put("big", "x" * 15_000)
        await until(lambda: a.acked() == 1)
        await b.put("more", "y" * 6_000)
        await until(lambda: b.closed == [Close.TOO_BIG])
        (told,) = b.heard(frames.NOTICE)
        assert facts(told)["code"] == "document.too_large"
        assert set(facts(told)["message"]) == {"en", "zh"}
        await a.put("last", "z" * 400)
        await until(lambda: a.acked() == 2)
        await a.put("big", "small again")
        await until(lambda: a.acked() == 3)
        c = await place.join(hub)
        await c.put("fits", "w" * 6_000)
        await until(lambda: c.acked() == 1)
        assert a.closed == []


async def test_everybody_is_told_to_begin_anew_when_another_process_began_an_epoch() -> None:
    place = hall()
    async with place.open() as hub:
        a = await place.join(hub)
        hint = hints.RowsHint(2, 0, 0, b"")
        place.hints.publish(hints.channel(FLOW), hints.encode(hints.NOBODY, hint))
        await until(lambda: a.closed == [Close.STALE_EPOCH])


async def test_an_edit_that_meets_a_new_epoch_is_not_acknowledged() -> None:
    class Moved(MemoryJournal):
        async def append(self, write: Write) -> Written:
            raise EpochChangedError

    place = Hall(Moved(), MemoryHints())
    async with place.open() as hub:
        a, b = await place.join(hub), await place.join(hub)
        await a.put("k", 1)
        await until(lambda: a.closed == [Close.STALE_EPOCH] and b.closed == [Close.STALE_EPOCH])
        assert a.acked() == 0
        assert b.notes() == {}


async def test_a_process_that_stops_acknowledges_first_and_lets_nobody_in() -> None:
    place = hall()
    async with place.open() as hub:
        a, b = await place.join(hub), await place.join(hub)
        await a.put("k", 1)
        await hub.stop()
        await until(lambda: a.closed == [Close.DRAIN] and b.closed == [Close.DRAIN])
        assert a.acked() == 1
        assert b.notes() == {"k": 1.0}


async def test_a_writer_without_a_socket_is_named_and_present_for_a_moment() -> None:
    place = hall(visit_s=0.2)
    by = uuid.uuid4()
    async with place.open() as hub:
        a, viewer = await place.join(hub), await place.join(hub, role="viewer")
        await a.put("k", 1)
        await until(lambda: a.acked() == 1)
        writer = LiveDoc()
        with writer.change():
            writer.root("notes")["by the assistant"] = 1
        rows = place.journal.rows[FLOW]
        rows.append(Row(len(rows) + 1, writer.take_change(), "assistant", by, "why", "Ada", 3))
        hint = hints.RowsHint(1, len(rows), len(rows), b"")
        place.hints.publish(hints.channel(FLOW), hints.encode(hints.NOBODY, hint))
        await until(lambda: viewer.heard(frames.CHANGED) != [])
        said = facts(viewer.heard(frames.CHANGED)[0])
        assert (said["origin"], said["by"], said["name"], said["summary"]) == (
            "assistant", str(by), "Ada", "why",
        )  # fmt: skip
        await until(lambda: [state["user"]["name"] for state in _ever(viewer)] == ["Ada"])
        assert _ever(viewer)[0]["user"]["role"] == "server"
        assert _ever(viewer)[0]["server"]["origin"] == "assistant"
        await until(lambda: present(viewer) == {})


def _ever(peer: Peer) -> list[Any]:
    """Every state the peer was ever told, but not that somebody left."""
    found = []
    for frame in peer.heard(frames.AWARENESS):
        read = frames.read_frame(frame)
        assert isinstance(read, frames.Presence)
        found += [json.loads(entry.state) for entry in read.entries if entry.state != "null"]
    return found
