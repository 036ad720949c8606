"""Unpacks an answer's body while it arrives, never further than its limit."""

from __future__ import annotations

import zlib
from typing import Protocol

from sage_studio.egress.errors import BAD_ANSWER, TOO_LARGE
from sage_studio.kernel import SageError


class _Decompressor(Protocol):
    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes: ...


class Unpacker:
    """Feed it raw chunks. Raises SageError ``http.too_large`` or ``http.bad_answer``."""

    def __init__(self, encoding: str, host: str, limit_bytes: int) -> None:
        self._host = host
        self._limit = limit_bytes
        self._left = limit_bytes
        self._decompressor = self._for(encoding.strip().lower())
        self._is_deflate = encoding.strip().lower() == "deflate"

    def _for(self, encoding: str) -> _Decompressor | None:
        if encoding in {"", "identity"}:
            return None
        if encoding in {"gzip", "x-gzip"}:
            return zlib.decompressobj(16 + zlib.MAX_WBITS)
        if encoding == "deflate":
            return zlib.decompressobj()
        raise SageError(BAD_ANSWER, {"host": self._host, "reason": f"it is packed as {encoding[:50]}"})

    def feed(self, chunk: bytes) -> bytes:
        """What this chunk adds to the body."""
        part = chunk if self._decompressor is None else self._unpack(self._decompressor, chunk)
        self._left -= len(part)
        if self._left < 0:
            raise SageError(TOO_LARGE, {"host": self._host, "limit_bytes": self._limit})
        return part

    def _unpack(self, decompressor: _Decompressor, chunk: bytes) -> bytes:
        try:
            return decompressor.decompress(chunk, self._left + 1)
        except zlib.error as error:
            if self._is_deflate and self._left == self._limit:
                # Some servers mean the bare format when they say deflate.
                self._decompressor, self._is_deflate = zlib.decompressobj(-zlib.MAX_WBITS), False
                return self._unpack(self._decompressor, chunk)
            raise SageError(BAD_ANSWER, {"host": self._host, "reason": "its packing is broken"}) from error
