"""Reads rows out of a text with separators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sage_studio.plugins.support.tables import csv_rows
from sage_studio.plugins.support.texts import text_of
from sage_studio.sdk import Choice, Context, Field, Node, NodeOutput, NodeSpec, Port, Settings, text

_SEPARATORS = {"auto": "", "comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}


class CsvParser(Node):
    """For large files the file reader streams; this one is for a text that came from somewhere."""

    spec = NodeSpec(
        id="csv_parser",
        name=text("Parse CSV", "解析 CSV"),
        description=text(
            "Turns text with separators into rows of named fields.",
            "将带分隔符的文本解析为带字段名的数据行。",
        ),
        category="processing",
        icon="table",
        gives_all=True,
        deterministic=True,
        inputs=(Port(name="text", type="any", label=text("Text or file", "文本或文件"), required=True),),
        outputs=(
            Port(name="items", type="array<object>", label=text("Rows", "数据行")),
            Port(name="count", type="integer", label=text("Number of rows", "行数")),
        ),
        config=(
            Field(
                name="separator",
                label=text("Separator", "分隔符"),
                default="auto",
                control="select",
                options=(
                    Choice(value="auto", label=text("Find out", "自动识别")),
                    Choice(value="comma", label=text("Comma", "逗号")),
                    Choice(value="semicolon", label=text("Semicolon", "分号")),
                    Choice(value="tab", label=text("Tab", "制表符")),
                    Choice(value="pipe", label=text("Vertical bar", "竖线")),
                ),
            ),
            Field(
                name="header",
                type="boolean",
                label=text("The first line names the fields", "首行为字段名"),
                default=True,
                control="switch",
            ),
            Field(
                name="numbers",
                type="boolean",
                label=text("Columns of numbers become numbers", "数字列转换为数值"),
                default=True,
                control="switch",
            ),
            Field(
                name="max_rows",
                type="integer",
                label=text("At most", "最多行数"),
                default=100_000,
                minimum=1,
                maximum=1_000_000,
                unit=text("rows", "行"),
                expert=True,
            ),
        ),
        example={
            "config": {},
            "inputs": {"text": "name;points\nAda;3\nBo;5\n"},
            "outputs": {"items": [{"name": "Ada", "points": 3}, {"name": "Bo", "points": 5}], "count": 2},
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        source = await text_of(ctx, inputs["text"], "text")
        rows = await ctx.in_thread(
            lambda: csv_rows(
                "text",
                source.removeprefix("\ufeff"),
                delimiter=_SEPARATORS[settings.text("separator")],
                has_header=settings.flag("header"),
                max_rows=settings.integer("max_rows"),
                numbers=settings.flag("numbers"),
            )
        )
        return {"items": rows, "count": len(rows)}
