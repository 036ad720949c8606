"""What rooms of different processes tell each other over the bus."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TypeAlias

from apps.collaboration.wire.varints import WireError, read_uint, write_uint

_ROWS, _PRESENCE, _WHO, _NEWS = 1, 2, 3, 4
NOBODY = bytes(16)
"""The sender of hints that come from no room."""


def channel(flow_id: uuid.UUID) -> str:
    return f"doc:{flow_id}"


@dataclass(frozen=True, slots=True)
class RowsHint:
    """Rows ``first_seq``…``last_seq`` are on disk; ``update`` is their merged content or empty."""

    epoch: int
    first_seq: int
    last_seq: int
    update: bytes


@dataclass(frozen=True, slots=True)
class PresenceHint:
    """States of the sender's sockets: client id → JSON text, ``null`` for those who left."""

    states: dict[int, str]


@dataclass(frozen=True, slots=True)
class WhoHint:
    """A room has just opened and asks for everybody's presence."""


@dataclass(frozen=True, slots=True)
class NewsHint:
    """Rows beside the document changed (``comments``): whoever shows them reads them again."""

    topic: str


Hint: TypeAlias = RowsHint | PresenceHint | WhoHint | NewsHint


def encode(sender: bytes, hint: Hint) -> bytes:
    """``sender`` is the 16 bytes of a process."""
    match hint:
        case RowsHint(epoch, first, last, update):
            body = bytes([_ROWS]) + write_uint(epoch) + write_uint(first) + write_uint(last) + update
        case PresenceHint(states):
            body = bytes([_PRESENCE]) + json.dumps({str(k): v for k, v in states.items()}).encode()
        case NewsHint(topic):
            body = bytes([_NEWS]) + topic.encode()
        case _:
            body = bytes([_WHO])
    return sender + body


def decode(payload: bytes) -> tuple[bytes, Hint] | None:
    """Sender and hint; None for what another release may have said."""
    if len(payload) < 17:
        return None
    sender, kind, body = payload[:16], payload[16], payload[17:]
    try:
        if kind == _ROWS:
            epoch, pos = read_uint(body, 0)
            first, pos = read_uint(body, pos)
            last, pos = read_uint(body, pos)
            return sender, RowsHint(epoch, first, last, body[pos:])
        if kind == _PRESENCE:
            return sender, PresenceHint({int(k): str(v) for k, v in json.loads(body).items()})
        if kind == _WHO:
            return sender, WhoHint()
        if kind == _NEWS:
            return sender, NewsHint(body.decode())
    except (WireError, ValueError, AttributeError):
        return None
    return None
