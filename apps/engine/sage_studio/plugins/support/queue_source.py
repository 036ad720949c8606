"""What every source that consumes a queue has in common: how long it reads, and when it acknowledges.

At least once: what was read is acknowledged when the checkpoint behind it is committed.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from sage_studio.kernel import Text
from sage_studio.sdk import Chunk, Context, Field, NodeOutput, Settings, StreamNode, text


def end_fields(unit: Text) -> tuple[Field, ...]:
    """When a queue source stops by itself."""
    return (
        Field(
            name="max_items",
            type="integer",
            label=text("Stop after", "读取条数上限"),
            help=text("0: go on for ever.", "0 表示持续读取。"),
            default=0,
            minimum=0,
            maximum=1_000_000_000,
            unit=unit,
            expert=True,
        ),
        Field(
            name="idle_stop_s",
            type="number",
            label=text("Stop when nothing came for", "空闲多久后停止"),
            help=text("0: go on waiting.", "0 表示一直等待。"),
            default=0,
            minimum=0,
            maximum=86_400,
            unit=text("seconds", "秒"),
            expert=True,
        ),
    )


class QueueSource(StreamNode):
    """Reads until there is enough, or nothing came for long enough. ``count`` is kept in checkpoints."""

    def __init__(self) -> None:
        self.count = 0

    @abstractmethod
    async def open(self, ctx: Context, settings: Settings) -> None:
        """Connect, and deal with what was read before a crash."""

    @abstractmethod
    async def next_entries(self, most: int | None) -> Sequence[Any]:
        """What has come, at most so many; nothing when nothing comes within a moment."""

    @abstractmethod
    def item_of(self, entry: Any) -> dict[str, Any]: ...

    @property
    def is_served(self) -> bool:
        """Whether the queue would send more if it had any."""
        return True

    async def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[NodeOutput]:
        settings = Settings(self.spec, ctx, inputs)
        limit, patience_s, idle_s = settings.integer("max_items"), settings.number("idle_stop_s"), 0.0
        await self.open(ctx, settings)
        loop = asyncio.get_running_loop()
        while not limit or self.count < limit:
            began = loop.time()
            entries = await self.next_entries(limit - self.count if limit else None)
            if entries:
                idle_s = 0.0
                self.count += len(entries)
                yield {"items": Chunk(map(self.item_of, entries))}
                continue
            idle_s += loop.time() - began if self.is_served else 0.0
            if patience_s and idle_s >= patience_s:
                return
            yield {}  # a turn for checkpoints while nothing comes
