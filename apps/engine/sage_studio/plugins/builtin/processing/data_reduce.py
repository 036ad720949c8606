"""Makes one value out of all items: a sum, a text, an object put together step by step."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from sage_studio.kernel import Json, SageError
from sage_studio.plugins.support.items import item_error
from sage_studio.sdk import (
    ChunkNode,
    Context,
    Field,
    ItemExpression,
    NodeOutput,
    NodeSpec,
    Port,
    Settings,
    text,
)


class DataReduce(ChunkNode):
    """``total`` in the expression is what the items before have given."""

    spec = NodeSpec(
        id="data_reduce",
        name=text("Reduce", "归约"),
        description=text(
            "Goes through the items and puts one value together out of all of them.",
            "逐项处理数据，将全部数据项合并为一个值。",
        ),
        category="processing",
        icon="hash",
        deterministic=True,
        inputs=(
            Port(name="items", type="array<any>", label=text("Items", "数据项"), required=True, streams=True),
        ),
        outputs=(
            Port(name="result", type="any", label=text("Result", "结果")),
            Port(name="count", type="integer", label=text("Number of items", "数据项数量")),
        ),
        config=(
            Field(
                name="initial",
                type="any",
                label=text("Start with", "初始值"),
                help=text("What “total” is for the first item.", "处理第一项时 total 的值。"),
                default=0,
                control="json",
            ),
            Field(
                name="expression",
                type="any",
                label=text("New total", "新的累计值"),
                help=text(
                    "“total” is the value so far, “item” the item and “index” its number from 0.",
                    "total 为当前累计值，item 为当前项，index 为从 0 开始的序号。",
                ),
                default="{{ total + item }}",
                required=True,
                control="textarea",
                expression="item",
                hands_over=True,
                item_names=("total",),
                placeholder=text("{{ total + item.amount }}", "{{ total + item.amount }}"),
            ),
        ),
        summary=text("{expression}", "{expression}"),
        example={
            "config": {"initial": 0, "expression": "{{ total + item.amount }}"},
            "inputs": {"items": [{"amount": 2}, {"amount": 5}]},
            "outputs": {"result": 7, "count": 2},
        },
    )

    def __init__(self) -> None:
        self._total: Any = None
        self._count = 0
        self._is_restored = False

    async def open(self, ctx: Context, inputs: Mapping[str, Any]) -> None:
        settings = Settings(self.spec, ctx, inputs)
        self._ctx = ctx
        self._expression: ItemExpression = settings.raw("expression")
        if not self._is_restored:
            self._total = settings.raw("initial")

    async def take(self, chunk: Sequence[Any]) -> NodeOutput:
        if not self._expression.hands_over:
            await self._ctx.in_thread(self._add, chunk)
            return {}
        carried = ("total", self._total)
        self._total = await self._expression.fold(chunk, self._count, carried, self._ctx.code)
        self._count += len(chunk)
        return {}

    def _add(self, chunk: Sequence[Any]) -> None:
        for item in chunk:
            try:
                self._total = self._expression.evaluate(item, self._count, total=self._total)
            except SageError as error:
                raise item_error(error, self._count) from error
            self._count += 1

    async def finish(self) -> AsyncIterator[NodeOutput]:
        yield {"result": self._total, "count": self._count}

    def snapshot(self) -> Json:
        return {"total": self._total, "count": self._count}

    def restore(self, state: Any) -> None:
        self._total, self._count, self._is_restored = state["total"], state["count"], True
