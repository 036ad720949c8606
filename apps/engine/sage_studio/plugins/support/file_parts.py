"""A file as documents and rows, part by part: what the reading nodes share.

Rows of text formats are cut out of the file a block at a time. What needs a parser of its own (PDF, Word,
Excel, HTML) is read by a process of its own (``reading``), which gives pages and rows as it finds them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sage_studio.kernel import Json, JsonObject
from sage_studio.plugins.support.documents import Document, document
from sage_studio.plugins.support.json_stream import JsonReader
from sage_studio.plugins.support.reading.errors import TOO_LARGE
from sage_studio.plugins.support.reading.process import Limits, ReaderProcess, read_document
from sage_studio.plugins.support.sniff import Kind, decode, kind_of
from sage_studio.plugins.support.table_stream import TableFormat, TableReader
from sage_studio.plugins.support.tables import column_names
from sage_studio.sdk import Chunk, Context, FileRef, NodeError, Rows

BLOCK_BYTES = 256 * 1024
MAX_CHARS = 50_000_000
MAX_TEXT_BYTES = 64 << 20
DEFAULT_MAX_PAGES = 5_000
TABLE_KINDS: frozenset[Kind] = frozenset({"csv", "tsv", "json", "jsonl", "xlsx"})
LINE_KINDS: frozenset[Kind] = frozenset({"csv", "tsv", "jsonl", "text", "markdown"})
_HTML_LIMITS = Limits(cpu_s=60, wait_s=60, memory_bytes=2 << 30, document_bytes=MAX_TEXT_BYTES)
_ALL_SHEETS = "*"


@dataclass(frozen=True, slots=True)
class How:
    """The settings one file is read by."""

    kind: str = "auto"
    output: str = "auto"
    encoding: str = "auto"
    delimiter: str = ""
    has_header: bool = True
    numbers: bool = True
    sheet: str = ""
    max_rows: int = 1_000_000
    max_pages: int = DEFAULT_MAX_PAGES
    password: str = ""

    def kind_of(self, file: FileRef, head: bytes) -> Kind:
        """Raises NodeError ``file.not_what_it_says`` or ``file.unsupported``."""
        found = kind_of(file["name"], file["mime"], head)
        is_packed = found in {"pdf", "docx", "xlsx"}
        return found if self.kind == "auto" or is_packed else self.kind  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class Part:
    """Some documents, or some rows."""

    documents: Sequence[Document] = ()
    rows: Sequence[Any] = ()


def line_reader(file: FileRef, kind: Kind, how: How) -> TableReader:
    """What cuts rows out of a file whose records are lines."""
    delimiter = "\t" if kind == "tsv" else how.delimiter
    form = TableFormat(kind, delimiter, how.has_header, how.numbers, how.encoding)
    return TableReader(file["name"], form)


async def row_chunks(
    reader: TableReader | JsonReader, first: bytes, blocks: AsyncIterator[bytes]
) -> AsyncIterator[Iterator[Sequence[Any]]]:
    """The chunks in each block of a file."""
    yield reader.feed(first)
    async for block in blocks:
        yield reader.feed(block)
    yield reader.end()


async def file_parts(ctx: Context, file: FileRef, kind: Kind, how: How) -> AsyncIterator[Part]:
    """A file of any kind but those whose rows ``line_reader`` cuts out."""
    if kind == "xlsx":
        parts = _sheets(ctx, file, how)
    elif kind == "json" and how.output != "documents":
        parts = _json(ctx, file, how)
    elif kind == "pdf":
        parts = _pages(ctx, file, how)
    elif kind == "docx":
        parts = _word(ctx, file)
    else:
        parts = _text(ctx, file, kind, how)
    async for part in parts:
        yield Part(rows=Chunk(part.documents)) if how.output == "rows" and part.documents else part


async def _sheets(ctx: Context, file: FileRef, how: How) -> AsyncIterator[Part]:
    """Rows of one sheet under its header; or the text of all sheets."""
    as_text = how.output == "documents"
    sheet = how.sheet or (_ALL_SHEETS if as_text else "")
    options: JsonObject = {"sheet": sheet, "max_rows": how.max_rows + how.has_header}
    maker = _SheetRows(how)
    texts: dict[str, list[str]] = {}
    async for part in read_document(ctx, file, "xlsx", options):
        if "rows" not in part:
            continue
        if as_text:
            lines = texts.setdefault(part["sheet"], [])
            lines += ["\t".join("" if cell is None else str(cell) for cell in row) for row in part["rows"]]
        elif rows := maker.rows(part["sheet"], part["rows"]):
            yield Part(rows=rows)
    for name, lines in texts.items():
        yield Part([document("\n".join(lines), {"source": file["name"], "sheet": name})])


class _SheetRows:
    """Rows of cells as objects, under the names that the first row of each sheet gives."""

    def __init__(self, how: How) -> None:
        self._how = how
        self._sheet: str | None = None
        self._names: list[str] = []

    def rows(self, sheet: str, cells: list[list[Any]]) -> Rows | None:
        if sheet != self._sheet:
            self._sheet = sheet
            header = ["" if cell is None else str(cell) for cell in cells[0]] if self._how.has_header else []
            self._names = column_names(header, max(map(len, cells)))
            cells = cells[1:] if self._how.has_header else cells
        width = max(map(len, cells), default=0)
        if width > len(self._names):
            self._names = column_names(self._names, width)
        if not cells:
            return None
        for row in cells:
            row.extend([None] * (len(self._names) - len(row)))
        columns: dict[str, Sequence[Any]] = dict(zip(self._names, zip(*cells, strict=True), strict=True))
        if self._how.sheet == _ALL_SHEETS:
            columns = {"sheet": [sheet] * len(cells), **columns}
        return Rows(columns, len(cells))


async def _json(ctx: Context, file: FileRef, how: How) -> AsyncIterator[Part]:
    reader = JsonReader(file["name"], how.encoding)
    blocks = ctx.files.stream(file, chunk_bytes=BLOCK_BYTES)
    async for chunks in row_chunks(reader, await anext(blocks, b""), blocks):
        for chunk in chunks:
            yield Part(rows=chunk)


async def _pages(ctx: Context, file: FileRef, how: How) -> AsyncIterator[Part]:
    async for part in pdf_pages(ctx, file, password=how.password, max_pages=how.max_pages):
        if "page" in part and part["text"].strip():
            yield Part([document(part["text"], {"source": file["name"], "page": part["page"]})])


def pdf_pages(
    ctx: Context, file: FileRef, *, password: str, max_pages: int, reader: ReaderProcess | None = None
) -> AsyncIterator[dict[str, Any]]:
    """``{page, text}`` of each page, then ``{end: {outline, metadata, page_count, pages_read}}``."""
    options: Mapping[str, Json] = {"password": password, "max_pages": max_pages, "max_chars": MAX_CHARS}
    return read_document(ctx, file, "pdf", options, reader=reader)


async def _word(ctx: Context, file: FileRef) -> AsyncIterator[Part]:
    async for part in read_document(ctx, file, "docx", {}):
        if "text" in part:
            yield Part([document(part["text"], {"source": file["name"]})])


async def _text(ctx: Context, file: FileRef, kind: Kind, how: How) -> AsyncIterator[Part]:
    name = file["name"]
    source, encoding = await ctx.in_thread(decode, name, await whole(ctx, file), how.encoding)
    if kind != "html":
        yield Part([document(source.replace("\r\n", "\n"), {"source": name, "encoding": encoding})])
        return
    async for part in html_parts(ctx, name, source):
        yield Part([document(part["text"], {"source": name, "title": part["title"], "encoding": encoding})])


async def html_parts(ctx: Context, name: str, source: str) -> AsyncIterator[dict[str, Any]]:
    """``{text, title}`` of a page given as text."""
    page = source.encode("utf-8", "replace")
    async for part in read_document(ctx, page, "html", {}, name=name, limits=_HTML_LIMITS):
        if "text" in part:
            yield part


async def whole(ctx: Context, file: FileRef, limit_bytes: int = MAX_TEXT_BYTES) -> bytes:
    """The content of a file that is not too large for that. Raises NodeError ``reading.too_large``."""
    content = bytearray()
    async for block in ctx.files.stream(file):
        content += block
        if len(content) > limit_bytes:
            raise NodeError(TOO_LARGE, {"name": file["name"], "limit_mb": limit_bytes >> 20})
    return bytes(content)
