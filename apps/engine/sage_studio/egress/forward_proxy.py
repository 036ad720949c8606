"""A proxy on loopback for libraries with a network stack of their own.

Such a library is told to use it, and every connection it wants is looked up and checked by us; the proxy
connects to the checked address. It lives as long as its block, and answers only to whoever knows its
secret, which is part of ``url``. Encrypted connections pass through as they are (CONNECT), so the library
itself checks the certificate against the real name.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit

from sage_studio.egress.errors import TIMEOUT
from sage_studio.kernel import SageError

# (host, port) → the address to connect to; raises SageError when it may not be reached.
Resolve = Callable[[str, int], Awaitable[str]]
_HEAD_BYTES = 64 << 10
_HEAD_TIMEOUT_S = 30.0
_CONNECT_TIMEOUT_S = 10.0
_CLOSE_TIMEOUT_S = 2.0
_PIECE_BYTES = 1 << 16
_HOP_BY_HOP = frozenset({b"connection", b"keep-alive", b"upgrade", b"te", b"trailer"})


class _Refused(Exception):
    """Why a connection is not made, as an HTTP status."""

    def __init__(self, status: str) -> None:
        super().__init__(status)
        self.status = status


class ForwardProxy:
    """An asynchronous context manager; ``url`` is what the library is given as its proxy."""

    def __init__(self, resolve: Resolve) -> None:
        self._resolve = resolve
        self._secret = secrets.token_urlsafe(24)
        self._server: asyncio.Server | None = None
        self._talks: dict[asyncio.Future[None], asyncio.StreamWriter] = {}
        self._is_over = False
        self.refused: list[SageError] = []
        """Why connections were not made, for a better message than the library's."""

    @property
    def url(self) -> str:
        assert self._server is not None, "the proxy is open"
        port = self._server.sockets[0].getsockname()[1]
        return f"http://sage:{self._secret}@127.0.0.1:{port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=_HEAD_BYTES)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_over = True
        if self._server is not None:
            self._server.close()
        talks = list(self._talks.items())
        for talk, writer in talks:
            talk.cancel()
            writer.transport.abort()
        await asyncio.gather(*(talk for talk, _writer in talks), return_exceptions=True)
        await asyncio.sleep(0)  # connections that were dropped hear of it in the next round of the loop

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """No coroutine: a connection that is accepted while the block ends would have a task that never
        began, and nobody to close it."""
        if self._is_over:
            writer.transport.abort()
            return
        talk = asyncio.ensure_future(self._talk(reader, writer))  # noqa: TID251 - ends with the block
        self._talks[talk] = writer
        talk.add_done_callback(self._talks.pop)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._serve(reader, writer)
        except _Refused as refusal:
            with suppress(OSError):
                writer.write(
                    f"HTTP/1.1 {refusal.status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
                )
                await writer.drain()
        except (OSError, EOFError, ValueError):
            pass  # whoever asked is gone, or does not speak HTTP: closing says it
        finally:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_HEAD_TIMEOUT_S):
                head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError as error:
            raise _Refused("431 Request Header Fields Too Large") from error
        first, *lines = head[:-4].split(b"\r\n")
        method, target, _version = first.decode("latin-1").split(" ")
        self._authorize(lines)
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            far_reader, far_writer = await self._connect(host, int(port))
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            far_reader, far_writer = await self._connect(*_place_of(target))
            far_writer.write(_forwarded(method, target, lines))
        await _relay((reader, writer), (far_reader, far_writer))

    def _authorize(self, lines: list[bytes]) -> None:
        expected = b"Basic " + base64.b64encode(f"sage:{self._secret}".encode())
        given = next((value for name, value in map(_split, lines) if name == b"proxy-authorization"), b"")
        if not hmac.compare_digest(given, expected):
            raise _Refused("407 Proxy Authentication Required")

    async def _connect(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            address = await self._resolve(host.strip("[]"), port)
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                return await asyncio.open_connection(address, port)
        except SageError as error:
            self.refused.append(error)
            raise _Refused("403 Forbidden") from error
        except TimeoutError as error:
            self.refused.append(SageError(TIMEOUT, {"host": host, "timeout_s": _CONNECT_TIMEOUT_S}))
            raise _Refused("504 Gateway Timeout") from error
        except OSError as error:
            raise _Refused("502 Bad Gateway") from error


def _place_of(target: str) -> tuple[str, int]:
    parts = urlsplit(target)
    if parts.scheme != "http" or not parts.hostname:
        raise _Refused("400 Bad Request")
    return parts.hostname, parts.port or 80


def _split(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name.strip().lower(), value.strip()


def _forwarded(method: str, target: str, lines: list[bytes]) -> bytes:
    """The request as its server is to see it; one per connection."""
    parts = urlsplit(target)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    kept = [
        line
        for line in lines
        if (name := _split(line)[0]) not in _HOP_BY_HOP and not name.startswith(b"proxy-")
    ]
    first = f"{method} {path} HTTP/1.1".encode("latin-1")
    return b"\r\n".join([first, *kept, b"Connection: close", b"", b""])


async def _relay(
    near: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    far: tuple[asyncio.StreamReader, asyncio.StreamWriter],
) -> None:
    """Carry bytes both ways until the far side has said all it has to say."""
    asking = asyncio.ensure_future(_carry(near[0], far[1]))  # noqa: TID251 - ends with this function
    try:
        await _carry(far[0], near[1])
    finally:
        asking.cancel()
        far[1].close()  # before anything is waited for: the block may end just now, and cancel this
        await asyncio.gather(asking, return_exceptions=True)
        await _closed(far[1])


async def _closed(writer: asyncio.StreamWriter) -> None:
    """Hang up; what nobody reads is not waited for."""
    writer.close()
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(_CLOSE_TIMEOUT_S):
            await writer.wait_closed()
    writer.transport.abort()


async def _carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await source.read(_PIECE_BYTES):
            sink.write(piece)
            await sink.drain()
        if sink.can_write_eof():
            sink.write_eof()
