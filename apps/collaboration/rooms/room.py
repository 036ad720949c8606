"""One open document: who is connected, what changed, and when it is safe to say so.

An update is parsed, scanned, judged and applied as it arrives, then waits for the room's tick.
The tick's batch is committed to the journal, and only then, in one step, told to other processes,
acknowledged to its senders and sent to everybody else: what a person sees of others is on disk.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from enum import Enum, auto

import structlog

from apps.collaboration import errors
from apps.collaboration.documents.library import ROOTS, DocumentBrokenError, UpdateRejectedError, merge
from apps.collaboration.rooms import hints
from apps.collaboration.rooms.batch import Batch
from apps.collaboration.rooms.limits import Limits
from apps.collaboration.rooms.notices import notice, too_large
from apps.collaboration.rooms.ports import (
    ClientTakenError,
    DocumentGoneError,
    DocumentQuarantinedError,
    EpochChangedError,
    Hints,
    Journal,
    JournalUnavailableError,
    Refusals,
    Row,
    Write,
    Written,
)
from apps.collaboration.rooms.presence import PresenceBoard
from apps.collaboration.rooms.replica import Replica, Verdict
from apps.collaboration.rooms.socket import Close, Socket
from apps.collaboration.wire import frames
from apps.collaboration.wire.frames import EMPTY_UPDATE, Presence, PresenceQuery, SyncRequest, SyncUpdate
from apps.collaboration.wire.scan import Scan, scan_update
from apps.collaboration.wire.varints import WireError
from sage_studio.kernel import JsonObject

log = structlog.get_logger(__name__)

_RETRIES_S = (0.05, 0.2, 0.5, 1.0, 2.0, 4.0)
UPKEEP = "upkeep"
"""Origin of what the server does to a document without anybody's asking."""
_MAX_BATCH_BYTES = 16 * 1024 * 1024


class State(Enum):
    LOADING = auto()
    OPEN = auto()
    CLOSED = auto()


