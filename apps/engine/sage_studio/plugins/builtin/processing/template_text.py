"""Puts a text together out of values of the flow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sage_studio.kernel import SageError
from sage_studio.plugins.support.items import as_items, each_error, over_items
from sage_studio.plugins.support.texts import as_text
from sage_studio.sdk import (
    Chunk,
    ChunkNode,
    Context,
    Field,
    NodeOutput,
    NodeSpec,
    Port,
    Settings,
    text,
)


class TemplateText(ChunkNode):
    """Without items one text is made; with a list one for each, joined in ``text`` as well. Of a stream only
    ``texts`` are given."""

    spec = NodeSpec(
        id="template_text",
        name=text("Text from a template", "文本模板"),
        description=text(
            "Writes a text with values filled in; with a list, one text per item.",
            "用流程中的数据填充模板生成文本；若有列表，则每项生成一段文本。",
        ),
        category="processing",
        icon="quote",
        deterministic=True,
        inputs=(
            Port(name="items", type="array<any>", label=text("Items", "数据项"), streams=True),
            Port(
                name="value",
                type="any",
                label=text("Value", "值"),
                description=text("inputs.value in the template.", "在模板中以 inputs.value 引用。"),
                use="expressions",
            ),
        ),
        outputs=(
            Port(name="text", type="string", label=text("Text", "文本")),
            Port(name="texts", type="array<string>", label=text("Texts", "文本列表"), streams=True),
        ),
        config=(
            Field(
                name="template",
                label=text("Template", "模板"),
                help=text(
                    "“item” and “index” are there when items are connected.",
                    "连接了列表时可使用 item 与 index。",
                ),
                default="",
                required=True,
                control="prompt",
                expression="item",
                hands_over=True,
                shared_text=True,
                max_length=200_000,
                placeholder=text("Hello {{ item.name }}!", "你好，{{ item.name }}！"),
            ),
            Field(
                name="separator",
                label=text("Between the texts", "文本之间的分隔"),
                help=text("\\n is a new line.", "\\n 表示换行。"),
                default="\\n",
                max_length=100,
                expression="never",
            ),
        ),
        example={
            "config": {"template": "{{ index + 1 }}. {{ item.name }}"},
            "inputs": {"items": [{"name": "Ada"}, {"name": "Bo"}]},
            "outputs": {"text": "1. Ada\n2. Bo", "texts": ["1. Ada", "2. Bo"]},
        },
    )

    def __init__(self) -> None:
        self._seen = 0

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        await self.open(ctx, inputs)
        given = inputs.get("items")
        items = [None] if given is None else as_items(given, "items")
        values = await over_items(ctx, self._settings, "template", items)
        texts = [as_text(value) for value in values]
        return {"text": self._separator.join(texts), "texts": texts}

    async def open(self, ctx: Context, inputs: Mapping[str, Any]) -> None:
        settings = self._settings = Settings(self.spec, ctx, inputs)
        self._over = settings.over("template")
        self._separator = settings.text("separator").replace("\\n", "\n").replace("\\t", "\t")

    async def take(self, chunk: Sequence[Any]) -> NodeOutput:
        start, self._seen = self._seen, self._seen + len(chunk)
        try:
            values = await self._over(chunk, start)
        except SageError as error:
            raise each_error(error, start) from error
        return {"texts": Chunk([as_text(value) for value in values])}

    def snapshot(self) -> int:
        return self._seen

    def restore(self, state: Any) -> None:
        self._seen = state
