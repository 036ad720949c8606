"""Words of plug-ins that several modules use."""

from __future__ import annotations

import uuid
from enum import StrEnum


class PackageKind(StrEnum):
    """What a workspace gave: an archive with code, a declaration of requests, or a server's address."""

    ARCHIVE = "archive"
    DECLARATION = "declaration"
    MCP = "mcp"


# An archive and what it may unpack to. Vendored wheels of a few libraries fit.
MAX_PACKAGE_BYTES = 32 << 20
MAX_UNPACKED_BYTES = 128 << 20
MAX_ENTRIES = 4_000
MAX_RATIO = 200
MAX_DECLARATION_BYTES = 512 << 10
# Of one workspace.
MAX_PLUGINS = 200
MAX_VERSIONS = 20


def types_channel(workspace_id: uuid.UUID) -> str:
    """Where the bus says that a workspace's node types have changed."""
    return f"types:{workspace_id}"
