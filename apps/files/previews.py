"""A first look at a file: its text, its first rows, or a page as a picture.

Only the beginning is read. Rows and text of plain formats are cut here by linear code; everything with a
format of its own goes through the reader process, which is held to limits, a few at a time.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, islice
from typing import Any, Literal, TypedDict

from apps.files.errors import PREVIEW_BUSY
from apps.files.models import File
from apps.files.store import store
from sage_studio.kernel import Json, SageError
from sage_studio.plugins.support.reading.process import Limits, document_parts
from sage_studio.plugins.support.sniff import Kind, decode, guess_encoding, kind_of
from sage_studio.plugins.support.table_stream import TableFormat, TableReader
from sage_studio.plugins.support.tables import column_names
from sage_studio.sdk import NodeError

HEAD_BYTES = 256 * 1024
MAX_ROWS = 100
MAX_COLUMNS = 50
MAX_CELL_CHARS = 300
MAX_TEXT_CHARS = 100_000
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_PAGE_WIDTH = 1000
_LIMITS = Limits(cpu_s=20, wait_s=20, memory_bytes=1 << 30, document_bytes=256 << 20)
_AT_ONCE = threading.BoundedSemaphore(2)
_WAIT_S = 10.0

PreviewKind = Literal["text", "table", "json", "image", "pdf", "none"]


class Preview(TypedDict):
    """``kind`` says which of the others is filled. ``is_cut`` says that there is more than is shown."""

    kind: PreviewKind
    text: str
    columns: list[str]
    rows: list[list[Json]]
    page_count: int
    is_cut: bool
    encoding: str


def file_preview(file: File) -> Preview:
    """What can be shown of a file; ``none`` for what cannot. Raises SageError for a file that cannot be
    read as what it is."""
    if file.mime in PICTURES:
        return _preview("image")
    head = b"".join(islice(store().stream(file.workspace_id, file.blob.sha256, HEAD_BYTES), 1))
    try:
        kind = kind_of(file.name, file.mime, head)
    except NodeError:
        return _preview("none")
    is_cut = file.size_bytes > len(head)
    if kind == "pdf":
        end = list(_parts(file, "pdf", {"max_pages": 0, "max_chars": 0}))[-1]["end"]
        return _preview("pdf", page_count=end["page_count"])
    if kind == "docx":
        found = next(_parts(file, "docx", {}))["text"]
        return _preview("text", text=found[:MAX_TEXT_CHARS], is_cut=len(found) > MAX_TEXT_CHARS)
    if kind == "xlsx":
        return _sheet(file)
    if kind in ("csv", "tsv"):
        return _table(file, head, kind, is_cut=is_cut)
    return _text(file, head, kind, is_cut=is_cut)


def page_png(file: File, page: int) -> bytes:
    """A page of a PDF as a picture. Raises SageError ``pdf.*`` and ``file.preview_busy``."""
    part = next(_parts(file, "render", {"page": page, "width": _PAGE_WIDTH}))
    return base64.b64decode(part["png"])


def _preview(kind: PreviewKind, **more: Any) -> Preview:
    empty = Preview(kind=kind, text="", columns=[], rows=[], page_count=0, is_cut=False, encoding="")
    return empty | more  # type: ignore[return-value] # the keys are those of the shape


def _text(file: File, head: bytes, kind: Kind, *, is_cut: bool) -> Preview:
    encoding = guess_encoding(head)
    text = head.decode(encoding, "ignore") if is_cut else decode(file.name, head)[0]
    shown: PreviewKind = "json" if kind == "json" and not is_cut else "text"
    is_cut = is_cut or len(text) > MAX_TEXT_CHARS
    return _preview(shown, text=text[:MAX_TEXT_CHARS], is_cut=is_cut, encoding=encoding)


def _table(file: File, head: bytes, kind: Kind, *, is_cut: bool) -> Preview:
    reader = TableReader(file.name, TableFormat(kind, "\t" if kind == "tsv" else ""))
    chunks = reader.feed(head) if is_cut else chain(reader.feed(head), reader.end())
    rows = list(islice((row for chunk in chunks for row in chunk), MAX_ROWS + 1))
    columns = list(rows[0])[:MAX_COLUMNS] if rows else []
    cells = [[_cell(row.get(name)) for name in columns] for row in rows[:MAX_ROWS]]
    return _preview("table", columns=columns, rows=cells, is_cut=is_cut or len(rows) > MAX_ROWS)


def _sheet(file: File) -> Preview:
    found = [row for part in _parts(file, "xlsx", {"max_rows": MAX_ROWS + 2}) for row in part.get("rows", ())]
    width = min(max(map(len, found), default=0), MAX_COLUMNS)
    columns = column_names(["" if cell is None else str(cell) for cell in found[0]], width) if found else []
    cells = [[_cell(cell) for cell in row[:width]] for row in found[1 : MAX_ROWS + 1]]
    return _preview("table", columns=columns[:width], rows=cells, is_cut=len(found) > MAX_ROWS + 1)


def _cell(value: Any) -> Json:
    if isinstance(value, str) and len(value) > MAX_CELL_CHARS:
        return f"{value[:MAX_CELL_CHARS]}…"
    return value if isinstance(value, (str, int, float, bool)) else None


def _parts(file: File, task: str, options: dict[str, Json]) -> Iterator[dict[str, Any]]:
    blocks = store().stream(file.workspace_id, file.blob.sha256, HEAD_BYTES)
    with _turn():
        yield from document_parts(file.name, blocks, task, options, _LIMITS)


@contextmanager
def _turn() -> Iterator[None]:
    """Raises SageError ``file.preview_busy`` when others take too long."""
    if not _AT_ONCE.acquire(timeout=_WAIT_S):
        raise SageError(PREVIEW_BUSY)
    try:
        yield
    finally:
        _AT_ONCE.release()
