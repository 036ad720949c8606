"""One open document: who is connected, what changed, and when it is safe to say so.

An update is parsed, scanned, judged and applied as it arrives (``receiving``), then waits for the
room's tick. The tick's batch is committed to the journal, and only then, in one step, told to other
processes, acknowledged to its senders and sent to everybody else (``ticking``): what a person sees of
others is on disk. ``core`` holds what both share; here a room lives, and people come and go.
"""

from __future__ import annotations

import asyncio

import structlog

from apps.collaboration.documents.library import DocumentBrokenError, UpdateRejectedError
from apps.collaboration.rooms import hints
from apps.collaboration.rooms.core import State
from apps.collaboration.rooms.ports import (
    DocumentGoneError,
    DocumentQuarantinedError,
    JournalUnavailableError,
    Row,
)
from apps.collaboration.rooms.receiving import Receiving
from apps.collaboration.rooms.replica import Replica
from apps.collaboration.rooms.socket import Close, Socket
from apps.collaboration.rooms.ticking import Ticking
from apps.collaboration.wire import frames
from apps.collaboration.wire.varints import WireError
from sage_studio.kernel import JsonObject

__all__ = ["Room", "State"]

log = structlog.get_logger(__name__)


class Room(Receiving, Ticking):
    """One flow's document in this process. All methods run on the event loop.

    ``load`` and ``shut`` are called by the hub under the flow's lock; ``run`` is the room's task.
    """

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

    async def _reload(self) -> None:
        try:
            await self.load()
        except DocumentGoneError:
            self.end(Close.GONE)
        except DocumentQuarantinedError:
            self.end(Close.QUARANTINED)
        except JournalUnavailableError:
            self.end(Close.UNAVAILABLE)

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

    # ---- other processes

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

    def repeat_presence(self) -> None:
        """Say again who is here, so that other processes do not let the states expire."""
        if own := self._presence.own():
            self._tell(hints.PresenceHint(own))

    def expire_presence(self) -> None:
        if self._presence.expire():
            self._schedule_presence()
