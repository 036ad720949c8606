"""Messages between a worker process and whoever started it: a length, then so many bytes.

Shared with programs that run without the rest of ``sage_studio``: standard library only.
"""

from __future__ import annotations

import socket
import struct

HEAD = struct.Struct("!I")
MOST_BYTES = 512 << 20


class BrokenFrame(Exception):
    """The other side is gone, or said something that is no message."""


def send(sock: socket.socket, *parts: bytes) -> None:
    for part in parts:
        sock.sendall(HEAD.pack(len(part)))
        sock.sendall(part)


def receive(sock: socket.socket) -> bytes:
    """Raises BrokenFrame at the end."""
    (length,) = HEAD.unpack(_exactly(sock, HEAD.size))
    if length > MOST_BYTES:
        raise BrokenFrame
    return _exactly(sock, length)


def _exactly(sock: socket.socket, count: int) -> bytes:
    held = bytearray(count)
    view = memoryview(held)
    at = 0
    while at < count:
        got = sock.recv_into(view[at:])
        if not got:
            raise BrokenFrame
        at += got
    return bytes(held)
