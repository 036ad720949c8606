"""Writes a value into a file of the workspace."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from typing import Any

from sage_studio.kernel import define_error
from sage_studio.plugins.support.items import as_items
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

BAD_NAME = define_error(
    "file_writer.bad_name",
    3231,
    en="“{name}” cannot be the name of a file.",
    zh="“{name}”不能作为文件名。",
    hint_en="Use letters, digits, blanks, dots and dashes; no slashes.",
    hint_zh="请使用字母、数字、空格、点和短横线，不要使用斜杠。",
    status=422,
)

_MIME = {
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "csv": "text/csv",
    "text": "text/plain",
}
_ENDING = {"json": ".json", "jsonl": ".jsonl", "csv": ".csv", "text": ".txt"}
_FORBIDDEN = re.compile(r"[\x00-\x1f/\\:*?\"<>|]")
_FORMULA_START = ("=", "+", "-", "@", "\t", "\r")
_LOOKS_NUMERIC = re.compile(r"^[+-]?[\d\s.,()%-]+$")


class FileWriter(Node):
    """The file appears whole or not at all; writing the same again changes nothing."""

    spec = NodeSpec(
        id="file_writer",
        name=text("Write file", "写入文件"),
        description=text(
            "Writes rows or text into a JSON, CSV or text file that can be downloaded.",
            "将数据行或文本写入可下载的 JSON、CSV 或文本文件。",
        ),
        category="output",
        icon="download",
        effect="idempotent",
        inputs=(Port(name="value", type="any", label=text("Content", "内容"), required=True),),
        outputs=(
            Port(name="file", type="File", label=text("File", "文件")),
            Port(name="size_bytes", type="integer", label=text("Size", "大小")),
        ),
        config=(
            Field(
                name="name",
                label=text("File name", "文件名"),
                help=text("The right ending is added when it has none.", "缺少扩展名时自动补全。"),
                default="result",
                required=True,
                max_length=150,
                wireable=True,
            ),
            Field(
                name="format",
                label=text("Format", "格式"),
                default="json",
                control="select",
                expression="never",
                options=(
                    Choice(value="json", label=text("JSON", "JSON")),
                    Choice(value="jsonl", label=text("JSON Lines", "JSON Lines")),
                    Choice(value="csv", label=text("CSV", "CSV")),
                    Choice(value="text", label=text("Text", "纯文本")),
                ),
            ),
            Field(
                name="delimiter",
                label=text("Separator", "分隔符"),
                default=",",
                max_length=1,
                expert=True,
                show_when={"format": ("csv",)},
            ),
            Field(
                name="bom",
                type="boolean",
                label=text("Mark as UTF-8 for Excel", "为 Excel 标记 UTF-8"),
                default=False,
                control="switch",
                expert=True,
                show_when={"format": ("csv", "text")},
            ),
            Field(
                name="guard_formulas",
                type="boolean",
                label=text("Keep spreadsheets from computing text", "防止表格软件执行公式"),
                help=text(
                    "Text that a spreadsheet would take for a formula gets an apostrophe in front.",
                    "会被表格软件当作公式的文本前加单引号。",
                ),
                default=True,
                control="switch",
                expert=True,
                show_when={"format": ("csv",)},
            ),
        ),
        summary=text("{name}", "{name}"),
        default_timeout_s=600,
        example={"config": {"name": "hello", "format": "text"}, "inputs": {"value": "Hello"}},
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        kind = settings.text("format")
        name = _file_name(settings.text("name"), kind)
        content = await ctx.in_thread(_content, inputs.get("value"), kind, settings)
        file = await ctx.files.write(name, _MIME[kind], content)
        ctx.log("file_written", name=name, size_bytes=len(content))
        return {"file": file, "size_bytes": len(content)}


def _file_name(name: str, kind: str) -> str:
    clean = name.strip().strip(".")
    if not clean or _FORBIDDEN.search(clean):
        raise NodeError(BAD_NAME, {"name": name}, path="config.name")
    return clean if re.search(r"\.[A-Za-z0-9]{1,8}$", clean) else clean + _ENDING[kind]


def _content(value: Any, kind: str, settings: Settings) -> bytes:
    if kind == "csv":
        plain = _csv(
            as_items(value, "value"), settings.text("delimiter") or ",", settings.flag("guard_formulas")
        )
    elif kind == "jsonl":
        plain = "".join(f"{_json(item)}\n" for item in as_items(value, "value"))
    elif kind == "json":
        plain = _json(value, indent=2) + "\n"
    else:
        plain = value if isinstance(value, str) else _json(value, indent=2)
    marked = settings.flag("bom") and kind in {"csv", "text"}
    return plain.encode("utf-8-sig" if marked else "utf-8", "surrogatepass" if kind == "text" else "replace")


def _json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent, default=str)


def _csv(items: list[Any], delimiter: str, guard: bool) -> str:
    rows = [item if isinstance(item, Mapping) else {"value": item} for item in items]
    header = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow([_cell(name, guard) for name in header])
    writer.writerows([_cell(row.get(name), guard) for name in header] for row in rows)
    return out.getvalue()


def _cell(value: Any, guard: bool) -> Any:
    if isinstance(value, str):
        formula = guard and value.startswith(_FORMULA_START) and not _LOOKS_NUMERIC.match(value)
        return f"'{value}" if formula else value
    if isinstance(value, bool):
        return "true" if value else "false"
    return _json(value) if isinstance(value, (list, dict)) else value