class Room:
    """One flow's document in this process. All methods run on the event loop.

    ``load`` and ``shut`` are called by the hub under the flow's lock; ``run`` is the room's task.
    """

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

    # ---- life

    async def load(self) -> None:
        """Read the document. Raises DocumentGoneError, DocumentQuarantinedError, JournalUnavailableError."""
        loaded = await self._journal.load(self.flow_id)
        try:
            self._replica = Replica(loaded, max_depth=self._limits.type_depth)
        except (DocumentBrokenError, UpdateRejectedError, WireError) as error:
            log.exception("document_unreadable", flow_id=str(self.flow_id))
            raise DocumentQuarantinedError from error
        await self._journal.loaded(self.flow_id)
        self.state = State.OPEN
        self._ready.set()

    @property
    def seq(self) -> int:
        return self._replica.seq if self._replica else 0

    @property
    def epoch(self) -> int:
        return self._replica.epoch if self._replica else 0

    async def wait_ready(self) -> None:
        """Return when the document is loaded, or the room closed."""
        await self._ready.wait()

    async def run(self) -> None:
        """Commit batches until the room is shut."""
        while True:
            await self._work.wait()
            self._work.clear()
            await asyncio.sleep(self._limits.tick_s)
            if self.is_closed:
                return
            await self._flush()
            if self.state is State.LOADING:
                await self._reload()

    @property
    def is_closed(self) -> bool:
        return self.state is State.CLOSED

    async def listen(self) -> None:
        """Follow what rooms of other processes and the headless writer say."""
        async for payload in self._bus.subscribe(hints.channel(self.flow_id)):
            heard = hints.decode(payload)
            if heard is not None and heard[0] != self._process:
                await self._on_hint(heard[1])

    def ask_who(self) -> None:
        """Have other processes repeat their presence."""
        self._tell(hints.WhoHint())

    async def shut(self, code: int) -> None:
        """Write what waits, hang up on everybody, and end ``run``."""
        if not self.is_closed:
            await self._flush()
        self.end(code)

    def end(self, code: int) -> None:
        """Hang up on everybody without writing."""
        self.state = State.CLOSED
        self._replica = None
        self._ready.set()
        self._work.set()
        for socket in self.sockets:
            socket.close(code)

    # ---- joining and leaving

    def join(self, socket: Socket) -> None:
        """Greet a client. The caller has checked that the room is open and the epoch current."""
        self.sockets.add(socket)
        self.empty_since = None
        facts: JsonObject = {"epoch": self.epoch, "role": socket.role, "seq": self.seq}
        socket.send_extension(frames.hello({**facts, "client_limits": self._limits.told()}))
        if socket.may_edit:
            self._request_sync(socket)
        if present := self._presence.everything():
            socket.send(present)

    def leave(self, socket: Socket) -> None:
        self.sockets.discard(socket)
        if self._presence.left(socket):
            self._schedule_presence()
        if not self.sockets:
            self.empty_since = asyncio.get_running_loop().time()

    def role_changed(self, socket: Socket, *, role: str, may_edit: bool) -> None:
        """Turn a live socket into what its person is now."""
        raised = may_edit and not socket.may_edit
        socket.role, socket.may_edit = role, may_edit
        socket.send_extension(frames.role_notice(role))
        if raised and self._replica is not None:
            self._request_sync(socket)

    def _request_sync(self, socket: Socket) -> None:
        if self._replica is not None:
            socket.answer_due = True
            socket.send(frames.sync_request(self._replica.state_vector()))

    # ---- what clients say

    async def receive(self, socket: Socket, data: bytes) -> None:
        """Handle one frame. Calls for one socket are sequential; the common case never waits."""
        if socket.closing is not None:
            return
        if not socket.heard(len(data), asyncio.get_running_loop().time()):
            socket.close(Close.TOO_FAST)
            return
        try:
            frame = frames.read_frame(data)
            if self._replica is None:
                await self._ready.wait()
            await self._handle(socket, frame, len(data))
        except WireError as error:
            log.info("frame_refused", flow_id=str(self.flow_id), reason=str(error))
            socket.close(Close.MALFORMED)

    async def _handle(self, socket: Socket, frame: frames.Frame, size_bytes: int) -> None:
        match frame:
            case SyncUpdate():
                await self._on_update(socket, frame)
            case Presence():
                self._on_presence(socket, frame, size_bytes)
            case SyncRequest():
                self._on_sync_request(socket, frame)
            case PresenceQuery():
                if present := self._presence.everything():
                    socket.send(present)

    def _on_presence(self, socket: Socket, frame: Presence, size_bytes: int) -> None:
        if size_bytes > self._limits.presence_frame_bytes:
            socket.close(Close.TOO_BIG)
            return
        person = socket.who.person_id
        replica = self._replica
        if self._presence.heard(
            socket,
            frame.entries,
            taken=lambda client: replica is not None and replica.belongs_to_another(client, person),
        ):
            self._schedule_presence()

    def _on_sync_request(self, socket: Socket, frame: SyncRequest) -> None:
        if self._replica is None:
            return
        try:
            answer = frames.sync_answer(self._replica.encode(frame.raw))
        except UpdateRejectedError as error:
            raise WireError(str(error)) from error
        except DocumentBrokenError:
            self._broken(socket)
            return
        if self._flush_lock.locked() or self._batch.changes:
            self._batch.replies.append((socket, answer))
            self._work.set()
        else:
            socket.send(answer)

    async def _on_update(self, socket: Socket, frame: SyncUpdate) -> None:
        socket.frames += 1
        was_due, socket.answer_due = socket.answer_due, socket.answer_due and not frame.is_answer
        limit = self._limits.answer_bytes if frame.is_answer else self._limits.update_bytes
        if len(frame.update) > limit:
            socket.send_extension(too_large(len(frame.update), limit))
            socket.close(Close.TOO_BIG)
            return
        if frame.update == EMPTY_UPDATE:
            self._applied(socket, b"", {}, full=frame.is_answer and was_due)
            return
        scan = await self._scan(frame)
        replica = self._replica
        if replica is None or socket.closing is not None or socket not in self.sockets:
            return
        if not socket.may_edit:
            self._from_reader(socket, frame, scan, replica)
            return
        verdict = replica.judge(scan, socket.who.person_id)
        if verdict in (Verdict.GAP, Verdict.FOREIGN):
            await self._pull()
            replica = self._replica
            if replica is None or socket.closing is not None:
                return
            verdict = replica.judge(scan, socket.who.person_id)
        if verdict is Verdict.FINE:
            self._apply_if_it_fits(socket, frame, scan, replica, full=frame.is_answer and was_due)
        elif verdict is Verdict.GAP:
            self._resync(socket)
        elif verdict is Verdict.SPLIT:
            raise WireError("a character is parted in its middle")
        else:
            self._refuse(socket, verdict.name.lower())

    def _apply_if_it_fits(
        self, socket: Socket, frame: SyncUpdate, scan: Scan, replica: Replica, *, full: bool
    ) -> None:
        limits = self._limits
        spare = limits.spare_bytes if len(frame.update) <= limits.small_update_bytes else 0
        size = replica.size_with(frame.update, limit=limits.document_bytes)
        if size <= limits.document_bytes + spare:
            self._apply(socket, frame, scan, full=full)
            return
        log.info("document_full", flow_id=str(self.flow_id))
        socket.send_extension(too_large(size, limits.document_bytes))
        socket.close(Close.TOO_BIG)

    async def _scan(self, frame: SyncUpdate) -> Scan:
        structs = self._limits.answer_structs if frame.is_answer else self._limits.update_structs
        if len(frame.update) <= self._limits.scan_on_loop_bytes:
            return scan_update(frame.update, roots=ROOTS, max_structs=structs)
        return await asyncio.to_thread(scan_update, frame.update, roots=ROOTS, max_structs=structs)

    def _from_reader(self, socket: Socket, frame: SyncUpdate, scan: Scan, replica: Replica) -> None:
        """Stock clients answer a sync request whatever their role: what changes nothing is fine."""
        socket.viewer_answers += 1
        try:
            harmless = socket.viewer_answers <= 3 and replica.contains(frame.update, scan)
        except (UpdateRejectedError, DocumentBrokenError):
            harmless = False
        if harmless:
            self._applied(socket, b"", {}, full=False)
        else:
            self._refuse(socket, "read_only")

    def _refuse(self, socket: Socket, reason: str) -> None:
        log.warning("update_refused", flow_id=str(self.flow_id), reason=reason)
        self._refusals.note(flow_id=self.flow_id, person_id=socket.who.person_id, reason=reason)
        if reason == "read_only":
            socket.send_extension(notice(errors.READ_ONLY))
        socket.close(Close.FORBIDDEN)

    def _resync(self, socket: Socket) -> None:
        """Ask for everything the server lacks; acknowledgements wait for the answer."""
        socket.behind = True
        if socket.answer_due:
            return
        socket.resyncs += 1
        if socket.resyncs > 5:
            socket.close(Close.RESYNC_FAILED)
            return
        self._request_sync(socket)

    def _apply(self, socket: Socket, frame: SyncUpdate, scan: Scan, *, full: bool) -> None:
        assert self._replica is not None
        try:
            news, bound = self._replica.apply(frame.update, scan, socket.who.person_id)
        except UpdateRejectedError as error:
            raise WireError(str(error)) from error
        except DocumentBrokenError:
            self._broken(socket)
            return
        self._applied(socket, news, bound, full=full)

    def _applied(self, socket: Socket, news: bytes, bound: dict[int, uuid.UUID], *, full: bool) -> None:
        """Put a change (empty: nothing new) and its acknowledgement into the batch."""
        if full:
            socket.behind = False
            socket.resyncs = 0
        if news:
            self._batch.add(news, socket, bound)
            if self._batch.size_bytes > _MAX_BATCH_BYTES:
                self.end(Close.UNAVAILABLE)
                return
        if not socket.behind and (news or socket.extended):
            self._batch.acks[socket] = socket.frames
        if self._batch:
            self._work.set()

    # ---- the tick

    async def _flush(self) -> None:
        """Commit the batch, then tell. One at a time, so that rows keep their order."""
        async with self._flush_lock:
            batch, self._batch = self._batch, Batch()
            if batch.changes:
                await self._commit(batch)
            elif batch:
                self._tell_clients(batch, b"")
        if self._batch:
            self._work.set()

    async def _commit(self, batch: Batch) -> None:
        """A room that cannot write hangs up: clients hold what is theirs and bring it back."""
        try:
            written = await self._write(batch)
        except DocumentGoneError:
            self.end(Close.GONE)
        except EpochChangedError:
            self.end(Close.STALE_EPOCH)
        except ClientTakenError:
            log.warning("client_id_taken", flow_id=str(self.flow_id))
            self.end(Close.RELOADED)
        except JournalUnavailableError:
            log.error("journal_unavailable", flow_id=str(self.flow_id))
            self.end(Close.UNAVAILABLE)
        else:
            self._written(batch, written)

    async def _write(self, batch: Batch) -> Written:
        epoch, known = self._position()
        write = Write(self.flow_id, epoch, known, batch.entries(), batch.bindings)
        for delay_s in _RETRIES_S:
            try:
                return await self._journal.append(write)
            except JournalUnavailableError:
                await asyncio.sleep(delay_s)
        return await self._journal.append(write)

    def _position(self) -> tuple[int, int]:
        """Epoch and seq, also while the document is being loaded again."""
        return (self._replica.epoch, self._replica.seq) if self._replica else self._remembered

    def _written(self, batch: Batch, written: Written) -> None:
        """The one step after a commit: to other processes, to the senders, to everybody else."""
        now = asyncio.get_running_loop().time()
        self.last_edit_at = now
        self.was_edited = True
        if self.unsettled_since is None:
            self.unsettled_since = now
        missed = self._take_rows(written.missed)
        if self._replica is not None:
            self._replica.seq = max(self._replica.seq, written.last_seq)
        update = merge([change for change, _ in batch.changes])
        self._tell(hints.RowsHint(self._position()[0], written.first_seq, written.last_seq, update))
        self._tell_clients(batch, update, seq=written.last_seq, missed=missed)
        for row in written.missed:
            self._notice(row)

    def _tell_clients(self, batch: Batch, update: bytes, *, seq: int = 0, missed: bytes = b"") -> None:
        if missed:
            self._broadcast(frames.sync_update(missed))
        if update:
            self._broadcast(frames.sync_update(update), skip=batch.only_sender())
        for socket, count in batch.acks.items():
            socket.send_extension(frames.acknowledged(count, seq or self.seq))
        for socket, reply in batch.replies:
            socket.send(reply)

    def _broadcast(self, frame: bytes, *, skip: Socket | None = None) -> None:
        for socket in self.sockets:
            if socket is not skip:
                socket.send(frame)

    # ---- other writers

    async def _on_hint(self, hint: hints.Hint) -> None:
        match hint:
            case hints.RowsHint(epoch) if epoch > self.epoch > 0:
                self.end(Close.STALE_EPOCH)
            case hints.RowsHint(epoch, first, last, update):
                if epoch == self.epoch and first == self.seq + 1 and update:
                    self._show_rows([Row(last, update)])
                elif last > self.seq:
                    await self._pull()
            case hints.PresenceHint(states):
                if self._presence.told(states):
                    self._schedule_presence()
            case hints.WhoHint():
                self.repeat_presence()
            case hints.NewsHint(topic):
                for socket in self.sockets:
                    socket.send_extension(frames.news(topic))

    async def catch_up(self, epoch: int, seq: int) -> None:
        """The journal's head as the hub's poll saw it."""
        if self._replica is None or self._flush_lock.locked():
            return
        if epoch != self._replica.epoch:
            self.end(Close.STALE_EPOCH)
        elif seq > self._replica.seq:
            await self._pull()

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

    def _take_rows(self, rows: list[Row]) -> bytes:
        """Apply rows from the journal; a document they break is loaded anew."""
        if self._replica is None or not rows:
            return merge([row.body for row in rows]) if rows else b""
        try:
            return self._replica.catch_up(rows)
        except (DocumentBrokenError, UpdateRejectedError, WireError):
            self._broken(None)
            return merge([row.body for row in rows])

    # ---- presence

    def _schedule_presence(self) -> None:
        if self._presence_timer is None:
            loop = asyncio.get_running_loop()
            self._presence_timer = loop.call_later(self._limits.tick_s, self._flush_presence)

    def _flush_presence(self) -> None:
        self._presence_timer = None
        if own := self._presence.flush(self.sockets):
            self._tell(hints.PresenceHint(own))

    def repeat_presence(self) -> None:
        """Say again who is here, so that other processes do not let the states expire."""
        if own := self._presence.own():
            self._tell(hints.PresenceHint(own))

    def expire_presence(self) -> None:
        if self._presence.expire():
            self._schedule_presence()

    def _tell(self, hint: hints.Hint) -> None:
        self._bus.publish(hints.channel(self.flow_id), hints.encode(self._process, hint))

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

    async def _reload(self) -> None:
        try:
            await self.load()
        except DocumentGoneError:
            self.end(Close.GONE)
        except DocumentQuarantinedError:
            self.end(Close.QUARANTINED)
        except JournalUnavailableError:
            self.end(Close.UNAVAILABLE)
