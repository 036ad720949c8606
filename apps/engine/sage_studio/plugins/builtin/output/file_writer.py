"""Writes a value into a file of the workspace."""

from __future__ import annotations

import base64
import json
import mimetypes
import re
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import IO, Any

from sage_studio.kernel import Json, define_error
from sage_studio.plugins.support.items import as_items
from sage_studio.plugins.support.line_formats import Lines, as_csv, as_json, field_names
from sage_studio.plugins.support.segments import Segments
from sage_studio.plugins.support.workbook import MIME as XLSX_MIME, Workbook
from sage_studio.sdk import (
    Choice,
    Chunk,
    ChunkNode,
    Context,
    Field,
    FileRef,
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

NOT_BYTES = define_error(
    "file_writer.not_bytes",
    3233,
    en="The content cannot be written as bytes: it is neither bytes nor text in base 64.",
    zh="无法按字节写入：内容既不是字节，也不是 Base64 文本。",
    hint_en="Choose “Text” for plain text, or connect a value that is bytes.",
    hint_zh="纯文本请选择“纯文本”格式，或连接字节类型的值。",
    status=422,
)

_MIME = {
    "xlsx": XLSX_MIME,
    "bytes": "application/octet-stream",
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "csv": "text/csv",
    "text": "text/plain",
}
_ENDING = {
    "xlsx": ".xlsx",
    "bytes": ".bin",
    "json": ".json",
    "jsonl": ".jsonl",
    "csv": ".csv",
    "text": ".txt",
}
_PIECE_BYTES = 1 << 20
_FORBIDDEN = re.compile(r"[\x00-\x1f/\\:*?\"<>|]")


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
            "Writes rows, text or bytes into a JSON, CSV, Excel, text or other file to be downloaded.",
            "将数据行、文本或字节写入可下载的 JSON、CSV、Excel、文本等文件。",
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
                    Choice(value="xlsx", label=text("Excel (XLSX)", "Excel (XLSX)")),
                    Choice(value="text", label=text("Text", "纯文本")),
                    Choice(value="bytes", label=text("Bytes", "字节")),
                ),
            ),
            Field(
                name="sheet",
                label=text("Name of the sheet", "工作表名称"),
                default="",
                max_length=31,
                expert=True,
                show_when={"format": ("xlsx",)},
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
        if kind == "xlsx":
            items = Chunk(as_items(inputs.get("value"), "value"))
            file = await _write_workbook(ctx, name, settings.text("sheet"), field_names(items), _one(items))
        else:
            content = await ctx.in_thread(_content, inputs.get("value"), kind, settings)
            file = await ctx.files.write(name, _mime(kind, name), content)
        ctx.log("file_written", name=name, size_bytes=file["size_bytes"])
        return {"file": file, "size_bytes": file["size_bytes"]}

    def __init__(self) -> None:
        self._segments: Segments | None = None
        self._held: Any = None
        self._header: list[str] | None = None
        self._written = 0

    async def open(self, ctx: Context, inputs: Mapping[str, Any]) -> None:
        settings = Settings(self.spec, ctx, inputs)
        self._ctx, kind = ctx, settings.text("format")
        self._name = _file_name(settings.text("name"), kind)
        self._sheet = settings.text("sheet")
        self._segments = segments = Segments(ctx.blobs, _MIME[kind])
        if self._held is not None:
            segments.load(self._held)
        elif settings.flag("bom") and kind in {"csv", "text"}:
            segments.append("\ufeff".encode())
        self._lines = Lines(kind, settings.text("delimiter") or ",", settings.flag("guard_formulas"))

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
        if kind == "xlsx":
            rows = _kept_rows(segments.content())
            file = await _write_workbook(self._ctx, name, self._sheet, self._header or [], rows)
        else:
            file = await self._ctx.files.write(name, _mime(kind, name), segments.content())
        self._ctx.log("file_written", name=name, size_bytes=file["size_bytes"], items=self._written)
        yield {"file": file, "size_bytes": file["size_bytes"]}

    def _text(self, write: Lines, chunk: Sequence[Any]) -> bytes:
        first, self._written = self._written, self._written + len(chunk)
        if write.kind == "bytes":
            return b"".join(map(_bytes, chunk))
        if write.kind == "xlsx":
            self._header = list(dict.fromkeys((*(self._header or ()), *field_names(chunk))))
        if write.kind != "csv":
            return write.plain(chunk, first)
        if self._header is None:
            self._header = field_names(chunk)
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


def _mime(kind: str, name: str) -> str:
    """Bytes are what their name says."""
    return (mimetypes.guess_type(name)[0] if kind == "bytes" else None) or _MIME[kind]


def _bytes(value: Any) -> bytes:
    """Raises NodeError ``file_writer.not_bytes``."""
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    try:
        return base64.b64decode(value, validate=True)
    except (TypeError, ValueError) as error:
        raise NodeError(NOT_BYTES) from error


async def _one(chunk: Sequence[Any]) -> AsyncIterator[Sequence[Any]]:
    yield chunk


async def _kept_rows(pieces: AsyncIterator[bytes]) -> AsyncIterator[Sequence[Any]]:
    """Rows that waited as JSON Lines until all columns were known."""
    left = b""
    async for piece in pieces:
        whole, _, left = (left + piece).rpartition(b"\n")
        yield [json.loads(line) for line in whole.splitlines()]


async def _write_workbook(
    ctx: Context, name: str, sheet: str, header: list[str], chunks: AsyncIterator[Sequence[Any]]
) -> FileRef:
    """Raises NodeError ``file_writer.too_many``."""
    with tempfile.TemporaryFile() as out:
        book = await ctx.in_thread(Workbook, out, header, sheet)
        try:
            async for chunk in chunks:
                rows = [item if isinstance(item, Mapping) else {"value": item} for item in chunk]
                await ctx.in_thread(book.add, rows)
        finally:
            book.close()  # also of a node that is stopped, which waits for nothing any more
        out.seek(0)
        return await ctx.files.write(name, XLSX_MIME, _pieces(ctx, out))


async def _pieces(ctx: Context, source: IO[bytes]) -> AsyncIterator[bytes]:
    while piece := await ctx.in_thread(source.read, _PIECE_BYTES):
        yield piece


def _file_name(name: str, kind: str) -> str:
    clean = name.strip().strip(".")
    if not clean or _FORBIDDEN.search(clean):
        raise NodeError(BAD_NAME, {"name": name}, path="config.name")
    return clean if re.search(r"\.[A-Za-z0-9]{1,8}$", clean) else clean + _ENDING[kind]


def _content(value: Any, kind: str, settings: Settings) -> bytes:
    if kind == "bytes":
        return _bytes(value)
    if kind == "csv":
        plain = as_csv(
            as_items(value, "value"), settings.text("delimiter") or ",", settings.flag("guard_formulas")
        )
    elif kind == "jsonl":
        plain = "".join(f"{as_json(item)}\n" for item in as_items(value, "value"))
    elif kind == "json":
        plain = as_json(value, indent=2) + "\n"
    else:
        plain = value if isinstance(value, str) else as_json(value, indent=2)
    marked = settings.flag("bom") and kind in {"csv", "text"}
    return plain.encode("utf-8-sig" if marked else "utf-8", "surrogatepass" if kind == "text" else "replace")
