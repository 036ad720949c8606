"""Frames of the document socket: one WebSocket message is exactly one frame.

Reading is strict (known type, canonical integers, exact length); anything else is a WireError and
ends the socket. Types 0, 1, 2 and 3 are y-protocols'; types from 100 are ours and go only to
clients that asked for them with ``ext=1``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TypeAlias

from apps.collaboration.wire.varints import (
    WireError,
    read_bytes,
    read_string,
    read_uint,
    write_bytes,
    write_string,
    write_uint,
)
from sage_studio.kernel import JsonObject

SYNC, AWARENESS, AUTH, QUERY_AWARENESS = 0, 1, 2, 3
STEP_1, STEP_2, UPDATE = 0, 1, 2
ACKNOWLEDGED, ROLE, CHANGED, HELLO, NOTICE = 100, 101, 102, 103, 104
NEWS = 105

EMPTY_UPDATE = b"\x00\x00"
MAX_PRESENCE_ENTRIES = 1_000


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """SyncStep1: the sender's state vector, asking for everything beyond it."""

    clocks: dict[int, int]
    raw: bytes


@dataclass(frozen=True, slots=True)
class SyncUpdate:
    """SyncStep2 (``is_answer``) or Update: CRDT bytes, not yet scanned."""

    update: bytes
    is_answer: bool


@dataclass(frozen=True, slots=True)
class PresenceEntry:
    """One client's presence as it was sent: ``state`` is unparsed JSON text."""

    client_id: int
    clock: int
    state: str


@dataclass(frozen=True, slots=True)
class Presence:
    """Awareness: states of one or more clients."""

    entries: list[PresenceEntry]


@dataclass(frozen=True, slots=True)
class PresenceQuery:
    """The sender wants all presence states again (and proves that it is alive)."""


Frame: TypeAlias = SyncRequest | SyncUpdate | Presence | PresenceQuery


def read_frame(data: bytes) -> Frame:
    """Parse one client frame. Raises WireError for anything a client may not send."""
    kind, pos = read_uint(data, 0)
    if kind == SYNC:
        return _read_sync(data, pos)
    if kind == AWARENESS:
        body, pos = read_bytes(data, pos)
        _expect_end(data, pos)
        return Presence(_read_presence(body))
    if kind == QUERY_AWARENESS:
        _expect_end(data, pos)
        return PresenceQuery()
    raise WireError(f"clients may not send frames of type {kind}")


def _read_sync(data: bytes, pos: int) -> Frame:
    step, pos = read_uint(data, pos)
    body, pos = read_bytes(data, pos)
    _expect_end(data, pos)
    if step == STEP_1:
        return SyncRequest(read_state_vector(body), body)
    if step in (STEP_2, UPDATE):
        return SyncUpdate(body, is_answer=step == STEP_2)
    raise WireError(f"unknown sync step {step}")


def _expect_end(data: bytes, pos: int) -> None:
    if pos != len(data):
        raise WireError("bytes after the end of the frame")


def read_state_vector(data: bytes) -> dict[int, int]:
    """Client id → next clock. The claimed count is checked against the bytes that are there."""
    count, pos = read_uint(data, 0)
    if count * 2 > len(data) - pos:
        raise WireError("state vector claims more entries than it has bytes")
    clocks: dict[int, int] = {}
    for _ in range(count):
        client, pos = read_uint(data, pos)
        clocks[client], pos = read_uint(data, pos)
    _expect_end(data, pos)
    return clocks


def _read_presence(body: bytes) -> list[PresenceEntry]:
    count, pos = read_uint(body, 0)
    if count > MAX_PRESENCE_ENTRIES or count * 3 > len(body) - pos:
        raise WireError("presence claims more entries than it may have")
    entries = []
    for _ in range(count):
        client, pos = read_uint(body, pos)
        clock, pos = read_uint(body, pos)
        state, pos = read_string(body, pos)
        entries.append(PresenceEntry(client, clock, state))
    _expect_end(body, pos)
    return entries


def sync_request(state_vector: bytes) -> bytes:
    return b"\x00\x00" + write_bytes(state_vector)


def sync_answer(update: bytes) -> bytes:
    return b"\x00\x01" + write_bytes(update)


def sync_update(update: bytes) -> bytes:
    return b"\x00\x02" + write_bytes(update)


def presence_query() -> bytes:
    return b"\x03"


def presence_entry(client_id: int, clock: int, state: str) -> bytes:
    """One entry of a presence frame; ``state`` is JSON text, ``null`` when the client left."""
    return write_uint(client_id) + write_uint(clock) + write_string(state)


def presence(entries: list[bytes]) -> bytes:
    """A presence frame out of encoded entries."""
    return b"\x01" + write_bytes(write_uint(len(entries)) + b"".join(entries))


def acknowledged(frames: int, seq: int) -> bytes:
    """How many sync frames of this socket are on disk by now, and the journal's position."""
    return write_uint(ACKNOWLEDGED) + write_uint(frames) + write_uint(seq)


def role_notice(role: str) -> bytes:
    return write_uint(ROLE) + write_string(role)


def changed(facts: JsonObject) -> bytes:
    """Tells an open editor what somebody else than a browser changed, and why."""
    return write_uint(CHANGED) + write_string(json.dumps(facts, ensure_ascii=False))


def notice(facts: JsonObject) -> bytes:
    """Tells why the socket is about to close: an error's code and texts."""
    return write_uint(NOTICE) + write_string(json.dumps(facts, ensure_ascii=False))


def hello(facts: JsonObject) -> bytes:
    return write_uint(HELLO) + write_string(json.dumps(facts, ensure_ascii=False))


def news(topic: str) -> bytes:
    """Tells that rows beside the document changed; who shows them reads them again."""
    return write_uint(NEWS) + write_string(json.dumps({"topic": topic}))
