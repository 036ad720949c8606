"""Puts the items of a list in order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from sage_studio.kernel import Json
from sage_studio.plugins.support.items import as_items
from sage_studio.plugins.support.keys import Order
from sage_studio.plugins.support.sorting import SpillingSort
from sage_studio.sdk import Chunk, ChunkNode, Context, Field, NodeOutput, NodeSpec, Port, Settings, text


class DataSort(ChunkNode):
    """Of a stream more than memory is meant for waits in the workspace's store (``sorting``)."""

    spec = NodeSpec(
        id="data_sort",
        name=text("Sort", "排序"),
        description=text("Puts items in order by one or several fields.", "按一个或多个字段对数据项排序。"),
        category="processing",
        icon="align",
        gives_all=True,
        deterministic=True,
        inputs=(
            Port(name="items", type="array<any>", label=text("Items", "数据项"), required=True, streams=True),
        ),
        outputs=(Port(name="items", type="array<any>", label=text("Items", "数据项"), streams=True),),
        config=(
            Field(
                name="by",
                type="array",
                label=text("Sort by", "排序字段"),
                help=text(
                    "Fields in turn; a minus in front sorts downwards, a.b reaches inside. Empty: the items "
                    "themselves. What is missing comes last.",
                    "依次按这些字段排序；前加减号表示降序，可用 a.b 访问内层字段。"
                    "留空则直接比较数据项。缺失的值排在最后。",
                ),
                default=[],
                control="list",
                placeholder=text("-total", "-total"),
                expression="never",
            ),
            Field(
                name="natural",
                type="boolean",
                label=text("Numbers inside text count", "识别文本中的数字"),
                help=text("“file 2” comes before “file 10”.", "“文件 2” 排在 “文件 10” 之前。"),
                default=False,
                control="switch",
            ),
        ),
        summary=text("by {by}", "按 {by}"),
        example={
            "config": {"by": ["-points"]},
            "inputs": {"items": [{"points": 1}, {"points": 3}, {"points": None}]},
            "outputs": {"items": [{"points": 3}, {"points": 1}, {"points": None}]},
        },
    )

    def __init__(self) -> None:
        self._sort: SpillingSort | None = None
        self._held: Any = None

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        items = as_items(inputs.get("items"), "items")
        settings = Settings(self.spec, ctx, inputs)
        order = Order(settings.texts("by"), is_natural=settings.flag("natural"))
        return {"items": await ctx.in_thread(order.sorted, items)}

    async def open(self, ctx: Context, inputs: Mapping[str, Any]) -> None:
        settings = Settings(self.spec, ctx, inputs)
        self._sort = SpillingSort(ctx, Order(settings.texts("by"), is_natural=settings.flag("natural")))
        if self._held is not None:
            self._sort.load(self._held)

    async def take(self, chunk: Sequence[Any]) -> NodeOutput:
        assert self._sort is not None, "opened before"
        await self._sort.add(chunk)
        return {}

    async def finish(self) -> AsyncIterator[NodeOutput]:
        assert self._sort is not None, "opened before"
        async for some in self._sort.in_order():
            yield {"items": Chunk(some)}

    def snapshot(self) -> Json:
        return self._sort.state() if self._sort is not None else self._held

    def restore(self, state: Any) -> None:
        self._held = state
