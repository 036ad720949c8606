"""The part of a Ray cluster that runs a node: an actor that holds one end of a conversation.

Ray carries the frames; the node itself runs in a thread of the actor's process, over a socket pair, by
the same program as in a worker process. The cluster needs this package in the same release.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress

from sage_studio.engine.executors.node_process import NodeProcess

_PIECE = 1 << 20


class NodeActor:
    """Made a Ray actor by ``ray_cluster``. One process, one call at a time, any number of calls."""

    def __init__(self) -> None:
        inner, outer = socket.socketpair()
        outer.setblocking(False)
        self._outer = outer
        self._early: dict[int, bytes] = {}
        self._next = 0
        self._sending = asyncio.Lock()
        threading.Thread(target=_work, args=(inner,), name="node", daemon=True).start()

    async def send(self, number: int, frame: bytes) -> None:
        """Take a frame. Ray may deliver them out of order; ``number`` puts them right."""
        self._early[number] = frame
        loop = asyncio.get_running_loop()
        async with self._sending:
            while (ready := self._early.pop(self._next, None)) is not None:
                self._next += 1
                await loop.sock_sendall(self._outer, ready)

    async def receive(self) -> bytes:
        """The next bytes of the node's side, whatever their boundaries; waits for them."""
        return await asyncio.get_running_loop().sock_recv(self._outer, _PIECE)


def _work(inner: socket.socket) -> None:
    with suppress(RuntimeError), asyncio.Runner() as runner:
        runner.run(NodeProcess(inner).work())
