"""Unpacks an answer's body while it arrives, never further than its limit."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

from sage_studio.egress.errors import BAD_ANSWER, TOO_LARGE
from sage_studio.kernel import SageError

# How much one packed piece may yield at once: a bomb is noticed before it fills the memory.
_STEP_BYTES = 1 << 18


class Unpacker:
    """Feed it raw chunks. Raises SageError ``http.too_large`` or ``http.bad_answer``."""

    def __init__(self, encoding: str, host: str, limit_bytes: int) -> None:
        self._host = host
        self._limit = limit_bytes
        self._left = limit_bytes
        self._decompressor = self._for(encoding.strip().lower())
        self._is_deflate = encoding.strip().lower() == "deflate"
        self._began = False

    def _for(self, encoding: str) -> Any:
        if encoding in {"", "identity"}:
            return None
        if encoding in {"gzip", "x-gzip"}:
            return zlib.decompressobj(16 + zlib.MAX_WBITS)
        if encoding == "deflate":
            return zlib.decompressobj()
        raise SageError(BAD_ANSWER, {"host": self._host, "reason": f"it is packed as {encoding[:50]}"})

    def parts(self, chunk: bytes) -> Iterator[bytes]:
        """What this chunk adds to the body, in pieces of bounded size."""
        if self._decompressor is None:
            if chunk:
                yield self._counted(chunk)
            return
        while chunk:
            part = self._unpack(chunk)
            if part:
                yield self._counted(part)
            chunk = self._decompressor.unconsumed_tail

    def end(self) -> None:
        """The body is over: what stops in the middle of its packing is broken."""
        if self._decompressor is not None and self._began and not self._decompressor.eof:
            raise self._broken()

    def _counted(self, part: bytes) -> bytes:
        self._left -= len(part)
        if self._left < 0:
            raise SageError(TOO_LARGE, {"host": self._host, "limit_bytes": self._limit})
        return part

    def _unpack(self, chunk: bytes) -> bytes:
        try:
            part: bytes = self._decompressor.decompress(chunk, _STEP_BYTES)
        except zlib.error as error:
            if self._is_deflate and not self._began:
                # Some servers mean the bare format when they say deflate.
                self._decompressor, self._is_deflate = zlib.decompressobj(-zlib.MAX_WBITS), False
                return self._unpack(chunk)
            raise self._broken() from error
        self._began = True
        return part

    def _broken(self) -> SageError:
        return SageError(BAD_ANSWER, {"host": self._host, "reason": "its packing is broken"})
