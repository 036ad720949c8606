"""What Daphne does with WebSocket messages, bounded by direction and shortened on the way out.

Daphne knows one size limit and holds it against what the server sends as well: a document that has
grown beyond it would never open again. Here it is for what clients send only; what we send is
bounded where it is made.

A room sends the same few bytes to fifty sockets sixty times a second. By Daphne's way each copy becomes a
reply, a frame of its own, a buffer, and two turns of the loop that ask the system whether it may be
written (measured: a tenth of a millisecond). Nearly always it may: so the frame, made once, goes to the
system at once, and only what it does not take goes the long way.
"""

from __future__ import annotations

import struct
from typing import Any

from autobahn.exception import Disconnected
from daphne import ws_protocol
from twisted.internet.tcp import Connection

_TEXT, _BINARY = 0x81, 0x82


class ShortWay(ws_protocol.WebSocketProtocol):
    """Daphne's connection, which writes our messages itself."""

    maxMessagePayloadSize: int  # noqa: N815 - Autobahn's name
    transport: Any

    def serverSend(self, content: str | bytes, binary: bool = False) -> None:  # noqa: N802 - Daphne's name
        if self.state == self.STATE_CONNECTING:
            self.serverAccept()
        if self._has_short_way():
            self._write(_framed(content) if isinstance(content, bytes) else _frame(_TEXT, content.encode()))
            return
        # Without a limit while it sends, which happens in one step.
        limit, self.maxMessagePayloadSize = self.maxMessagePayloadSize, 0
        try:
            super().serverSend(content, binary)
        finally:
            self.maxMessagePayloadSize = limit

    def write_now(self, payload: bytes) -> None:
        """Send a binary message in this very step. Raises Disconnected when the client has gone."""
        if self._has_short_way():
            self._write(_framed(payload))
        else:
            self.serverSend(payload, binary=True)

    def _has_short_way(self) -> bool:
        """Whether frames are written as they are: no compression, no TLS of our own. Raises Disconnected."""
        if self.state != self.STATE_OPEN:
            raise Disconnected("the client has gone")
        return (
            self._perMessageCompress is None
            and isinstance(self.transport, Connection)
            and not self.transport.TLS
        )

    def _write(self, frame: bytes) -> None:
        """Never out of turn: behind anything that still waits it waits as well."""
        transport = self.transport
        # Twisted does not say otherwise whether anything waits.
        waiting = self.send_queue or transport.dataBuffer or transport._tempDataBuffer  # noqa: SLF001
        if waiting or not transport.connected:
            self.sendData(frame)
            return
        sent = transport.writeSomeData(frame)
        if not isinstance(sent, int):
            sent = 0  # the connection is broken; Twisted finds out, and tells, when it tries
        if sent < len(frame):
            self.sendData(frame[sent:])


def _frame(head: int, payload: bytes) -> bytes:
    """One unmasked frame, as servers send (RFC 6455, 5.2)."""
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", head, size) + payload
    if size < 65536:
        return struct.pack("!BBH", head, 126, size) + payload
    return struct.pack("!BBQ", head, 127, size) + payload


class _Newest:
    """The last message framed: the next one is mostly the same, for another socket."""

    payload = b""
    frame = _frame(_BINARY, b"")


def _framed(payload: bytes) -> bytes:
    if payload is not _Newest.payload:
        _Newest.payload, _Newest.frame = payload, _frame(_BINARY, payload)
    return _Newest.frame


def use_short_way() -> None:
    """Call before Daphne starts to listen."""
    ws_protocol.WebSocketFactory.protocol = ShortWay
