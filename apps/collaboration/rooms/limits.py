"""Bounds of the document socket, with their reasons. All sizes in bytes, all times in seconds."""

from __future__ import annotations

from dataclasses import dataclass

from sage_studio.kernel import JsonObject


@dataclass(frozen=True, slots=True)
class Limits:
    """One set of bounds; tests build their own."""

    tick_s: float = 0.016
    """One frame of a 60 Hz screen: later would be seen, earlier would cost a commit per edit."""
    update_bytes: int = 256 * 1024
    answer_bytes: int = 4 * 1024 * 1024
    """A SyncStep2 may carry everything a person did offline."""
    document_bytes: int = 16 * 1024 * 1024
    spare_bytes: int = 1024 * 1024
    """Beyond the limit small changes still fit, or nobody could take anything out."""
    small_update_bytes: int = 4 * 1024
    presence_bytes: int = 4 * 1024
    presence_frame_bytes: int = 1024 * 1024
    """Stock clients answer a presence query with everybody's state, not only their own."""
    update_structs: int = 50_000
    answer_structs: int = 1_000_000
    type_depth: int = 32
    frames_per_s: float = 120
    """Edits every 25 ms and a moving cursor 30 times a second, twice over."""
    bytes_per_s: float = 256 * 1024
    burst: float = 5
    """Buckets hold this many seconds of traffic."""
    probe_after_bytes: int = 1024 * 1024
    unanswered_bytes: int = 4 * 1024 * 1024
    """Daphne never says that a reader is slow, so unread bytes are bounded by what came back."""
    keepalive_s: float = 20
    """Stock clients hang up after 30 s without a frame."""
    idle_s: float = 60
    visit_s: float = 8
    """How long a writer without a socket stays among those present."""
    scan_on_loop_bytes: int = 64 * 1024
    panics_per_minute: int = 3
    sockets_per_person: int = 100
    settle_s: float = 2
    settle_at_most_s: float = 10

    def told(self) -> JsonObject:
        """What a client needs to know of them."""
        return {
            "update_bytes": self.update_bytes,
            "answer_bytes": self.answer_bytes,
            "presence_bytes": self.presence_bytes,
            "document_bytes": self.document_bytes,
        }
