"""Ids in the order of their making (UUID version 7, RFC 9562), for rows that come in great numbers.

Many new rows then change one page of an index rather than one each, and what hangs on the newest row (the
events of a run, by its id) is put at the end of its index, where a database need not make room. 74 bits of
an id are random: it can be told when a row was made, not guessed.
"""

from __future__ import annotations

import os
import time
import uuid


def ordered_id() -> uuid.UUID:
    """A new id, as a model takes it."""
    return uuid.UUID(hex=ordered_hex())


def ordered_hex() -> str:
    """A new id as 32 hexadecimal digits, as plain statements take it."""
    moment = time.time_ns() // 1_000_000
    rest = int.from_bytes(os.urandom(10), "big")
    high = (moment & 0xFFFF_FFFF_FFFF) << 16 | 0x7000 | rest >> 68
    low = 1 << 63 | rest & (1 << 62) - 1
    return f"{high:016x}{low:016x}"
