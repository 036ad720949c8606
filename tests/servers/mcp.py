"""Real MCP servers, by the ``mcp`` library: over streamable HTTP in this process, and as a program."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from mcp.server.mcpserver import MCPServer

from tests.servers.starting import START_WITHIN_S, free_port

PROGRAM = '''
import os, socket
from mcp.server.mcpserver import MCPServer
server = MCPServer("things")

@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b

@server.tool()
def look() -> dict[str, str]:
    """What can be seen from inside."""
    try:
        socket.create_connection(("1.1.1.1", 80), timeout=1)
        network = "open"
    except OSError:
        network = "shut"
    return {"network": network, "files": str(os.path.exists("/etc/passwd")), "names": " ".join(os.environ)}

server.run("stdio")
'''


def things() -> MCPServer:
    server = MCPServer("things")
    server.tool()(add)
    server.tool()(fail)
    return server


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def fail() -> str:
    """Never works."""
    raise ValueError("it is out of order")


@contextmanager
def over_http(tools: MCPServer | None = None) -> Iterator[str]:
    """The address of a server; it ends with the block."""
    port = free_port()
    app = (tools or things()).streamable_http_app()
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + START_WITHIN_S
    while not server.started:
        assert thread.is_alive(), "the MCP server ended"
        assert time.monotonic() < deadline, "the MCP server does not start"
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        server.should_exit = True
        thread.join()
