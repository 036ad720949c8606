"""Messages between the process of a run and one that runs a node for it, and their shape in bytes.

Both sides speak the same small protocol. Either may ask the other (``ask`` → ``answer`` or
``fault``, matched by number) or tell it something (``tell``). A frame is

    length of the rest (4 bytes, big-endian) · length of the head (4 bytes) · head · parts

where the head is JSON ``[kind, number, method, value, [length of each part]]`` and the parts are the
bytes its value refers to (see ``values``). A frame that is too long or does not parse ends the
conversation: it can only come from something that does not speak the protocol.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from sage_studio.engine.executors.errors import BAD_MESSAGE, TOO_BIG
from sage_studio.engine.executors.values import Packed
from sage_studio.kernel import SageError

PROTOCOL = 1
MAX_FRAME_BYTES = 512 << 20
HEADER_BYTES = 4
Kind = Literal["ask", "answer", "fault", "tell"]
_KINDS = frozenset({"ask", "answer", "fault", "tell"})


@dataclass(frozen=True, slots=True)
class Message:
    """``number`` pairs an answer with its question; ``method`` is empty in answers."""

    kind: Kind
    number: int
    method: str
    body: Packed


def encode(message: Message) -> bytes:
    """The whole frame. Raises SageError ``executor.too_big``."""
    sizes = [len(part) for part in message.body.parts]
    whole = [message.kind, message.number, message.method, message.body.plain, sizes]
    head = json.dumps(whole, separators=(",", ":")).encode()
    size = HEADER_BYTES + len(head) + sum(sizes)
    if size > MAX_FRAME_BYTES:
        raise SageError(TOO_BIG, {"size_mb": size >> 20, "limit_mb": MAX_FRAME_BYTES >> 20})
    lengths = size.to_bytes(HEADER_BYTES, "big") + len(head).to_bytes(HEADER_BYTES, "big")
    return b"".join((lengths, head, *message.body.parts))


def frame_size(header: bytes, limit: int = MAX_FRAME_BYTES) -> int:
    """How many bytes follow the first four. Raises SageError ``executor.bad_message``."""
    size = int.from_bytes(header, "big")
    if not HEADER_BYTES <= size <= limit:
        raise SageError(BAD_MESSAGE, {"reason": f"a frame of {size} bytes"})
    return size


def decode(rest: bytes) -> Message:
    """The message in what follows a frame's first four bytes. Raises SageError ``executor.bad_message``."""
    try:
        split = HEADER_BYTES + int.from_bytes(rest[:HEADER_BYTES], "big")
        kind, number, method, value, sizes = json.loads(rest[HEADER_BYTES:split])
        parts = _parts(rest, split, sizes)
    except (ValueError, TypeError, RecursionError) as error:
        raise SageError(BAD_MESSAGE, {"reason": str(error)[:200]}) from error
    if kind not in _KINDS or not isinstance(number, int) or not isinstance(method, str):
        raise SageError(BAD_MESSAGE, {"reason": "an unknown kind of message"})
    return Message(kind, number, method, Packed(value, parts))


def _parts(rest: bytes, at: int, sizes: Any) -> list[bytes]:
    parts = []
    for size in sizes:
        if not isinstance(size, int) or size < 0:
            raise ValueError("a part without a size")
        parts.append(rest[at : at + size])
        at += size
    if at != len(rest):
        raise ValueError("parts and frame differ in length")
    return parts
