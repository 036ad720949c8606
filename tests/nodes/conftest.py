"""Fixtures for node tests: a host over a folder of the test, and real servers on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sage_studio.plugins.local_host import LocalHost
from tests.servers.http import ScriptedServer

ENVIRON = {"SAGE_ALLOW_PRIVATE_NETWORK": "127.0.0.0/8"}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[LocalHost]:
    """A host that may reach loopback and writes below ``tmp_path/out``."""
    with LocalHost(folder=tmp_path / "out", environ=ENVIRON) as made:
        yield made


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """An HTTP server that answers by script and remembers what it was asked."""
    with ScriptedServer() as running:
        yield running
