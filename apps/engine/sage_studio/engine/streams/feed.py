"""Lists that flow into a pipeline: a source of its own for each, with a position like any other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, ClassVar

from sage_studio.sdk import Chunk, Context, NodeOutput, NodeSpec, StreamNode, text

_SLICE = 500


class Feed(StreamNode):
    """Hands a list on as a stream."""

    spec: ClassVar = NodeSpec(
        id="stream_feed",
        name=text("Feed", "输入"),
        description=text("Hands a list on as a stream.", "将列表作为数据流传递。"),
        category="control",
        icon="arrow",
    )

    def __init__(self, items: Any) -> None:
        self._items = items if isinstance(items, (list, tuple)) else [] if items is None else [items]
        self._at = 0

    async def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[NodeOutput]:
        while self._at < len(self._items):
            first, self._at = self._at, min(self._at + _SLICE, len(self._items))
            yield {"items": Chunk(self._items[first : self._at])}

    def snapshot(self) -> int:
        return self._at

    def restore(self, state: Any) -> None:
        self._at = int(state)
