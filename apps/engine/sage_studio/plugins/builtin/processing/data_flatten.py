"""Takes lists inside of items apart: one item for every entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sage_studio.plugins.support.items import OBJECTS, at_path
from sage_studio.sdk import Chunk, ChunkNode, Context, Field, NodeOutput, NodeSpec, Port, Settings, text


class DataFlatten(ChunkNode):
    """An item whose field holds no list stays one item; an empty list gives none, unless asked to."""

    spec = NodeSpec(
        id="data_flatten",
        name=text("Flatten", "展开"),
        description=text(
            "Makes one item out of every entry of a list inside each item.",
            "将每个数据项中列表的每个元素展开为独立的数据项。",
        ),
        category="processing",
        icon="lines",
        gives_all=True,
        deterministic=True,
        inputs=(
            Port(name="items", type="array<any>", label=text("Items", "数据项"), required=True, streams=True),
        ),
        outputs=(Port(name="items", type="array<any>", label=text("Items", "数据项"), streams=True),),
        config=(
            Field(
                name="field",
                label=text("Field with the list", "列表字段"),
                help=text(
                    "a.b reaches inside. Empty: the items are lists themselves.",
                    "可用 a.b 访问内层字段。留空表示数据项本身就是列表。",
                ),
                default="",
                expression="never",
                placeholder=text("order.lines", "order.lines"),
            ),
            Field(
                name="into",
                label=text("Name of the entry", "元素字段名"),
                help=text(
                    "Empty: fields of the entry become fields of the item.",
                    "留空则元素的字段直接成为数据项的字段。",
                ),
                default="",
                expression="never",
                placeholder=text("line", "line"),
            ),
            Field(
                name="keep_others",
                type="boolean",
                label=text("Keep the other fields", "保留其他字段"),
                default=True,
                control="switch",
            ),
            Field(
                name="keep_empty",
                type="boolean",
                label=text("Keep items without entries", "保留列表为空的数据项"),
                default=False,
                control="switch",
            ),
            Field(
                name="depth",
                type="integer",
                label=text("Levels", "展开层数"),
                help=text("How many lists within lists are taken apart.", "展开多少层嵌套列表。"),
                default=1,
                minimum=1,
                maximum=20,
                unit=text("levels", "层"),
                expert=True,
            ),
        ),
        summary=text("{field}", "{field}"),
        example={
            "config": {"field": "lines"},
            "inputs": {"items": [{"order": 1, "lines": [{"sku": "a"}, {"sku": "b"}]}]},
            "outputs": {"items": [{"order": 1, "sku": "a"}, {"order": 1, "sku": "b"}]},
        },
    )

    async def open(self, ctx: Context, inputs: Mapping[str, Any]) -> None:
        settings = Settings(self.spec, ctx, inputs)
        self._field, self._into = settings.text("field").strip(), settings.text("into").strip()
        self._keeps_others, self._keeps_empty = settings.flag("keep_others"), settings.flag("keep_empty")
        self._depth = settings.integer("depth")

    async def take(self, chunk: Sequence[Any]) -> NodeOutput:
        return {"items": Chunk(made for item in chunk for made in self._entries(item))}

    def _entries(self, item: Any) -> list[Any]:
        held = at_path(item, self._field) if self._field else item
        if not isinstance(held, list):
            return [item]
        entries = _apart(held, self._depth)
        if not self._field:
            return entries
        others = _without(item, self._field) if self._keeps_others else {}
        if not entries:
            return [others] if self._keeps_empty else []
        return [self._joined(others, entry) for entry in entries]

    def _joined(self, others: dict[str, Any], entry: Any) -> Any:
        if not self._into and isinstance(entry, OBJECTS):
            return {**others, **entry}
        return {**others, self._into or self._field.rsplit(".", 1)[-1]: entry}


def _apart(entries: list[Any], depth: int) -> list[Any]:
    for _level in range(depth - 1):
        if not any(isinstance(entry, list) for entry in entries):
            break
        entries = [inner for entry in entries for inner in (entry if isinstance(entry, list) else [entry])]
    return list(entries)


def _without(item: Any, path: str) -> dict[str, Any]:
    """A copy of the item without the value at ``path``; what is not on the way is shared."""
    if not isinstance(item, OBJECTS):
        return {}
    first, _, rest = path.partition(".")
    if path in item or not rest:
        return {key: value for key, value in item.items() if key != path}
    return {**item, first: _without(item.get(first), rest)}
