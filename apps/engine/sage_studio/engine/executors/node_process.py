"""A process that runs nodes for a run elsewhere: ``python -m sage_studio.engine.executors.node_process``.

    --fd N        talk over the inherited socket N, one call after another (worker of a process pool)
    --connect     dial the address in SAGE_NODE_HOME, show the token, run one call (a pod)

A thread reads, the main thread runs the node and its event loop; writing happens at once from any
thread, so that a line logged in the middle of a long computation arrives. The process ends when the
other side is gone: nobody would hear the result.
"""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import os
import socket
import ssl
import sys
import threading
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any

from sage_studio.engine.executors.away import RemoteContext, perform
from sage_studio.engine.executors.conversation import Conversation
from sage_studio.engine.executors.errors import NOT_OFFERED
from sage_studio.engine.executors.frames import HEADER_BYTES, PROTOCOL, Message, decode, frame_size
from sage_studio.engine.executors.home import (
    ADDRESS_VARIABLE,
    AUTHORITY_VARIABLE,
    CANCEL,
    HELLO,
    RUN,
    TOKEN_VARIABLE,
)
from sage_studio.kernel import SageError

HOME_IS_GONE = 3
_CONNECT_TIMEOUT_S = 20.0


class NodeProcess:
    """One end of a socket; ``calls`` is how many it may run (0: any number)."""

    def __init__(self, connection: socket.socket, *, calls: int = 0, token: str = "") -> None:
        self._socket = connection
        self._calls = calls
        self._token = token
        self._sending = threading.Lock()
        self._context: RemoteContext | None = None
        self._task: asyncio.Task[Any] | None = None
        self._done = asyncio.Event()

    async def work(self) -> None:
        """Talk until the calls are done or the other side hangs up."""
        async with asyncio.TaskGroup() as group:
            talk = Conversation(self._send, group, answer=self._answer, hear=lambda _method, _value: None)
            self._talk = talk
            loop = asyncio.get_running_loop()
            threading.Thread(target=self._read, args=(loop,), name="home", daemon=True).start()
            talk.tell(HELLO, {"protocol": PROTOCOL, "pid": os.getpid(), "token": self._token})
            await self._done.wait()

    def _send(self, frame: bytes) -> None:
        with self._sending:
            try:
                self._socket.sendall(frame)
            except OSError:
                _leave()

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        """In a thread of its own: a node that computes holds up the loop, but not this."""
        try:
            while (message := read_message(self._socket)) is not None:
                if message.kind == "tell" and message.method == CANCEL:
                    self._cancel(loop)
                else:
                    loop.call_soon_threadsafe(self._talk.take, message)
        except (OSError, SageError, RuntimeError):
            _leave()
        _leave()

    def _cancel(self, loop: asyncio.AbstractEventLoop) -> None:
        context, task = self._context, self._task
        if context is not None and task is not None:
            context.cancelled = True
            loop.call_soon_threadsafe(task.cancel)

    async def _answer(self, method: str, value: Any) -> Any:
        if method != RUN:
            raise SageError(NOT_OFFERED, {"method": method})
        return await self._run(value)

    async def _run(self, call: Mapping[str, Any]) -> Any:
        self._context = RemoteContext(call, self._talk)
        self._task = asyncio.current_task()
        try:
            return await self.perform(call, self._context)
        except asyncio.CancelledError:
            raise InterruptedError("cancelled") from None
        finally:
            self._context = self._task = None
            if self._calls == 1:
                asyncio.get_running_loop().call_soon(self._done.set)

    async def perform(self, call: Mapping[str, Any], context: RemoteContext) -> Mapping[str, Any]:
        """Run the node a call names, here and now."""
        return await perform(call, context)


def _leave() -> None:
    os._exit(HOME_IS_GONE)


def read_message(connection: socket.socket) -> Message | None:
    """The next message, or None when the other side has hung up."""
    header = _read_exactly(connection, HEADER_BYTES)
    if header is None:
        return None
    rest = _read_exactly(connection, frame_size(bytes(header)))
    return None if rest is None else decode(bytes(rest))


def _read_exactly(connection: socket.socket, size: int) -> bytearray | None:
    buffer = bytearray(size)
    view = memoryview(buffer)
    at = 0
    while at < size:
        count = connection.recv_into(view[at:])
        if not count:
            return None
        at += count
    return buffer


async def relay(environ: Mapping[str, str], inner: socket.socket) -> None:
    """Connect to the run's process and carry bytes between it and ``inner`` until both are silent. With
    an authority given, only the server it vouches for will do."""
    host, _, port = environ[ADDRESS_VARIABLE].rpartition(":")
    secure = None
    if authority := environ.get(AUTHORITY_VARIABLE):
        secure = ssl.create_default_context(cadata=authority)
        secure.check_hostname = False  # the certificate is pinned: only its maker can answer
    async with asyncio.timeout(_CONNECT_TIMEOUT_S):
        home = await asyncio.open_connection(host.strip("[]"), int(port), ssl=secure)
    home[1].get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    node = await asyncio.open_connection(sock=inner)
    async with asyncio.TaskGroup() as group:
        group.create_task(_carry(home[0], node[1]))
        await _carry(node[0], home[1])
        home[1].close()
        await home[1].wait_closed()


async def _carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while piece := await source.read(1 << 16):
            sink.write(piece)
            await sink.drain()
    sink.close()


def run_connected(environ: Mapping[str, str], token: str) -> None:
    """One call of the run's process at the address in the environment. The way there has a thread and a
    loop of its own: an encrypted connection may not be read and written by two threads."""
    inner, outer = socket.socketpair()
    carrier = threading.Thread(target=lambda: _loop(relay(environ, outer)), name="relay")
    carrier.start()
    _loop(NodeProcess(inner, calls=1, token=token).work())
    inner.shutdown(socket.SHUT_WR)
    carrier.join(_CONNECT_TIMEOUT_S)


def _loop(work: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner() as runner:
        runner.run(work)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Run nodes for a run elsewhere.")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--fd", type=int)
    where.add_argument("--connect", action="store_true")
    given = parser.parse_args(arguments)
    faulthandler.enable()
    if given.connect:
        run_connected(os.environ, os.environ.pop(TOKEN_VARIABLE, ""))
    else:
        _loop(NodeProcess(socket.socket(fileno=given.fd)).work())
    return 0


if __name__ == "__main__":
    sys.exit(main())
