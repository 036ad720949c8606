"""Keeps the items of a list for which a condition holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import compress, repeat
from operator import not_
from typing import Any

from sage_studio.kernel import SageError
from sage_studio.plugins.support.items import (
    as_items,
    each_error,
    over_items,
    yes_or_no,
)
from sage_studio.sdk import (
    Chunk,
    ChunkNode,
    Context,
    Field,
    NodeOutput,
    NodeSpec,
    Port,
    Rows,
    Settings,
    text,
)


class DataFilter(ChunkNode):
    """Order is kept. What does not pass leaves by the ``rejected`` port."""

    spec = NodeSpec(
        id="data_filter",
        name=text("Filter", "筛选数据"),
        description=text(
            "Keeps the items for which the condition holds; the others leave by a port of their own.",
            "保留满足条件的数据项；其余数据项从单独的端口输出。",
        ),
        category="processing",
        icon="filter",
        gives_all=True,
        deterministic=True,
        inputs=(
            Port(name="items", type="array<any>", label=text("Items", "数据项"), required=True, streams=True),
        ),
        outputs=(
            Port(name="items", type="array<any>", label=text("Kept", "保留"), streams=True),
            Port(name="rejected", type="array<any>", label=text("Rejected", "剔除"), streams=True),
        ),
        config=(
            Field(
                name="condition",
                type="any",
                label=text("Condition", "条件"),
                help=text(
                    "Checked for each item; “item” is the item and “index” its number from 0.",
                    "对每一项进行判断；item 为当前项，index 为从 0 开始的序号。",
                ),
                default="{{ true }}",
                required=True,
                control="code",
                placeholder=text("{{ item.amount > 100 }}", "{{ item.amount > 100 }}"),
                expression="item",
                hands_over=True,
            ),
        ),
        summary=text("{condition}", "{condition}"),
        example={
            "config": {"condition": "{{ item.age >= 18 }}"},
            "inputs": {"items": [{"age": 12}, {"age": 30}]},
            "outputs": {"items": [{"age": 30}], "rejected": [{"age": 12}]},
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        items = as_items(inputs.get("items"), "items")
        settings = Settings(self.spec, ctx, inputs)
        passes = yes_or_no(await over_items(ctx, settings, "condition", items))
        kept, rejected = list(compress(items, passes)), list(compress(items, map(not_, passes)))
        ctx.log("filtered", kept=len(kept), rejected=len(rejected))
        return {"items": kept, "rejected": rejected}

    def __init__(self) -> None:
        self._seen = 0

    async def open(self, ctx: Context, inputs: Mapping[str, Any]) -> None:
        settings = Settings(self.spec, ctx, inputs)
        self._condition, self._chosen = settings.over("condition"), settings.chosen_rows("condition")

    async def take(self, chunk: Sequence[Any]) -> NodeOutput:
        start, self._seen = self._seen, self._seen + len(chunk)
        if isinstance(chunk, Rows) and (found := self._chosen(chunk, start)) is not None:
            return _split_rows(chunk, *found)
        try:
            passes = yes_or_no(await self._condition(chunk, start))
        except SageError as error:
            raise each_error(error, start) from error
        return {"items": _chosen(chunk, passes), "rejected": _chosen(chunk, list(map(not_, passes)))}

    def snapshot(self) -> int:
        return self._seen

    def restore(self, state: Any) -> None:
        self._seen = state


def _split_rows(chunk: Rows, kept: Rows, masks: list[list[bool]]) -> NodeOutput:
    """Rejected rows are looked for only when somebody wants them."""

    def rejected() -> Rows:
        passes: Iterable[bool] = repeat(True, len(chunk))
        for mask in masks:
            left = iter(mask)
            passes = [passed and next(left) for passed in passes]
        return chunk.select(list(map(not_, passes)))

    return {"items": kept, "rejected": Rows.later(len(chunk) - len(kept), rejected)}


def _chosen(chunk: Sequence[Any], passes: list[bool]) -> Sequence[Any]:
    return chunk.select(passes) if isinstance(chunk, Rows) else Chunk(compress(chunk, passes))
