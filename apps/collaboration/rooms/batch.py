"""What gathers between two commits of a room."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from apps.collaboration.documents.library import merge
from apps.collaboration.rooms.ports import Entry
from apps.collaboration.rooms.socket import Socket


@dataclass(slots=True)
class Batch:
    """Applied changes waiting to be written, and what may be said only once they are.

    ``acks``: socket → number of its frames that this batch makes durable. ``replies``: answers
    whose content includes changes that are not on disk yet.
    """

    changes: list[tuple[bytes, Socket]] = field(default_factory=list)
    bindings: dict[int, uuid.UUID] = field(default_factory=dict)
    acks: dict[Socket, int] = field(default_factory=dict)
    replies: list[tuple[Socket, bytes]] = field(default_factory=list)
    size_bytes: int = 0

    def __bool__(self) -> bool:
        return bool(self.changes or self.acks or self.replies)

    def add(self, update: bytes, socket: Socket, bindings: dict[int, uuid.UUID]) -> None:
        self.changes.append((update, socket))
        self.bindings.update(bindings)
        self.size_bytes += len(update)

    def entries(self) -> list[Entry]:
        """Journal entries: consecutive changes of one person become one row."""
        entries: list[Entry] = []
        run: list[bytes] = []
        author: uuid.UUID | None = None
        for update, socket in self.changes:
            if run and socket.who.person_id != author:
                entries.append(Entry(merge(run), author))
                run = []
            author = socket.who.person_id
            run.append(update)
        if run:
            entries.append(Entry(merge(run), author))
        return entries

    def only_sender(self) -> Socket | None:
        """The one socket all changes came from, which need not hear them again."""
        senders = {socket for _, socket in self.changes}
        return senders.pop() if len(senders) == 1 else None
