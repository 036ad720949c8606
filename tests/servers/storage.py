"""An S3-compatible server (moto), in a thread of the test process."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from moto.server import ThreadedMotoServer

from tests.servers.starting import free_port


@contextlib.contextmanager
def s3() -> Iterator[str]:
    """Its address. Any key and secret will do."""
    port = free_port()
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop()
