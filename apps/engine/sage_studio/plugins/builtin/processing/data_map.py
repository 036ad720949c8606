"""Makes a new item out of every item of a list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sage_studio.kernel import SageError
from sage_studio.plugins.support.items import OBJECTS, as_items, each_error, over_items
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


class DataMap(ChunkNode):
    """Each named field is computed per item; the item's own fields stay unless switched off."""

    spec = NodeSpec(
        id="data_map",
        name=text("Map", "转换数据"),
        description=text(
            "Computes fields for every item of a list: rename, calculate, clean.",
            "为列表中的每一项计算字段：重命名、计算、清洗。",
        ),
        category="processing",
        icon="map",
        gives_all=True,
        deterministic=True,
        inputs=(
            Port(name="items", type="array<any>", label=text("Items", "数据项"), required=True, streams=True),
        ),
        outputs=(Port(name="items", type="array<any>", label=text("Items", "数据项"), streams=True),),
        config=(
            Field(
                name="fields",
                type="object",
                label=text("Fields", "字段"),
                help=text(
                    "Name and value of each field; “item” is the item and “index” its number from 0.",
                    "每个字段的名称和值；item 为当前项，index 为从 0 开始的序号。",
                ),
                default={},
                control="key_value",
                placeholder=text("{{ item.price * item.quantity }}", "{{ item.price * item.quantity }}"),
                expression="item",
                hands_over=True,
            ),
            Field(
                name="keep_others",
                type="boolean",
                label=text("Keep the other fields", "保留其他字段"),
                help=text(
                    "Off: the new item has only the fields named above.",
                    "关闭后，新数据项只包含上面列出的字段。",
                ),
                default=True,
                control="switch",
            ),
        ),
        example={
            "config": {"fields": {"total": "{{ item.price * 2 }}"}, "keep_others": False},
            "inputs": {"items": [{"price": 3}]},
            "outputs": {"items": [{"total": 6}]},
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        items = as_items(inputs.get("items"), "items")
        settings = Settings(self.spec, ctx, inputs)
        made = await over_items(ctx, settings, "fields", items)
        return {"items": list(_joined(items, made, settings.flag("keep_others")))}

    def __init__(self) -> None:
        self._seen = 0

    async def open(self, ctx: Context, inputs: Mapping[str, Any]) -> None:
        settings = Settings(self.spec, ctx, inputs)
        self._keeps_others = settings.flag("keep_others")
        self._columns, self._fields = settings.each_columns("fields"), settings.over("fields")

    async def take(self, chunk: Sequence[Any]) -> NodeOutput:
        start, self._seen = self._seen, self._seen + len(chunk)
        try:
            made = self._columns(chunk, start) if isinstance(chunk, Rows) else None
            if made is not None and isinstance(chunk, Rows):
                return {"items": chunk.with_columns(made, only=not self._keeps_others)}
            return {"items": _joined(chunk, await self._fields(chunk, start), self._keeps_others)}
        except SageError as error:
            raise each_error(error, start) from error

    def snapshot(self) -> int:
        return self._seen

    def restore(self, state: Any) -> None:
        self._seen = state


def _joined(items: Sequence[Any], made: list[Any], keep_others: bool) -> Chunk:
    return Chunk(
        {**item, **new} if keep_others and isinstance(item, OBJECTS) and isinstance(new, OBJECTS) else new
        for item, new in zip(items, made, strict=True)
    )
