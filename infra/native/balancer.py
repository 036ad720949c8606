"""A plain balancer: ``python -m infra.native.balancer PORT UPSTREAM…``.

Stands in for nginx in the native layout where that is not installed: connections go to the upstreams
in turn, and past one that refuses. Of what it carries it reads only the first request of a connection,
because one that may be asked twice is asked again when its process dies before it says anything.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Iterator, Sequence

CHUNK_BYTES = 65536
MAY_BE_ASKED_TWICE = (b"GET ", b"HEAD ")
UNANSWERED = b"HTTP/1.1 503 Service Unavailable\r\n"
LOST = b"HTTP/1.1 502 Bad Gateway\r\n"
NOTHING_MORE = b"Content-Length: 0\r\nConnection: close\r\n\r\n"

Far = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Balancer:
    """Hands each connection to the next upstream that takes it."""

    def __init__(self, upstreams: Sequence[int]) -> None:
        self._count = len(upstreams)
        self._turns: Iterator[int] = itertools.cycle(upstreams)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            writer.close()
            return
        for _ in range(self._count):
            far = await self._connect()
            if far is None:
                continue
            if not head.startswith(MAY_BE_ASKED_TWICE):
                far[1].write(head)
                await splice_both((reader, writer), far, if_silent=LOST + NOTHING_MORE)
                return
            if first := await ask(far, head):
                writer.write(first)
                await splice_both((reader, writer), far)
                return
        writer.write(UNANSWERED + NOTHING_MORE)
        writer.close()

    async def _connect(self) -> Far | None:
        try:
            return await asyncio.open_connection("127.0.0.1", next(self._turns))
        except OSError:
            return None


async def ask(far: Far, head: bytes) -> bytes:
    """The beginning of the answer; nothing when the far end went away without one."""
    far_reader, far_writer = far
    try:
        far_writer.write(head)
        first = await far_reader.read(CHUNK_BYTES)
    except ConnectionError:
        first = b""
    if not first:
        far_writer.close()
    return first


async def splice_both(near: Far, far: Far, *, if_silent: bytes = b"") -> None:
    """Both directions until both are over; ``if_silent`` is said when the far end closes unheard."""
    async with asyncio.TaskGroup() as both:
        both.create_task(splice(near[0], far[1]))
        both.create_task(splice(far[0], near[1], if_silent=if_silent))


async def splice(
    source: asyncio.StreamReader, target: asyncio.StreamWriter, *, if_silent: bytes = b""
) -> None:
    """Copies until either end is done; closing the target ends the other direction as well."""
    instead = if_silent
    try:
        while chunk := await source.read(CHUNK_BYTES):
            instead = b""
            target.write(chunk)
            await target.drain()
    except ConnectionError:
        pass
    finally:
        target.write(instead)
        target.close()


async def serve(port: int, upstreams: Sequence[int]) -> None:
    server = await asyncio.start_server(Balancer(upstreams).handle, "127.0.0.1", port, limit=CHUNK_BYTES)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), [int(value) for value in sys.argv[2:]]))
