"""Lets only the last of several items through that come shortly after each other."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from sage_studio.kernel import Json
from sage_studio.plugins.support.keys import keys_at
from sage_studio.sdk import Chunk, Context, Field, NodeOutput, NodeSpec, Port, Settings, StreamNode, text

MAX_WAITING = 100_000
_TICK_S = 0.1


class Debounce(StreamNode):
    """An item goes on once nothing newer of its key has come for a while, and at the end of the stream."""

    spec = NodeSpec(
        id="debounce",
        name=text("Debounce", "去抖"),
        description=text(
            "Of items that come shortly after each other only the last one goes on.",
            "短时间内连续到达的数据项只保留最后一个。",
        ),
        category="utility",
        icon="filter",
        effect="idempotent",
        inputs=(
            Port(name="items", type="array<any>", label=text("Items", "数据项"), required=True, streams=True),
        ),
        outputs=(Port(name="items", type="array<any>", label=text("Items", "数据项"), streams=True),),
        config=(
            Field(
                name="seconds",
                type="number",
                label=text("Quiet for", "静默时长"),
                default=1,
                minimum=0.1,
                maximum=86_400,
                unit=text("seconds", "秒"),
            ),
            Field(
                name="by",
                type="array",
                label=text("For each", "分别处理"),
                help=text(
                    "Fields that tell apart what is watched separately. Empty: all together.",
                    "按这些字段分别去抖。留空则全部一起处理。",
                ),
                default=[],
                control="list",
                expression="never",
            ),
        ),
        summary=text("{seconds} s", "{seconds} 秒"),
        example={
            "config": {"seconds": 60, "by": ["id"]},
            "inputs": {"items": [{"id": 1, "n": 1}, {"id": 2, "n": 2}, {"id": 1, "n": 3}]},
            "outputs": {"items": [{"id": 2, "n": 2}, {"id": 1, "n": 3}]},
        },
    )

    def __init__(self) -> None:
        self._waiting: dict[Any, tuple[float, Any]] = {}
        self._restored: list[Any] = []

    async def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[NodeOutput]:
        settings = Settings(self.spec, ctx, inputs)
        self._by, quiet_s = settings.texts("by"), settings.number("seconds")
        # The clock of the process before is gone: what waited then waits anew.
        self._take(self._restored)
        async for chunk in inputs["items"].chunks(every_s=_TICK_S):
            self._take(chunk)
            yield {"items": self._due(time.monotonic() - quiet_s)}
        yield {"items": Chunk(item for _at, item in self._waiting.values())}

    def _take(self, items: Sequence[Any]) -> None:
        now = time.monotonic()
        for item in items:
            key = keys_at(item, self._by) if self._by else None
            self._waiting.pop(key, None)
            self._waiting[key] = (now, item)

    def _due(self, before: float) -> Chunk:
        """Those that came last before a moment, and the oldest of too many; the others stand behind them in
        the order they came."""
        due = Chunk()
        for key, (at, item) in list(self._waiting.items()):
            if at > before and len(self._waiting) <= MAX_WAITING:
                break
            due.append(item)
            del self._waiting[key]
        return due

    def snapshot(self) -> Json:
        return [item for _at, item in self._waiting.values()]

    def restore(self, state: Any) -> None:
        self._restored = list(state)
