"""Reads files a person uploaded, or samples, into documents and rows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sage_studio.kernel import Json, define_error
from sage_studio.plugins.support.documents import Document, document
from sage_studio.plugins.support.markup import docx_text, html_text
from sage_studio.plugins.support.pdf import read_pdf
from sage_studio.plugins.support.secrets import secret_text
from sage_studio.plugins.support.sniff import Kind, decode, kind_of
from sage_studio.plugins.support.table_stream import TableFormat, TableReader
from sage_studio.plugins.support.tables import csv_rows, json_rows, jsonl_rows
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

_BLOCK_BYTES = 256 * 1024
_MAX_ROWS = 1_000_000
_STREAM_KINDS: frozenset[Kind] = frozenset({"csv", "tsv", "jsonl", "text", "markdown"})
_TABLE_KINDS: frozenset[Kind] = frozenset({"csv", "tsv", "json", "jsonl"})
_KIND_CHOICES: tuple[tuple[str, str, str], ...] = (
    ("auto", "By name and content", "按名称和内容判断"),
    ("pdf", "PDF", "PDF"),
    ("docx", "Word (DOCX)", "Word (DOCX)"),
    ("csv", "CSV", "CSV"),
    ("tsv", "TSV", "TSV"),
    ("json", "JSON", "JSON"),
    ("jsonl", "JSON Lines", "JSON Lines"),
    ("text", "Text", "纯文本"),
    ("markdown", "Markdown", "Markdown"),
    ("html", "HTML", "HTML"),
)
_ENCODINGS = ("utf-8", "gb18030", "big5", "utf-16", "shift_jis", "euc-kr", "cp1252", "latin-1")


@dataclass(frozen=True, slots=True)
class _How:
    """The settings one file is read by."""

    kind: str
    output: str
    encoding: str
    delimiter: str
    has_header: bool
    numbers: bool
    max_rows: int
    password: str


class FileReader(StreamNode):
    """Tables give rows, everything else documents; each can be asked for the other way.

    As a stream, CSV, TSV, JSON Lines and plain text are read a block at a time (text as lines); other
    kinds are read whole, file by file. Its place in a checkpoint is the file and the byte.
    """

    spec = NodeSpec(
        id="file_reader",
        name=text("Read files", "读取文件"),
        description=text(
            "Reads PDF, Word, CSV, TSV, JSON, JSON Lines, text, Markdown and HTML files.",
            "读取 PDF、Word、CSV、TSV、JSON、JSON Lines、纯文本、Markdown 和 HTML 文件。",
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
            Field(
                name="password",
                label=text("Password credential", "密码凭据"),
                help=text("A credential that holds the password of PDFs.", "存有 PDF 密码的凭据。"),
                default="",
                control="credential",
                credential_kind="api_key",
                expression="never",
                expert=True,
            ),
        ),
        default_timeout_s=600,
        example={
            "config": {"files": [{"name": "people.csv", "mime": "text/csv", "ref": "sample:people.csv"}]},
            "inputs": {},
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        files = settings.files("files")
        if not files:
            raise NodeError(NO_FILES)
        how = await _how(ctx, settings)
        documents: list[Document] = []
        rows: list[Any] = []
        for number, file in enumerate(files):
            ctx.progress(number, len(files), file["name"])
            content = await ctx.files.read(file)
            more_documents, more_rows = await ctx.in_thread(_read, file, content, how)
            documents.extend(more_documents)
            rows.extend(more_rows)
            ctx.log("file_read", name=file["name"], documents=len(more_documents), rows=len(more_rows))
        ctx.progress(len(files), len(files))
        return {"documents": documents, "rows": rows, "files": files}

    def __init__(self) -> None:
        self._file = 0
        self._held: Any = None
        self._reader: TableReader | None = None

    async def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[NodeOutput]:
        settings = Settings(self.spec, ctx, inputs)
        files = settings.files("files")
        if not files:
            raise NodeError(NO_FILES)
        how = await _how(ctx, settings)
        while self._file < len(files):
            async for part in self._stream_file(ctx, files[self._file], how):
                yield part
            self._file += 1
            self._held = self._reader = None
        yield {"files": files}

    async def _stream_file(self, ctx: Context, file: FileRef, how: _How) -> AsyncIterator[NodeOutput]:
        blocks = ctx.files.stream(file, chunk_bytes=_BLOCK_BYTES)
        first = await anext(blocks, b"")
        kind = _kind(file, first, how)
        if kind not in _STREAM_KINDS or how.output == "documents":
            documents, rows = await ctx.in_thread(_read, file, await ctx.files.read(file), how)
            yield {"documents": Chunk(documents), "rows": Chunk(rows)}
            return
        delimiter = "\t" if kind == "tsv" else how.delimiter
        reader = TableReader(
            file["name"], TableFormat(kind, delimiter, how.has_header, how.numbers, how.encoding)
        )
        if self._held is not None:
            reader.restore(self._held)
        self._reader = reader
        limit = None if how.max_rows == _MAX_ROWS else how.max_rows
        given = 0
        async for chunks in _chunks(reader, first, blocks):
            for chunk in chunks:
                given += len(chunk)
                yield {"rows": chunk}
                if limit is not None and given >= limit:
                    return

    def snapshot(self) -> Json:
        return {"file": self._file, "position": self._reader.position if self._reader else None}

    def restore(self, state: Any) -> None:
        self._file, self._held = state["file"], state["position"]


async def _chunks(
    reader: TableReader, first: bytes, blocks: AsyncIterator[bytes]
) -> AsyncIterator[Iterator[Sequence[Any]]]:
    yield reader.feed(first)
    async for block in blocks:
        yield reader.feed(block)
    yield reader.end()


def _kind(file: FileRef, head: bytes, how: _How) -> Kind:
    found = kind_of(file["name"], file["mime"], head)
    return found if how.kind == "auto" or found in {"pdf", "docx"} else how.kind  # type: ignore[return-value]


async def _how(ctx: Context, settings: Settings) -> _How:
    return _How(
        kind=settings.text("kind"),
        output=settings.text("output"),
        encoding=settings.text("encoding"),
        delimiter=settings.text("delimiter"),
        has_header=settings.flag("has_header"),
        numbers=settings.flag("numbers"),
        max_rows=settings.integer("max_rows"),
        password=await secret_text(ctx, settings.text("password")),
    )


def _read(file: FileRef, content: bytes, how: _How) -> tuple[list[Document], list[Any]]:
    kind = _kind(file, content, how)
    if kind in _TABLE_KINDS and how.output != "documents":
        return [], _rows(file["name"], content, kind, how)
    if how.output == "rows":
        return [], list(_documents(file["name"], content, kind, how))
    return _documents(file["name"], content, kind, how), []


def _rows(name: str, content: bytes, kind: Kind, how: _How) -> list[Any]:
    source, _encoding = decode(name, content, how.encoding)
    if kind == "json":
        return json_rows(name, source, max_rows=how.max_rows)
    if kind == "jsonl":
        return jsonl_rows(name, source, max_rows=how.max_rows)
    return list(
        csv_rows(
            name,
            source,
            delimiter="\t" if kind == "tsv" else how.delimiter,
            has_header=how.has_header,
            max_rows=how.max_rows,
            numbers=how.numbers,
        )
    )


def _documents(name: str, content: bytes, kind: Kind, how: _How) -> list[Document]:
    if kind == "pdf":
        pages = read_pdf(name, content, password=how.password).pages
        numbered = enumerate(pages, start=1)
        return [document(page, {"source": name, "page": at}) for at, page in numbered if page.strip()]
    if kind == "docx":
        return [document(docx_text(name, content), {"source": name})]
    source, encoding = decode(name, content, how.encoding)
    if kind == "html":
        visible, title = html_text(source)
        return [document(visible, {"source": name, "title": title, "encoding": encoding})]
    return [document(source.replace("\r\n", "\n"), {"source": name, "encoding": encoding})]
