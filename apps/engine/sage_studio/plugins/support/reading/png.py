"""Pixels as a PNG file (W3C PNG, third edition): the one picture format that is ever made here."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import numpy.typing as npt

_COLOURS = {1: 0, 3: 2, 4: 6}  # channels to the standard's colour type: grey, RGB, RGBA


def png_bytes(pixels: npt.NDArray[np.uint8]) -> bytes:
    """``pixels`` by row, column and channel (1 grey, 3 RGB, 4 RGBA), or by row and column."""
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    height, width, channels = pixels.shape
    lines = np.zeros((height, 1 + width * channels), dtype=np.uint8)  # each begins with its filter: none
    lines[:, 1:] = pixels.reshape(height, width * channels)
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOURS[channels], 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_part(kind, content) for kind, content in parts)


def _part(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
