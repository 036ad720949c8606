"""What all parts of a room share: the document, the sockets, and what other writers do to both."""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from enum import Enum, auto

import structlog

from apps.collaboration.documents.library import DocumentBrokenError, UpdateRejectedError, merge
from apps.collaboration.rooms import hints
from apps.collaboration.rooms.batch import Batch
from apps.collaboration.rooms.limits import Limits
from apps.collaboration.rooms.ports import Hints, Journal, JournalUnavailableError, Refusals, Row
from apps.collaboration.rooms.presence import PresenceBoard
from apps.collaboration.rooms.replica import Replica
from apps.collaboration.rooms.socket import Close, Socket
from apps.collaboration.wire import frames
from apps.collaboration.wire.varints import WireError
from sage_studio.kernel import JsonObject

log = structlog.get_logger(__name__)

UPKEEP = "upkeep"
"""Origin of what the server does to a document without anybody's asking."""


class State(Enum):
    LOADING = auto()
    OPEN = auto()
    CLOSED = auto()


class RoomCore:
    """State of one flow's document in this process. All methods run on the event loop."""

    def __init__(
        self,
        flow_id: uuid.UUID,
        *,
        journal: Journal,
        bus: Hints,
        refusals: Refusals,
        limits: Limits,
        process: bytes,
    ) -> None:
        self.flow_id = flow_id
        self.state = State.LOADING
        self.sockets: set[Socket] = set()
        self.empty_since: float | None = None
        self._journal = journal
        self._bus = bus
        self._refusals = refusals
        self._limits = limits
        self._process = process
        self._replica: Replica | None = None
        self._ready = asyncio.Event()
        self._batch = Batch()
        self._flush_lock = asyncio.Lock()
        self._remembered = (0, 0)
        self._work = asyncio.Event()
        self._presence = PresenceBoard(max_bytes=limits.presence_bytes)
        self._presence_timer: asyncio.TimerHandle | None = None
        self._visit_timer: asyncio.TimerHandle | None = None
        self._panics: deque[float] = deque(maxlen=limits.panics_per_minute)
        self.unsettled_since: float | None = None
        self.last_edit_at = 0.0
        self.was_edited = False

    @property
    def seq(self) -> int:
        return self._replica.seq if self._replica else 0

    @property
    def epoch(self) -> int:
        return self._replica.epoch if self._replica else 0

    @property
    def is_closed(self) -> bool:
        return self.state is State.CLOSED

    def end(self, code: int) -> None:
        """Hang up on everybody without writing."""
        self.state = State.CLOSED
        self._replica = None
        self._ready.set()
        self._work.set()
        for socket in self.sockets:
            socket.close(code)

    def _request_sync(self, socket: Socket) -> None:
        if self._replica is not None:
            socket.answer_due = True
            socket.send(frames.sync_request(self._replica.state_vector()))

    def _broadcast(self, frame: bytes, *, skip: Socket | None = None) -> None:
        for socket in self.sockets:
            if socket is not skip:
                socket.send(frame)

    def _tell(self, hint: hints.Hint) -> None:
        self._bus.publish(hints.channel(self.flow_id), hints.encode(self._process, hint))

    def _position(self) -> tuple[int, int]:
        """Epoch and seq, also while the document is being loaded again."""
        return (self._replica.epoch, self._replica.seq) if self._replica else self._remembered

    # ---- other writers

    async def _pull(self) -> None:
        """Read rows of other writers that no hint brought."""
        if self._replica is None:
            return
        try:
            rows = await self._journal.rows_after(self.flow_id, self._replica.epoch, self._replica.seq)
        except JournalUnavailableError:
            return
        self._show_rows(rows)

    def _show_rows(self, rows: list[Row]) -> None:
        seen = self.seq
        if news := self._take_rows(rows):
            self._broadcast(frames.sync_update(news))
        for row in rows:
            if row.seq > seen:
                self._notice(row)

    def _take_rows(self, rows: list[Row]) -> bytes:
        """Apply rows from the journal; a document they break is loaded anew."""
        if self._replica is None or not rows:
            return merge([row.body for row in rows]) if rows else b""
        try:
            return self._replica.catch_up(rows)
        except (DocumentBrokenError, UpdateRejectedError, WireError):
            self._broken(None)
            return merge([row.body for row in rows])

    def _notice(self, row: Row) -> None:
        """Tell editors what the server changed, and for whom; what browsers write speaks for itself."""
        if row.origin == "room":
            return
        by = str(row.author_id) if row.author_id else None
        facts: JsonObject = {"seq": row.seq, "origin": row.origin, "summary": row.summary}
        for socket in self.sockets:
            socket.send_extension(frames.changed({**facts, "by": by, "name": row.author_name}))
        if row.origin != UPKEEP and self._replica is not None and self.sockets:
            user: JsonObject = {
                "id": by or "", "name": row.author_name, "color": row.author_color, "role": "server",
            }  # fmt: skip
            self._presence.visited(self._replica.server_client_id, {"user": user, "server": facts})
            self._schedule_presence()
            if self._visit_timer is not None:
                self._visit_timer.cancel()
            self._visit_timer = asyncio.get_running_loop().call_later(
                self._limits.visit_s, self._visit_over, self._replica.server_client_id
            )

    def _visit_over(self, client_id: int) -> None:
        self._visit_timer = None
        if self._presence.visit_over(client_id):
            self._schedule_presence()

    # ---- presence

    def _schedule_presence(self) -> None:
        if self._presence_timer is None:
            loop = asyncio.get_running_loop()
            self._presence_timer = loop.call_later(self._limits.tick_s, self._flush_presence)

    def _flush_presence(self) -> None:
        self._presence_timer = None
        if own := self._presence.flush(self.sockets):
            self._tell(hints.PresenceHint(own))

    # ---- after a panic of the library

    def _broken(self, sender: Socket | None) -> None:
        """Drop the document, hang up on the sender, and load again after what waits is written."""
        log.error("document_broken", flow_id=str(self.flow_id))
        now = asyncio.get_running_loop().time()
        if self._replica is not None:
            self._remembered = (self._replica.epoch, self._replica.seq)
        self._replica = None
        self._ready.clear()
        if sender is not None:
            sender.close(Close.MALFORMED)
        if len(self._panics) == self._panics.maxlen and now - self._panics[0] < 60:
            self.end(Close.RELOADED)
            return
        self._panics.append(now)
        self.state = State.LOADING
        self._work.set()
