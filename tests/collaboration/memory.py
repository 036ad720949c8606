"""The journal and the other ports of a room, in memory."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from apps.collaboration.rooms.ports import (
    ClientTakenError,
    DocumentGoneError,
    JournalUnavailableError,
    Loaded,
    Row,
    Write,
    Written,
)


@dataclass
class MemoryJournal:
    """Keeps the promises of the database journal; ``failures`` next appends fail, ``gate`` holds
    appends back while it is cleared."""

    rows: dict[uuid.UUID, list[Row]] = field(default_factory=dict)
    owners: dict[uuid.UUID, dict[int, uuid.UUID | None]] = field(default_factory=dict)
    failures: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    settled: list[uuid.UUID] = field(default_factory=list)
    gone: set[uuid.UUID] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.gate.set()

    async def load(self, flow_id: uuid.UUID) -> Loaded:
        if flow_id in self.gone:
            raise DocumentGoneError
        rows = self.rows.setdefault(flow_id, [])
        owners = self.owners.setdefault(flow_id, {})
        return Loaded(1, len(rows), [row.body for row in rows], dict(owners))

    async def loaded(self, flow_id: uuid.UUID) -> None:
        assert flow_id in self.rows

    async def append(self, write: Write) -> Written:
        await self.gate.wait()
        if self.failures:
            self.failures -= 1
            raise JournalUnavailableError("asked to fail")
        owners = self.owners[write.flow_id]
        for client, person in write.bindings.items():
            if owners.setdefault(client, person) != person:
                raise ClientTakenError
        rows = self.rows[write.flow_id]
        first = len(rows) + 1
        for index, entry in enumerate(write.entries):
            rows.append(Row(first + index, entry.body, entry.origin, entry.author_id, entry.summary))
        return Written(first, len(rows), rows[write.known_seq : first - 1])

    async def rows_after(self, flow_id: uuid.UUID, epoch: int, seq: int) -> list[Row]:
        return self.rows[flow_id][seq:]

    async def heads(self, flow_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, tuple[int, int]]:
        return {flow: (1, len(self.rows[flow])) for flow in flow_ids if flow not in self.gone}

    async def settle(self, flow_id: uuid.UUID, *, idle: bool) -> None:
        self.settled.append(flow_id)


class MemoryHints:
    """A bus between the rooms of one test."""

    def __init__(self) -> None:
        self._queues: dict[str, list[asyncio.Queue[bytes]]] = {}
        self.is_deaf = False

    def publish(self, channel: str, payload: bytes) -> None:
        if not self.is_deaf:
            for queue in self._queues.get(channel, []):
                queue.put_nowait(payload)

    async def subscribe(self, channel: str) -> AsyncIterator[bytes]:
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._queues.setdefault(channel, []).append(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._queues[channel].remove(queue)


@dataclass
class MemoryRefusals:
    """Remembers what was refused."""

    reasons: list[str] = field(default_factory=list)

    def note(self, *, flow_id: uuid.UUID, person_id: uuid.UUID, reason: str) -> None:
        self.reasons.append(reason)
