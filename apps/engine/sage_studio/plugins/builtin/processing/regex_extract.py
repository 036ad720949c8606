"""Finds, replaces or splits by a regular expression."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sage_studio.plugins.support.patterns import compile_pattern
from sage_studio.plugins.support.texts import text_of
from sage_studio.sdk import Choice, Context, Field, Node, NodeOutput, NodeSpec, Port, Settings, text

MAX_MATCHES = 100_000


class RegexExtract(Node):
    """A match is an object: ``match``, ``start``, ``groups`` as a list, and its named groups as fields."""

    spec = NodeSpec(
        id="regex_extract",
        name=text("Regular expression", "正则表达式"),
        description=text(
            "Finds what a pattern describes in a text; or replaces it, or splits there.",
            "在文本中查找、替换或按正则表达式切分。",
        ),
        category="processing",
        icon="search",
        deterministic=True,
        inputs=(Port(name="text", type="any", label=text("Text or file", "文本或文件"), required=True),),
        outputs=(
            Port(name="matches", type="array<any>", label=text("Matches", "匹配项")),
            Port(name="first", type="any", label=text("First match", "首个匹配")),
            Port(name="text", type="string", label=text("Changed text", "替换后的文本")),
            Port(name="found", type="boolean", label=text("Found", "是否匹配")),
        ),
        config=(
            Field(
                name="pattern",
                label=text("Pattern", "表达式"),
                help=text(
                    "Named groups become fields: (?P<year>\\d{4}). RE2 syntax: no look-around.",
                    "命名分组成为字段：(?P<year>\\d{4})。采用 RE2 语法，不支持环视。",
                ),
                default="",
                required=True,
                max_length=10_000,
                placeholder=text(r"(?P<name>\w+)@(?P<host>[\w.]+)", r"(?P<name>\w+)@(?P<host>[\w.]+)"),
            ),
            Field(
                name="mode",
                label=text("Do", "操作"),
                default="find",
                control="select",
                expression="never",
                options=(
                    Choice(value="find", label=text("Find all", "查找全部")),
                    Choice(value="replace", label=text("Replace all", "全部替换")),
                    Choice(value="split", label=text("Split", "切分")),
                ),
            ),
            Field(
                name="replacement",
                label=text("Replace with", "替换为"),
                help=text("\\1 or \\g<name> stands for a group.", "\\1 或 \\g<name> 表示分组。"),
                default="",
                show_when={"mode": ("replace",)},
            ),
            Field(
                name="ignore_case",
                type="boolean",
                label=text("Ignore case", "忽略大小写"),
                default=False,
                control="switch",
            ),
            Field(
                name="by_line",
                type="boolean",
                label=text("^ and $ mean each line", "^ 与 $ 匹配每一行"),
                default=False,
                control="switch",
                expert=True,
            ),
            Field(
                name="dot_all",
                type="boolean",
                label=text("A dot means new lines too", "点号匹配换行"),
                default=False,
                control="switch",
                expert=True,
            ),
        ),
        summary=text("{pattern}", "{pattern}"),
        example={
            "config": {"pattern": "(?P<day>\\d\\d)\\.(?P<month>\\d\\d)"},
            "inputs": {"text": "from 03.04 on"},
            "outputs": {
                "first": {"match": "03.04", "start": 5, "groups": ["03", "04"], "day": "03", "month": "04"},
                "found": True,
            },
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        pattern = compile_pattern(
            settings.text("pattern"),
            ignores_case=settings.flag("ignore_case"),
            by_line=settings.flag("by_line"),
            dot_all=settings.flag("dot_all"),
        )
        source, mode = await text_of(ctx, inputs["text"], "text"), settings.text("mode")
        if mode == "replace":
            changed, count = await ctx.in_thread(pattern.subn, settings.text("replacement"), source)
            return {"text": changed, "found": count > 0, "matches": []}
        if mode == "split":
            parts = await ctx.in_thread(pattern.split, source)
            return {"matches": [part for part in parts if part is not None], "found": len(parts) > 1}
        matches = await ctx.in_thread(_matches, pattern, source)
        return {"matches": matches, "first": matches[0] if matches else None, "found": bool(matches)}


def _matches(pattern: Any, source: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for match in pattern.finditer(source):
        if len(found) >= MAX_MATCHES:
            break
        groups = list(match.groups())
        found.append({"match": match.group(), "start": match.start(), "groups": groups, **match.groupdict()})
    return found
