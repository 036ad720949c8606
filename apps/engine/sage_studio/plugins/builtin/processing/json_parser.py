"""Reads JSON out of a text, also out of one that a model wrote around it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from sage_studio.kernel import define_error
from sage_studio.plugins.support.items import at_path
from sage_studio.plugins.support.tables import parse_json
from sage_studio.plugins.support.texts import text_of
from sage_studio.sdk import (
    Choice,
    Context,
    Field,
    Node,
    NodeError,
    NodeOutput,
    NodeSpec,
    Port,
    Settings,
    text,
)

NO_JSON = define_error(
    "json_parser.no_json",
    3901,
    en="There is no JSON object or list in the text, which begins “{start}”.",
    zh="文本中没有 JSON 对象或列表，其开头为“{start}”。",
    hint_en="Look at what comes in; a model may have answered in prose.",
    hint_zh="请检查输入内容；模型可能返回了普通文字。",
    status=422,
)
NOTHING_THERE = define_error(
    "json_parser.nothing_there",
    3902,
    en="The JSON has nothing at “{path}”. It has: {known}.",
    zh="JSON 中不存在“{path}”。现有字段：{known}。",
    hint_en="Correct the path, or leave it empty to get everything.",
    hint_zh="请修正路径，或留空以获取全部内容。",
    status=422,
)
_FENCE = re.compile(r"```(?:json[c5]?)?[ \t]*\r?\n(.*?)```", re.DOTALL | re.IGNORECASE)
_MAX_TRIES = 200


class JsonParser(Node):
    """What is parsed already passes through, so that the node may stand behind one that parses by itself."""

    spec = NodeSpec(
        id="json_parser",
        name=text("Parse JSON", "解析 JSON"),
        description=text("Turns JSON text into values.", "将 JSON 文本解析为数据。"),
        category="processing",
        icon="braces",
        gives_all=True,
        deterministic=True,
        inputs=(Port(name="text", type="any", label=text("Text or file", "文本或文件"), required=True),),
        outputs=(
            Port(name="value", type="any", label=text("Value", "值")),
            Port(name="items", type="array<any>", label=text("As a list", "列表形式")),
        ),
        config=(
            Field(
                name="path",
                label=text("Only what is at", "取值路径"),
                help=text("Such as data.rows; empty: everything.", "例如 data.rows；留空表示全部。"),
                default="",
                placeholder=text("data.rows", "data.rows"),
            ),
            Field(
                name="mode",
                label=text("The text is", "文本内容"),
                default="strict",
                control="select",
                expression="never",
                options=(
                    Choice(value="strict", label=text("JSON and nothing else", "仅包含 JSON")),
                    Choice(value="search", label=text("Text with JSON in it", "包含 JSON 的文本")),
                    Choice(value="lines", label=text("JSON lines", "每行一个 JSON")),
                ),
            ),
        ),
        summary=text("{path}", "{path}"),
        example={
            "config": {"path": "rows"},
            "inputs": {"text": '{"rows": [1, 2]}'},
            "outputs": {"value": [1, 2], "items": [1, 2]},
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        given, path = inputs["text"], settings.text("path").strip()
        if isinstance(given, str) or (isinstance(given, Mapping) and isinstance(given.get("ref"), str)):
            source = await text_of(ctx, given, "text")
            value = await ctx.in_thread(_READERS[settings.text("mode")], source)
        else:
            value = given
        if path:
            found = at_path(value, path)
            if found is None and not _holds(value, path):
                known = ", ".join(list(value)[:12]) if isinstance(value, Mapping) else type(value).__name__
                raise NodeError(NOTHING_THERE, {"path": path, "known": known or "–"}, path="config.path")
            value = found
        return {"value": value, "items": value if isinstance(value, list) else [value]}


def _holds(value: Any, path: str) -> bool:
    """Whether a null stands at the path, rather than nothing."""
    before, _, last = path.rpartition(".")
    held = at_path(value, before) if before else value
    return isinstance(held, Mapping) and last in held


def _strict(source: str) -> Any:
    return parse_json("text", source.removeprefix("\ufeff"))


def _lines(source: str) -> list[Any]:
    return [
        parse_json(f"line {number}", line)
        for number, line in enumerate(source.splitlines(), start=1)
        if line.strip()
    ]


def _search(source: str) -> Any:
    """The first object or list in the text; in a fenced block before anywhere else."""
    decoder = json.JSONDecoder()
    for part in (*(match[1] for match in _FENCE.finditer(source)), source):
        for start in _openings(part):
            try:
                return decoder.raw_decode(part, start)[0]
            except (ValueError, RecursionError):
                continue
    raise NodeError(NO_JSON, {"start": source.strip()[:80]}, path="inputs.text")


def _openings(source: str) -> Iterator[int]:
    """Where an object or a list may begin; not more than a few, each costs a try."""
    for count, match in enumerate(re.finditer(r"[{\[]", source)):
        if count >= _MAX_TRIES:
            return
        yield match.start()


_READERS = {"strict": _strict, "lines": _lines, "search": _search}
