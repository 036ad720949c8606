"""Lets items through no faster than a given rate."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any, ClassVar

from sage_studio.sdk import (
    Chunk,
    Context,
    Field,
    NodeOutput,
    NodeSpec,
    Port,
    Settings,
    StreamNode,
    text,
)

_KEPT_TURNS = 10_000


class RateLimit(StreamNode):
    """One value waits for its turn among those that pass this node in the same run and worker, such as the
    iterations of a map; a list waits as a whole, as long as its items take; a stream flows at the rate."""

    # When the next turn is, by run and node. Bounded: the oldest are forgotten.
    _turns: ClassVar[dict[tuple[str, str], float]] = {}

    spec = NodeSpec(
        id="rate_limit",
        name=text("Rate limit", "限流"),
        description=text(
            "Slows a flow down to what another service allows.", "将流程速度限制在目标服务允许的范围内。"
        ),
        category="utility",
        icon="clock",
        effect="idempotent",
        gives_all=True,
        inputs=(
            Port(name="items", type="array<any>", label=text("Items", "数据项"), streams=True),
            Port(name="value", type="any", label=text("Value", "值")),
        ),
        outputs=(
            Port(name="items", type="array<any>", label=text("Items", "数据项"), streams=True),
            Port(name="value", type="any", label=text("Value", "值")),
        ),
        config=(
            Field(
                name="count",
                type="integer",
                label=text("At most", "最多"),
                default=10,
                minimum=1,
                maximum=1_000_000,
                unit=text("items", "项"),
            ),
            Field(
                name="seconds",
                type="number",
                label=text("In", "每"),
                default=1,
                minimum=0.001,
                maximum=86_400,
                unit=text("seconds", "秒"),
            ),
        ),
        summary=text("{count} in {seconds} s", "{seconds} 秒 {count} 项"),
        default_timeout_s=7 * 86_400,
        example={
            "config": {"count": 1000, "seconds": 0.001},
            "inputs": {"value": 1},
            "outputs": {"value": 1},
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        items = inputs.get("items")
        step = self._step(ctx, inputs)
        count = len(items) if isinstance(items, list) else 1
        await ctx.wait_until(time.time() + self._turn((ctx.run_id, ctx.node_id), step * count))
        made = {"items": items} if items is not None else {}
        return {**made, "value": inputs.get("value")}

    def _step(self, ctx: Context, inputs: Mapping[str, Any]) -> float:
        settings = Settings(self.spec, ctx, inputs)
        return settings.number("seconds") / settings.integer("count")

    def _turn(self, place: tuple[str, str], length_s: float) -> float:
        """How long to wait; the turn after it begins ``length_s`` later."""
        now = time.monotonic()
        begins = max(self._turns.pop(place, now), now)
        self._turns[place] = begins + length_s
        if len(self._turns) > _KEPT_TURNS:
            del self._turns[next(iter(self._turns))]
        return begins - now

    async def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[NodeOutput]:
        step = self._step(ctx, inputs)
        at_once = max(1, int(0.05 / step))
        due = time.monotonic()
        async for chunk in inputs["items"].chunks():
            for start in range(0, len(chunk), at_once):
                part = chunk[start : start + at_once]
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                due = max(due, time.monotonic()) + step * len(part)
                yield {"items": part if not isinstance(part, list) else Chunk(part)}
