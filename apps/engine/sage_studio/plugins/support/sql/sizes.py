"""How many rows to fetch at once, so that wide rows do not fill the memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

BATCH_BYTES = 4 << 20
_FIRST = 50


class BatchSize:
    """Begins small and grows, or shrinks, until a batch holds about ``BATCH_BYTES``."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.now = min(_FIRST, most)

    def saw(self, rows: Sequence[Sequence[Any]]) -> None:
        if not rows:
            return
        sample = rows[:: max(len(rows) // 20, 1)]
        width = sum(_width(row) for row in sample) / len(sample)
        self.now = int(max(1, min(self._most, self.now * 4, BATCH_BYTES / max(width, 1))))


def _width(row: Sequence[Any]) -> int:
    return sum(len(value) if isinstance(value, (str, bytes)) else 16 for value in row)
