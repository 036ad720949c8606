"""Takes the first items of a stream and tells its producer to stop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sage_studio.sdk import Chunk, ChunkNode, Context, Field, NodeOutput, NodeSpec, Port, Settings, text


class StreamTake(ChunkNode):
    """When enough has come the stream is closed: what lies before it stops as well."""

    spec = NodeSpec(
        id="stream_take",
        name=text("Take the first", "取前若干项"),
        description=text(
            "Lets the first items of a list or stream pass, and stops what gives them.",
            "只让列表或数据流的前若干项通过，并停止上游。",
        ),
        category="processing",
        icon="scissors",
        deterministic=True,
        gives_all=True,
        inputs=(
            Port(name="items", type="array<any>", label=text("Items", "数据项"), required=True, streams=True),
        ),
        outputs=(Port(name="items", type="array<any>", label=text("Items", "数据项"), streams=True),),
        config=(
            Field(
                name="count",
                type="integer",
                label=text("How many", "数量"),
                default=10,
                minimum=0,
                maximum=1_000_000_000,
                unit=text("items", "项"),
            ),
        ),
        summary=text("{count}", "{count}"),
        example={
            "config": {"count": 2},
            "inputs": {"items": [1, 2, 3]},
            "outputs": {"items": [1, 2]},
        },
    )

    def __init__(self) -> None:
        self._taken = 0

    async def open(self, ctx: Context, inputs: Mapping[str, Any]) -> None:
        self._count = Settings(self.spec, ctx, inputs).integer("count")

    async def take(self, chunk: Sequence[Any]) -> NodeOutput:
        part = chunk[: max(self._count - self._taken, 0)]
        self._taken += len(part)
        self.has_enough = self._taken >= self._count
        return {"items": part if not isinstance(part, list) else Chunk(part)}

    def snapshot(self) -> int:
        return self._taken

    def restore(self, state: Any) -> None:
        self._taken = state
