"""The beginning of a value, small enough for an event; the whole of it is in the node's record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sage_studio.kernel import Json

MAX_TEXT_LENGTH = 1_000
MAX_ITEMS = 20
MAX_DEPTH = 6
# A preview stops growing here, whatever is left of the value.
MAX_LEAVES = 400


def preview(value: Any) -> Json:
    """``value`` with long texts, lists and objects cut; what was left out shows as ``…``."""
    return _Cut().walk(value, 0)


class _Cut:
    def __init__(self) -> None:
        self._left = MAX_LEAVES

    def walk(self, value: Any, depth: int) -> Json:
        self._left -= 1
        if isinstance(value, str):
            return value if len(value) <= MAX_TEXT_LENGTH else f"{value[:MAX_TEXT_LENGTH]}… ({len(value)})"
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if isinstance(value, (bytes, bytearray)):
            return f"… ({len(value)} bytes)"
        if isinstance(value, Mapping):
            return self._object(value, depth)
        if isinstance(value, (list, tuple)):
            return self._list(value, depth)
        return self.walk(str(value), depth)

    def _object(self, value: Mapping[Any, Any], depth: int) -> Json:
        shown: dict[str, Json] = {}
        for key, item in value.items():
            if depth >= MAX_DEPTH or len(shown) >= MAX_ITEMS or self._left <= 0:
                shown["…"] = len(value) - len(shown)
                break
            shown[str(key)[:MAX_TEXT_LENGTH]] = self.walk(item, depth + 1)
        return shown

    def _list(self, value: list[Any] | tuple[Any, ...], depth: int) -> Json:
        shown: list[Json] = []
        for item in value:
            if depth >= MAX_DEPTH or len(shown) >= MAX_ITEMS or self._left <= 0:
                shown.append(f"… ({len(value) - len(shown)})")
                break
            shown.append(self.walk(item, depth + 1))
        return shown
