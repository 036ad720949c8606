"""The home side of a socket: frames in and out on the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from sage_studio.engine.executors.frames import HEADER_BYTES, MAX_FRAME_BYTES, Message, decode, frame_size


class SocketLink:
    """A ``Link`` over a stream pair; ``why`` finds out what became of the other side, which may send
    messages of up to ``limit`` bytes."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        why: Callable[[], Awaitable[Exception]],
        *,
        limit: int = MAX_FRAME_BYTES,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._why = why
        self._limit = limit

    def send(self, frame: bytes) -> None:
        self._writer.write(frame)

    async def receive(self, limit: int = 0) -> Message | None:
        """Raises SageError ``executor.bad_message``, for a frame of more than ``limit`` bytes too (0: the
        link's own)."""
        try:
            header = await self._reader.readexactly(HEADER_BYTES)
            return decode(await self._reader.readexactly(frame_size(header, limit or self._limit)))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def lost(self) -> Exception:
        return await self._why()

    def close(self) -> None:
        self._writer.close()
