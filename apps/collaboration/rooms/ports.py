"""What a room needs from the world: a journal, a bus, and someone who notes refusals."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol


class JournalUnavailableError(Exception):
    """The journal could not be written or read now; trying again may help."""


class DocumentGoneError(Exception):
    """The flow is archived or deleted."""


class DocumentQuarantinedError(Exception):
    """Loading this document has killed its host repeatedly."""


class EpochChangedError(Exception):
    """The document has begun a new lineage: what builds on the old one cannot be written."""


class ClientTakenError(Exception):
    """A CRDT client id of the batch belongs to somebody else (bound in another process)."""


@dataclass(frozen=True, slots=True)
class Row:
    """One journal row as rooms read it."""

    seq: int
    body: bytes
    origin: str = "room"
    author_id: uuid.UUID | None = None
    summary: str = ""
    author_name: str = ""
    author_color: int = 1
    """Name and colour are looked up only for rows that no browser wrote."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A document as it stands on disk. ``owners``: CRDT client id → person, None for the server, whose
    own id is ``server_client_id``."""

    epoch: int
    seq: int
    updates: list[bytes]
    owners: dict[int, uuid.UUID | None]
    server_client_id: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One applied change on its way into the journal. ``origin`` is ``room`` for browsers."""

    body: bytes
    author_id: uuid.UUID | None
    origin: str = "room"
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Write:
    """One tick of one room. ``known_seq`` is how far the room has read the journal."""

    flow_id: uuid.UUID
    epoch: int
    known_seq: int
    entries: Sequence[Entry]
    bindings: dict[int, uuid.UUID] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Written:
    """The rows of a tick got ``first_seq``…``last_seq``; ``missed`` are rows of other writers
    after the room's ``known_seq`` and before them."""

    first_seq: int
    last_seq: int
    missed: list[Row]


class Journal(Protocol):
    """The truth on disk. ``append`` returns after the commit."""

    async def load(self, flow_id: uuid.UUID) -> Loaded:
        """Raises DocumentGoneError, DocumentQuarantinedError or JournalUnavailableError."""

    async def loaded(self, flow_id: uuid.UUID) -> None:
        """Loading worked: the opening no longer counts against the document."""

    async def append(self, write: Write) -> Written:
        """Raises DocumentGoneError, EpochChangedError, ClientTakenError or JournalUnavailableError."""

    async def rows_after(self, flow_id: uuid.UUID, epoch: int, seq: int) -> list[Row]: ...

    async def heads(self, flow_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, tuple[int, int]]:
        """Flow → (epoch, head_seq); flows that are gone are left out."""

    async def settle(self, flow_id: uuid.UUID, *, idle: bool) -> None:
        """Refresh the flow's projection and compact when due. ``idle``: nobody is here any more."""


class Hints(Protocol):
    """Messages between processes; may be lost."""

    def publish(self, channel: str, payload: bytes) -> None: ...

    def subscribe(self, channel: str) -> AsyncIterator[bytes]: ...


class Refusals(Protocol):
    """Where refused writes are noted (the audit log)."""

    def note(self, *, flow_id: uuid.UUID, person_id: uuid.UUID, reason: str) -> None: ...
