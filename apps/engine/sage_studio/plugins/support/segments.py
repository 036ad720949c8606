"""A file in the making that survives a crash: kept in content-addressed pieces until it is whole.

Pieces are put under their own hash, so putting one twice changes nothing, and a checkpoint need only
name them. What has not filled a piece yet is part of the checkpoint itself.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

from sage_studio.kernel import Json
from sage_studio.sdk import BlobStore

PIECE_BYTES = 4 << 20


class Segments:
    """``append`` what is written, ``settle`` now and then, ``content`` at the end."""

    def __init__(self, blobs: BlobStore, mime: str, *, piece_bytes: int = PIECE_BYTES) -> None:
        self._blobs = blobs
        self._mime = mime
        self._piece_bytes = piece_bytes
        self._keys: list[str] = []
        self._open = bytearray()
        self.size_bytes = 0

    def append(self, content: bytes) -> None:
        self._open += content
        self.size_bytes += len(content)

    async def settle(self) -> None:
        """Put full pieces away, so that memory does not grow."""
        while len(self._open) >= self._piece_bytes:
            piece = bytes(self._open[: self._piece_bytes])
            self._keys.append(await self._blobs.put(piece, mime=self._mime))
            del self._open[: self._piece_bytes]

    async def content(self) -> AsyncIterator[bytes]:
        """Everything, piece by piece."""
        for key in self._keys:
            yield await self._blobs.get(key)
        if self._open:
            yield bytes(self._open)

    def state(self) -> Json:
        """JSON for a checkpoint; ``load`` takes it back."""
        return {
            "pieces": list(self._keys),
            "open": base64.b64encode(bytes(self._open)).decode(),
            "size_bytes": self.size_bytes,
        }

    def load(self, state: Any) -> None:
        self._keys = list(state["pieces"])
        self._open = bytearray(base64.b64decode(state["open"]))
        self.size_bytes = state["size_bytes"]
