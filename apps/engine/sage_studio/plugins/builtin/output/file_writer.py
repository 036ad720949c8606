"""Writes a value into a file of the workspace."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from sage_studio.kernel import Json, define_error
from sage_studio.plugins.support.items import as_items
from sage_studio.plugins.support.segments import Segments
from sage_studio.sdk import (
    Choice,
    ChunkNode,
    Context,
    Field,
    NodeError,
    NodeOutput,
    NodeSpec,
    Port,
    Rows,
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

NEW_COLUMN = define_error(
    "file_writer.new_column",
    3232,
    en="Item {index} has a field “{name}” that the first items did not have.",
    zh="第 {index} 项含有字段“{name}”，而最初的数据项中没有该字段。",
    hint_en="A CSV file has its columns from the first items of a stream. Name the fields in a map node "
    "before it, or write JSON Lines.",
    hint_zh="以流写入 CSV 时，列由最初的数据项决定。请先用转换节点固定字段，或写入 JSON Lines。",
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
_AS_IT_IS = frozenset({int, float, type(None)})
_TEXT = frozenset({str, type(None)})
_MAY_BE_FORMULA = re.compile(r"[=+\-@\t\r]").match
_LOOKS_NUMERIC = re.compile(r"^[+-]?[\d\s.,()%-]+$")


class FileWriter(ChunkNode):
    """The file appears whole or not at all; writing the same again changes nothing.

    A stream is written as it comes. Checkpoints name the pieces that are kept already, so that after a
    crash every item stands in the file exactly once.
    """

    takes = "value"
    spec = NodeSpec(
        id="file_writer",
        name=text("Write file", "写入文件"),
        description=text(
            "Writes rows or text into a JSON, CSV or text file that can be downloaded.",
            "将数据行或文本写入可下载的 JSON、CSV 或文本文件。",
        ),
        category="output",
        icon="download",
        gives_all=True,
        effect="idempotent",
        inputs=(Port(name="value", type="any", label=text("Content", "内容"), required=True, streams=True),),
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

    def __init__(self) -> None:
        self._segments: Segments | None = None
        self._held: Any = None
        self._header: list[str] | None = None
        self._written = 0

    async def open(self, ctx: Context, inputs: Mapping[str, Any]) -> None:
        settings = Settings(self.spec, ctx, inputs)
        self._ctx, kind = ctx, settings.text("format")
        self._name = _file_name(settings.text("name"), kind)
        self._segments = segments = Segments(ctx.blobs, _MIME[kind])
        if self._held is not None:
            segments.load(self._held)
        elif settings.flag("bom") and kind in {"csv", "text"}:
            segments.append("\ufeff".encode())
        self._lines = _Lines(kind, settings.text("delimiter") or ",", settings.flag("guard_formulas"))

    async def take(self, chunk: Sequence[Any]) -> NodeOutput:
        assert self._segments is not None, "opened before"
        self._segments.append(self._text(self._lines, chunk))
        await self._segments.settle()
        return {}

    async def finish(self) -> AsyncIterator[NodeOutput]:
        segments, name, kind = self._segments, self._name, self._lines.kind
        assert segments is not None, "opened before"
        if kind == "json":
            segments.append(b"\n]\n" if self._written else b"[]\n")
        file = await self._ctx.files.write(name, _MIME[kind], segments.content())
        self._ctx.log("file_written", name=name, size_bytes=segments.size_bytes, items=self._written)
        yield {"file": file, "size_bytes": segments.size_bytes}

    def _text(self, write: _Lines, chunk: Sequence[Any]) -> bytes:
        first, self._written = self._written, self._written + len(chunk)
        if write.kind != "csv":
            return write.plain(chunk, first)
        if self._header is None:
            self._header = _names(chunk)
            return write.header(self._header) + write.table(self._header, chunk, first)
        return write.table(self._header, chunk, first)

    def snapshot(self) -> Json:
        if self._segments is None:
            return None
        header: Json = None if self._header is None else list[Json](self._header)
        return {"segments": self._segments.state(), "header": header, "written": self._written}

    def restore(self, state: Any) -> None:
        if state is not None:
            self._held, self._header, self._written = state["segments"], state["header"], state["written"]


class _Lines:
    """Items as bytes of one format."""

    def __init__(self, kind: str, delimiter: str, guard: bool) -> None:
        self.kind = kind
        self._delimiter = delimiter
        self._guard = guard

    def plain(self, items: Sequence[Any], first: int) -> bytes:
        """JSON Lines, text lines, or entries of one JSON list."""
        if self.kind == "json":
            start = "[\n" if not first else ",\n"
            lines = ",\n".join(f"  {_json(item)}" for item in items)
            return (start + lines).encode("utf-8", "replace") if items else b""
        if self.kind == "text":
            lines = "".join(f"{item if isinstance(item, str) else _json(item)}\n" for item in items)
            return lines.encode("utf-8", "surrogatepass")
        return "".join(f"{_json(item)}\n" for item in items).encode("utf-8", "replace")

    def table(self, header: list[str], items: Sequence[Any], first: int) -> bytes:
        """CSV rows under a header. Raises NodeError ``file_writer.new_column``."""
        if not isinstance(items, Rows):
            items = _as_rows(header, items, first)
        for name in items.names:
            if name not in header:
                raise NodeError(NEW_COLUMN, {"name": name, "index": first})
        nothing = [None] * len(items)
        columns = [_cells(items.column(name) or nothing, self._guard) for name in header]
        return self._rows(zip(*columns, strict=True))

    def header(self, names: list[str]) -> bytes:
        return self._rows([_cells(names, self._guard)])

    def _rows(self, rows: Iterable[Iterable[Any]]) -> bytes:
        out = io.StringIO(newline="")
        csv.writer(out, delimiter=self._delimiter, lineterminator="\r\n").writerows(rows)
        return out.getvalue().encode("utf-8", "replace")


def _cells(column: Sequence[Any], guard: bool) -> Sequence[Any]:
    """``_cell`` of a whole column; columns of numbers pass as they are."""
    types = set(map(type, column))
    if types <= _AS_IT_IS:
        return column
    if types <= _TEXT and not (guard and any(map(_MAY_BE_FORMULA, filter(None, column)))):
        return column
    return [_cell(cell, guard) for cell in column]


def _names(chunk: Sequence[Any]) -> list[str]:
    if isinstance(chunk, Rows):
        return list(chunk.names)
    rows = [item if isinstance(item, Mapping) else {"value": item} for item in chunk]
    return list(dict.fromkeys(name for row in rows for name in row))


def _as_rows(header: list[str], items: Sequence[Any], first: int) -> Rows:
    rows = [item if isinstance(item, Mapping) else {"value": item} for item in items]
    known = set(header)
    for number, row in enumerate(rows, start=first):
        if not known.issuperset(row):
            name = next(name for name in row if name not in known)
            raise NodeError(NEW_COLUMN, {"name": name, "index": number})
    return Rows({name: [row.get(name) for row in rows] for name in header}, len(rows))


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
