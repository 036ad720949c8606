"""What editors did and what they were promised, and whether a stored document keeps it.

Every editor writes keys of its own, each write numbered, so the state of a key tells how far the document
is. Nothing may be older than the last acknowledged write to it; newer is fine, because what is on disk may
not have been acknowledged yet. Shared text is held by clocks: a document without a hole that knows a client
up to the promised clock has every character of it. Clocks end with their epoch; the numbered words that
each editor adds to a text of its own tell whether text was carried into the next one.

What anyone was shown is a promise too: whoever has seen a change of another must find it on disk.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pycrdt

from apps.collaboration.wire.frames import read_state_vector

GONE = None
LOG = "log:"
"""Begins the keys that are texts: their state is the number in the last word."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What one frame made durable once it is acknowledged."""

    epoch: int
    client_id: int
    clock: int
    keys: Mapping[str, int]
    """Key → number of its write."""


@dataclass
class Book:
    """Filled by editors, read by the judge."""

    writes: dict[str, list[int | None]] = field(default_factory=lambda: defaultdict(list))
    """Key → its writes in order; a number, or GONE for a removal."""
    promised_keys: dict[str, int] = field(default_factory=dict)
    promised_clocks: dict[tuple[int, int], int] = field(default_factory=dict)
    promises: int = 0

    def write(self, key: str, value: int | None) -> int:
        """Note a write that is about to be sent; its number."""
        self.writes[key].append(value)
        return len(self.writes[key]) - 1

    def promise(self, claim: Claim) -> None:
        self.promises += 1
        at = (claim.epoch, claim.client_id)
        self.promised_clocks[at] = max(self.promised_clocks.get(at, 0), claim.clock)
        for key, number in claim.keys.items():
            self.promised_keys[key] = max(self.promised_keys.get(key, -1), number)

    def saw(self, epoch: int, clocks: Mapping[int, int]) -> None:
        """Somebody was shown the changes of these clients up to these clocks."""
        for client, clock in clocks.items():
            at = (epoch, client)
            self.promised_clocks[at] = max(self.promised_clocks.get(at, 0), clock)

    def so_far(self) -> Book:
        """A copy of the promises, taken before the document is read."""
        return Book(self.writes, dict(self.promised_keys), dict(self.promised_clocks), self.promises)

    def breaches(self, epoch: int, doc: pycrdt.Doc[Any]) -> list[str]:
        """Every promise the document does not keep."""
        found = []
        clocks = read_state_vector(doc.get_state())
        for (of_epoch, client), clock in self.promised_clocks.items():
            if of_epoch == epoch and clocks.get(client, 0) < clock:
                found.append(f"client {client} is known up to {clocks.get(client, 0)} of {clock}")
        notes = doc.get("notes", type=pycrdt.Map).to_py() or {}
        nodes = doc.get("nodes", type=pycrdt.Map).to_py() or {}
        for key, number in self.promised_keys.items():
            state = state_of(key, notes, nodes)
            if state not in self.writes[key][number:]:
                found.append(f"{key} is {state}, promised was {self.writes[key][number]} or later")
        return found


def state_of(key: str, notes: Mapping[str, Any], nodes: Mapping[str, Any]) -> int | None:
    """The number of the write to a key that a document shows."""
    if key.startswith("node:"):
        node = nodes.get(key.removeprefix("node:"))
        return GONE if node is None or node.get("deleted") is not None else 1
    value = notes.get(key)
    if key.startswith(LOG) and value is not None:
        return int(str(value).split()[-1])
    return GONE if value is None else int(value)
