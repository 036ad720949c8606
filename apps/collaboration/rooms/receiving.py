"""What clients say: frames are parsed, scanned, judged and applied as they arrive."""

from __future__ import annotations

import asyncio
import uuid

import structlog

from apps.collaboration import errors
from apps.collaboration.documents.library import ROOTS, DocumentBrokenError, UpdateRejectedError
from apps.collaboration.rooms.core import RoomCore
from apps.collaboration.rooms.notices import notice, too_large
from apps.collaboration.rooms.replica import Replica, Verdict
from apps.collaboration.rooms.socket import Close, Socket
from apps.collaboration.wire import frames
from apps.collaboration.wire.frames import EMPTY_UPDATE, Presence, PresenceQuery, SyncRequest, SyncUpdate
from apps.collaboration.wire.scan import Scan, scan_update
from apps.collaboration.wire.varints import WireError

log = structlog.get_logger(__name__)

_MAX_BATCH_BYTES = 16 * 1024 * 1024


class Receiving(RoomCore):
    """Turns frames into changes of the batch and answers; the rules are the replica's."""

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
        size = replica.size_with(frame.update, limit=limits.document_bytes, spare=spare)
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
