"""Reads files a person uploaded, or samples, into documents and rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from sage_studio.kernel import Json, define_error
from sage_studio.plugins.support.documents import Document
from sage_studio.plugins.support.file_parts import (
    BLOCK_BYTES,
    LINE_KINDS,
    MAX_TEXT_BYTES,
    TABLE_KINDS,
    How,
    Part,
    file_parts,
    line_reader,
    row_chunks,
)
from sage_studio.plugins.support.reading.fields import PDF_PASSWORD_FIELD
from sage_studio.plugins.support.secrets import secret_text
from sage_studio.plugins.support.sniff import Kind, decode
from sage_studio.plugins.support.table_stream import TableReader
from sage_studio.plugins.support.tables import csv_rows, jsonl_rows
from sage_studio.sdk import (
    Choice,
    Chunk,
    Context,
    Field,
    FileRef,
    NodeError,
    NodeOutput,
    NodeSpec,
    Port,
    Settings,
    StreamNode,
    text,
)

NO_FILES = define_error(
    "file_reader.no_files",
    3171,
    en="There is no file to read.",
    zh="没有可读取的文件。",
    hint_en="Choose files in the node, or connect a node that gives some.",
    hint_zh="请在节点中选择文件，或连接提供文件的节点。",
    status=422,
)

_MAX_ROWS = 1_000_000
_NO_LIMIT = 1 << 60
_KIND_CHOICES: tuple[tuple[str, str, str], ...] = (
    ("auto", "By name and content", "按名称和内容判断"),
    ("pdf", "PDF", "PDF"),
    ("docx", "Word (DOCX)", "Word (DOCX)"),
    ("xlsx", "Excel (XLSX)", "Excel (XLSX)"),
    ("csv", "CSV", "CSV"),
    ("tsv", "TSV", "TSV"),
    ("json", "JSON", "JSON"),
    ("jsonl", "JSON Lines", "JSON Lines"),
    ("text", "Text", "纯文本"),
    ("markdown", "Markdown", "Markdown"),
    ("html", "HTML", "HTML"),
)
_ENCODINGS = ("utf-8", "gb18030", "big5", "utf-16", "shift_jis", "euc-kr", "cp1252", "latin-1")


class FileReader(StreamNode):
    """Tables give rows, everything else documents; each can be asked for the other way.

    As a stream, CSV, TSV, JSON Lines and plain text are read a block at a time (text as lines), JSON lists
    entry by entry, workbooks row by row and PDFs page by page; other kinds are read whole, file by file.
    Its place in a checkpoint is the file and the byte, or the number of parts given of it.
    """

    spec = NodeSpec(
        id="file_reader",
        name=text("Read files", "读取文件"),
        description=text(
            "Reads PDF, Word, Excel, CSV, TSV, JSON, JSON Lines, text, Markdown and HTML files.",
            "读取 PDF、Word、Excel、CSV、TSV、JSON、JSON Lines、纯文本、Markdown 和 HTML 文件。",
        ),
        category="source",
        icon="file",
        gives_all=True,
        inputs=(Port(name="files", type="array<File>", label=text("Files", "文件")),),
        outputs=(
            Port(name="documents", type="array<Document>", label=text("Documents", "文档"), streams=True),
            Port(name="rows", type="array<any>", label=text("Rows", "数据行"), streams=True),
            Port(name="files", type="array<File>", label=text("Files", "文件")),
        ),
        config=(
            Field(
                name="files",
                type="array",
                label=text("Files", "文件"),
                help=text("A connection wins over the files chosen here.", "有连线时以连线传入的文件为准。"),
                default=[],
                control="files",
                wireable=True,
            ),
            Field(
                name="output",
                label=text("Read as", "读取为"),
                default="auto",
                control="select",
                expression="never",
                options=(
                    Choice(
                        value="auto", label=text("Tables as rows, the rest as text", "表格读为行，其余为文本")
                    ),
                    Choice(value="documents", label=text("Everything as text", "全部读为文本")),
                    Choice(value="rows", label=text("Rows only", "仅数据行")),
                ),
            ),
            Field(
                name="kind",
                label=text("Format", "格式"),
                default="auto",
                control="select",
                expression="never",
                options=tuple(Choice(value=kind, label=text(en, zh)) for kind, en, zh in _KIND_CHOICES),
                expert=True,
            ),
            Field(
                name="encoding",
                label=text("Encoding", "编码"),
                default="auto",
                control="select",
                options=(
                    Choice(value="auto", label=text("Detect", "自动检测")),
                    *(Choice(value=name, label=text(name.upper(), name.upper())) for name in _ENCODINGS),
                ),
                expert=True,
            ),
            Field(
                name="delimiter",
                label=text("Separator", "分隔符"),
                help=text("Empty: find out.", "留空则自动判断。"),
                default="",
                max_length=1,
                expert=True,
            ),
            Field(
                name="has_header",
                type="boolean",
                label=text("First row holds the names", "首行为列名"),
                default=True,
                control="switch",
                expert=True,
            ),
            Field(
                name="numbers",
                type="boolean",
                label=text("Read numbers as numbers", "识别数字"),
                help=text(
                    "Columns that hold nothing but numbers become numbers.", "全部为数字的列转换为数字类型。"
                ),
                default=True,
                control="switch",
                expert=True,
            ),
            Field(
                name="sheet",
                label=text("Sheet", "工作表"),
                help=text(
                    "Name or number of a workbook's sheet; empty: the first; *: all, with their names in a "
                    "column.",
                    "工作簿中工作表的名称或序号；留空为第一个；* 表示全部，并增加一列表名。",
                ),
                default="",
                max_length=100,
                expert=True,
            ),
            Field(
                name="max_rows",
                type="integer",
                label=text("Most rows per file", "每个文件的最大行数"),
                help=text(
                    "As it stands, streams are read to their end; any other number holds for them too.",
                    "保持默认值时，流式读取会读到文件末尾；其他数值对流式读取同样有效。",
                ),
                default=_MAX_ROWS,
                minimum=1,
                maximum=5_000_000,
                unit=text("rows", "行"),
                expert=True,
            ),
            PDF_PASSWORD_FIELD,
        ),
        default_timeout_s=600,
        example={
            "config": {"files": [{"name": "people.csv", "mime": "text/csv", "ref": "sample:people.csv"}]},
            "inputs": {},
        },
    )

    def __init__(self) -> None:
        self._file = 0
        self._held: Any = None
        self._reader: TableReader | None = None
        self._parts = 0

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        files, how = await _wanted(ctx, settings, is_stream=False)
        documents: list[Document] = []
        rows: list[Any] = []
        for number, file in enumerate(files):
            ctx.progress(number, len(files), file["name"])
            more_documents, more_rows = await _read(ctx, file, how)
            documents += more_documents
            rows += more_rows[: how.max_rows]
            ctx.log("file_read", name=file["name"], documents=len(more_documents), rows=len(more_rows))
            if len(more_rows) > how.max_rows:
                ctx.log("rows_left_out", level="warning", name=file["name"], read=how.max_rows)
        ctx.progress(len(files), len(files))
        return {"documents": documents, "rows": rows, "files": files}

    async def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[NodeOutput]:
        files, how = await _wanted(ctx, Settings(self.spec, ctx, inputs), is_stream=True)
        while self._file < len(files):
            async for part in self._stream_file(ctx, files[self._file], how):
                yield part
            self._file += 1
            self._parts = 0
            self._held = self._reader = None
        yield {"files": files}

    async def _stream_file(self, ctx: Context, file: FileRef, how: How) -> AsyncIterator[NodeOutput]:
        blocks = ctx.files.stream(file, chunk_bytes=BLOCK_BYTES)
        first = await anext(blocks, b"")
        kind = how.kind_of(file, first)
        if kind in LINE_KINDS and how.output != "documents":
            self._reader = line_reader(file, kind, how)
            if self._held is not None:
                self._reader.restore(self._held)
            parts = _line_parts(self._reader, first, blocks)
            skip = 0
        else:
            skip = self._parts = self._held["parts"] if self._held is not None else 0
            parts = file_parts(ctx, file, kind, how)
        left = how.max_rows
        async for part in parts:
            if skip:
                skip -= 1
            else:
                self._parts += self._reader is None
                yield _given(part)
            left -= len(part.rows)
            if left <= 0:
                return

    def snapshot(self) -> Json:
        return {"file": self._file, "position": self._reader.position if self._reader else self._place()}

    def _place(self) -> Json:
        return {"parts": self._parts} if self._parts else None

    def restore(self, state: Any) -> None:
        self._file, self._held = state["file"], state["position"]


async def _line_parts(reader: TableReader, first: bytes, blocks: AsyncIterator[bytes]) -> AsyncIterator[Part]:
    async for chunks in row_chunks(reader, first, blocks):
        for chunk in chunks:
            yield Part(rows=chunk)


def _given(part: Part) -> NodeOutput:
    if part.documents:
        return {"documents": Chunk(part.documents)}
    return {"rows": part.rows}


async def _wanted(ctx: Context, settings: Settings, *, is_stream: bool) -> tuple[list[FileRef], How]:
    """The files and how to read them. Raises NodeError ``file_reader.no_files``."""
    files = settings.files("files")
    if not files:
        raise NodeError(NO_FILES)
    max_rows = settings.integer("max_rows")
    return files, How(
        kind=settings.text("kind"),
        output=settings.text("output"),
        encoding=settings.text("encoding"),
        delimiter=settings.text("delimiter"),
        has_header=settings.flag("has_header"),
        numbers=settings.flag("numbers"),
        sheet=settings.text("sheet"),
        max_rows=_NO_LIMIT if is_stream and max_rows == _MAX_ROWS else max_rows,
        password=await secret_text(ctx, settings.text("password")),
    )


async def _read(ctx: Context, file: FileRef, how: How) -> tuple[list[Document], list[Any]]:
    """All of a file, up to the most rows. Columns of a table that is not too large are judged as a whole."""
    blocks = ctx.files.stream(file, chunk_bytes=MAX_TEXT_BYTES)
    first = await anext(blocks, b"")
    kind = how.kind_of(file, first)
    documents: list[Document] = []
    rows: list[Any] = []
    if kind not in TABLE_KINDS - {"xlsx", "json"} or how.output == "documents":
        parts = file_parts(ctx, file, kind, how)
    elif len(first) < MAX_TEXT_BYTES and not await anext(blocks, b""):
        return [], await ctx.in_thread(_table, file["name"], first, kind, how)
    else:
        blocks = ctx.files.stream(file, chunk_bytes=BLOCK_BYTES)
        parts = _line_parts(line_reader(file, kind, how), await anext(blocks, b""), blocks)
    async for part in parts:
        documents += part.documents
        rows += part.rows
        if len(rows) > how.max_rows:
            break
    return documents, rows[: how.max_rows + 1]


def _table(name: str, content: bytes, kind: Kind, how: How) -> list[Any]:
    source, _encoding = decode(name, content, how.encoding)
    if kind == "jsonl":
        return jsonl_rows(name, source, max_rows=how.max_rows + 1)
    return list(
        csv_rows(
            name,
            source,
            delimiter="\t" if kind == "tsv" else how.delimiter,
            has_header=how.has_header,
            max_rows=how.max_rows + 1,
            numbers=how.numbers,
        )
    )
