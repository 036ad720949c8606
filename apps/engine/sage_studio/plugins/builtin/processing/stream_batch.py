"""Puts the items of a stream together into lists, for nodes that work better on several at once."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from sage_studio.kernel import Json
from sage_studio.sdk import Chunk, Context, Field, NodeOutput, NodeSpec, Port, Settings, StreamNode, text

_TICK_S = 0.1


class StreamBatch(StreamNode):
    """A batch is given when it is full, or when its first item has waited long enough."""

    spec = NodeSpec(
        id="stream_batch",
        name=text("Batch", "分批"),
        description=text(
            "Puts items together into lists of a given size; a list that does not fill up in time goes on as "
            "it is.",
            "将数据项组合为固定大小的列表；超时未满的列表也会继续传递。",
        ),
        category="processing",
        icon="list",
        inputs=(
            Port(name="items", type="array<any>", label=text("Items", "数据项"), required=True, streams=True),
        ),
        outputs=(
            Port(name="batches", type="array<array<any>>", label=text("Batches", "批次"), streams=True),
        ),
        config=(
            Field(
                name="size",
                type="integer",
                label=text("Items in a batch", "每批条数"),
                default=100,
                minimum=1,
                maximum=100_000,
                unit=text("items", "条"),
            ),
            Field(
                name="wait_s",
                type="number",
                label=text("Wait at most", "最长等待"),
                help=text("0: until it is full.", "0 表示等到装满。"),
                default=0,
                minimum=0,
                maximum=86_400,
                unit=text("seconds", "秒"),
            ),
        ),
        summary=text("{size}", "{size}"),
        example={
            "config": {"size": 2},
            "inputs": {"items": [1, 2, 3]},
            "outputs": {"batches": [[1, 2], [3]]},
        },
    )

    def __init__(self) -> None:
        self._open: list[Any] = []
        self._since = 0.0

    async def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[NodeOutput]:
        settings = Settings(self.spec, ctx, inputs)
        size, wait_s = settings.integer("size"), settings.number("wait_s")
        self._since = time.monotonic()
        async for chunk in inputs["items"].chunks(every_s=min(_TICK_S, wait_s) if wait_s else None):
            if not self._open:
                self._since = time.monotonic()
            self._open.extend(chunk)
            full = len(self._open) - len(self._open) % size
            batches = Chunk(self._open[at : at + size] for at in range(0, full, size))
            if full:
                del self._open[:full]
                self._since = time.monotonic()
            if wait_s and self._open and time.monotonic() - self._since >= wait_s:
                batches.append(self._open)
                self._open = []
            yield {"batches": batches}
        if self._open:
            last, self._open = self._open, []
            yield {"batches": Chunk([last])}

    def snapshot(self) -> Json:
        return list[Json](self._open)

    def restore(self, state: Any) -> None:
        self._open = list(state)
