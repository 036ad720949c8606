"""The web process refuses endless bodies while they arrive."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def web(tmp_path: Path) -> Iterator[int]:
    """A web process of its own that takes uploads of at most 1 MB; its port."""
    port = _free_port()
    environ = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environ |= {"SAGE_DATA_DIR": str(tmp_path), "SAGE_PORT": str(port), "SAGE_MAX_UPLOAD_MB": "1"}
    command = [sys.executable, "-m", "studio_project.serve", "web", "--migrate"]
    process = subprocess.Popen(
        command, cwd=REPOSITORY, env=environ, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(1200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(60)


def send(port: int, head: bytes, chunk: bytes, times: int) -> tuple[bytes, int]:
    """What the server says, and how many chunks it let us send."""
    sent = 0
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        try:
            connection.sendall(head)
            for _ in range(times):
                connection.sendall(chunk)
                sent += 1
        except OSError:
            pass
        try:
            return connection.recv(4096), sent
        except OSError:
            return b"", sent


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_body_larger_than_an_upload_is_refused_while_it_arrives(web: int, tmp_path: Path) -> None:
    line = b"POST /api/v1/workspaces HTTP/1.1\r\nHost: localhost\r\n"
    announced = send(web, line + b"Content-Length: 900000000\r\n\r\n", b"", 0)
    assert announced[0].startswith(b"HTTP/1.1 413")
    assert b'"code": "request.too_large"' in announced[0]
    piece = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    _answer, sent = send(web, line + b"Transfer-Encoding: chunked\r\n\r\n", piece, 400)
    assert sent < 400
    healthy = send(web, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", b"", 0)
    assert healthy[0].startswith(b"HTTP/1.1 200")
