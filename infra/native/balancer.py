"""A plain TCP balancer: ``python -m infra.native.balancer PORT UPSTREAM…``.

Stands in for nginx in the native layout where that is not installed: connections go to the upstreams
in turn, and past one that refuses. It does not look into what it carries.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Iterator, Sequence

CHUNK_BYTES = 65536


class Balancer:
    """Hands each connection to the next upstream that takes it."""

    def __init__(self, upstreams: Sequence[int]) -> None:
        self._count = len(upstreams)
        self._turns: Iterator[int] = itertools.cycle(upstreams)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(self._count):
            try:
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", next(self._turns))
            except OSError:
                continue
            async with asyncio.TaskGroup() as both:
                both.create_task(splice(reader, far_writer))
                both.create_task(splice(far_reader, writer))
            return
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()


async def splice(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Copies until either end is done; closing the target ends the other direction as well."""
    try:
        while chunk := await source.read(CHUNK_BYTES):
            target.write(chunk)
            await target.drain()
    except ConnectionError:
        pass
    finally:
        target.close()


async def serve(port: int, upstreams: Sequence[int]) -> None:
    server = await asyncio.start_server(Balancer(upstreams).handle, "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), [int(value) for value in sys.argv[2:]]))
