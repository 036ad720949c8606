"""A server that does not keep to any protocol."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def rude_server(say: bytes, *, close: bool) -> Iterator[int]:
    """The port of one that says something to everybody, then hangs up or stays silent."""
    listener = socket.create_server(("127.0.0.1", 0))
    held: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                client, _from = listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError):
                client.sendall(say)
            if close:
                client.close()
            else:
                held.append(client)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        for client in held:
            client.close()
