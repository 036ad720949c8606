"""The document socket: admits a connection and carries frames between it and its room."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar
from urllib.parse import parse_qs

from autobahn.exception import Disconnected
from channels.consumer import AsyncConsumer

from apps.collaboration import errors, policies
from apps.collaboration.adapters import current_hub
from apps.collaboration.policies import Passport
from apps.collaboration.rooms.hub import HubStoppingError, StaleEpochError, TooManySocketsError
from apps.collaboration.rooms.notices import notice
from apps.collaboration.rooms.ports import (
    DocumentGoneError,
    DocumentQuarantinedError,
    JournalUnavailableError,
)
from apps.collaboration.rooms.room import Room
from apps.collaboration.rooms.socket import Close, Socket
from apps.common.errors import Forbidden, NotFound, NotSignedIn
from apps.common.policies import InWorkspace, Policy

WRITE_NOW = "sage_studio.write_now"
"""Extension of a WebSocket's scope, where the server offers it: a function that sends a binary message in
the step it is called in, without waiting."""
Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]

_CODES: dict[type[Exception], int] = {
    NotSignedIn: Close.SIGNED_OUT,
    Forbidden: Close.FORBIDDEN,
    NotFound: Close.GONE,
    DocumentGoneError: Close.GONE,
    DocumentQuarantinedError: Close.QUARANTINED,
    StaleEpochError: Close.STALE_EPOCH,
    HubStoppingError: Close.DRAIN,
    TooManySocketsError: Close.UNAVAILABLE,
    JournalUnavailableError: Close.UNAVAILABLE,
}


class DocumentConsumer(AsyncConsumer):
    """``/ws/doc/<flow_id>?epoch=N&ext=1``. Each connection is an instance of its own.

    Frames are read in a plain loop: Channels' dispatch would hop to a worker thread for every
    frame (measured: ten times the latency), and its channel layer has no part in documents.
    """

    policy: ClassVar[Policy] = InWorkspace("flow.view")

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if (await receive())["type"] != "websocket.connect":
            return
        hub = current_hub()
        try:
            passport = await hub.reads.call(policies.admit, scope, scope["url_route"]["kwargs"]["flow_id"])
        except (NotSignedIn, Forbidden, NotFound, JournalUnavailableError) as error:
            await send({"type": "websocket.accept"})  # a refused handshake carries no close code
            await send({"type": "websocket.close", "code": _CODES[type(error)]})
            return
        await send({"type": "websocket.accept"})
        await _Connection(scope, receive, send, passport).serve()


class _Connection:
    """One admitted client until it goes."""

    def __init__(self, scope: dict[str, Any], receive: Receive, send: Send, passport: Passport) -> None:
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        self._flow_id: uuid.UUID = scope["url_route"]["kwargs"]["flow_id"]
        self._epoch = _number(query.get("epoch", [""])[0])
        self._receive = receive
        self._send = send
        self._write: Callable[[bytes], None] | None = scope.get("extensions", {}).get(WRITE_NOW)
        self._passport = passport
        self._hub = current_hub()
        self._socket = Socket(
            who=passport.who,
            role=passport.role,
            may_edit=policies.may_edit(passport.role),
            extended=query.get("ext") == ["1"],
            limits=self._hub.hub.limits,
            deliver=self._deliver,
            hang_up=self._hang_up,
            write_now=self._write_now if self._write is not None else None,
        )

    async def serve(self) -> None:
        self._hub.remember(self._socket, self._passport)
        try:
            room = await self._hub.hub.join(self._flow_id, self._socket, epoch=self._epoch)
        except tuple(_CODES) as error:
            if self._socket.extended and (why := self._why(error)) is not None:
                await self._deliver(why)
            await self._hang_up(_CODES[type(error)])
            return
        try:
            await self._read(room)
        finally:
            self._hub.hub.leave(room, self._socket)

    def _why(self, error: Exception) -> bytes | None:
        """What the client may show, where the close code does not say it all."""
        if isinstance(error, DocumentQuarantinedError):
            return notice(errors.QUARANTINED)
        if isinstance(error, TooManySocketsError):
            return notice(errors.TOO_MANY_SOCKETS, {"count": self._hub.hub.limits.sockets_per_person})
        return None

    async def _read(self, room: Room) -> None:
        while True:
            message = await self._receive()
            if message["type"] == "websocket.disconnect":
                return
            if message["type"] == "websocket.receive":
                data = message.get("bytes")
                if data is None:
                    self._socket.close(Close.MALFORMED)
                else:
                    await room.receive(self._socket, data)

    def _write_now(self, frame: bytes) -> None:
        assert self._write is not None
        try:
            self._write(frame)
        except Disconnected:
            self._socket.close(Close.UNAVAILABLE)

    async def _deliver(self, frame: bytes) -> None:
        await self._tell({"type": "websocket.send", "bytes": frame})

    async def _hang_up(self, code: int) -> None:
        await self._tell({"type": "websocket.close", "code": code})

    async def _tell(self, message: dict[str, Any]) -> None:
        """Send, unless the client has gone meanwhile: Daphne tells so by an exception of its own."""
        try:
            await self._send(message)
        except (OSError, Disconnected):
            self._socket.close(Close.UNAVAILABLE)


def _number(text: str) -> int | None:
    """The epoch of the address; anything that is no number counts as a lineage of its own."""
    if not text:
        return None
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
