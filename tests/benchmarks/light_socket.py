"""A WebSocket client that does as little as possible, so that the server is what is measured.

It asks for no compression, sends with a mask of zeros (RFC 6455 §5.3 wants a mask, not a good one) and
hands every binary message to a callback straight from the transport.
"""

from __future__ import annotations

import asyncio
import os
import struct
from base64 import b64encode
from collections.abc import Callable, Mapping

PONG, CLOSE, PING, BINARY = 0xA, 0x8, 0x9, 0x2


class LightSocket(asyncio.Protocol):
    """One connection; ``on_message`` runs on the loop for each binary message,
    ``on_close`` once it is gone."""

    def __init__(
        self, request: bytes, on_message: Callable[[bytes], None], on_close: Callable[[], None] | None
    ) -> None:
        self._request = request
        self._on_message = on_message
        self._on_close = on_close
        self._buffer = bytearray()
        self._open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None
        self.closed = False
        self.close_code: int | None = None

    @classmethod
    async def connect(
        cls,
        host: str,
        port: int,
        path: str,
        headers: Mapping[str, str],
        on_message: Callable[[bytes], None],
        *,
        on_close: Callable[[], None] | None = None,
    ) -> LightSocket:
        """Connects and waits until the server has agreed. Raises ConnectionError when it does not."""
        lines = {
            "Host": f"{host}:{port}",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": b64encode(os.urandom(16)).decode(),
            **headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        request = f"GET {path} HTTP/1.1\r\n{head}\r\n".encode()
        loop = asyncio.get_running_loop()
        _, socket = await loop.create_connection(lambda: cls(request, on_message, on_close), host, port)
        await socket._open
        return socket

    def send(self, payload: bytes) -> None:
        assert self._transport is not None
        size = len(payload)
        if size < 126:
            head = struct.pack("!BB", 0x80 | BINARY, 0x80 | size)
        elif size < 65536:
            head = struct.pack("!BBH", 0x80 | BINARY, 0x80 | 126, size)
        else:
            head = struct.pack("!BBQ", 0x80 | BINARY, 0x80 | 127, size)
        self._transport.write(head + b"\0\0\0\0" + payload)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    # ---- asyncio.Protocol
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        if self._on_close is not None:
            self._on_close()
        if not self._open.done():
            self._open.set_exception(ConnectionError("the server hung up before it agreed"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._open.done() and not self._read_agreement():
            return
        while (message := self._next_frame()) is not None:
            opcode, payload = message
            if opcode == BINARY:
                self._on_message(payload)
            elif opcode == PING and self._transport is not None:
                self._transport.write(
                    struct.pack("!BB", 0x80 | PONG, 0x80 | len(payload)) + b"\0\0\0\0" + payload
                )
            elif opcode == CLOSE:
                if len(payload) >= 2:
                    (self.close_code,) = struct.unpack_from("!H", payload)
                self.close()

    def _read_agreement(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        first = bytes(self._buffer[: self._buffer.find(b"\r\n")])
        del self._buffer[: end + 4]
        if b" 101 " in first:
            self._open.set_result(None)
            return True
        self._open.set_exception(ConnectionError(first.decode(errors="replace")))
        return False

    def _next_frame(self) -> tuple[int, bytes] | None:
        """The next whole frame; our server never splits a message."""
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        size, start = buffer[1] & 0x7F, 2
        if size == 126:
            if len(buffer) < 4:
                return None
            size, start = struct.unpack_from("!H", buffer, 2)[0], 4
        elif size == 127:
            if len(buffer) < 10:
                return None
            size, start = struct.unpack_from("!Q", buffer, 2)[0], 10
        if len(buffer) < start + size:
            return None
        opcode, payload = buffer[0] & 0x0F, bytes(buffer[start : start + size])
        del buffer[: start + size]
        return opcode, payload
