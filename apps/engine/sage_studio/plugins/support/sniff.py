"""What a file really is: its kind by content and name, and its text by encoding."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from charset_normalizer import from_bytes

from sage_studio.kernel import define_error
from sage_studio.sdk import NodeError

Kind = Literal["pdf", "docx", "xlsx", "csv", "tsv", "json", "jsonl", "text", "markdown", "html"]

NOT_WHAT_IT_SAYS = define_error(
    "file.not_what_it_says",
    3141,
    en="“{name}” calls itself {claimed}, but its content is {found}.",
    zh="“{name}”自称是 {claimed}，但内容是 {found}。",
    hint_en="Give the file its right ending, or save it again in the format its name promises.",
    hint_zh="请改成正确的扩展名，或按名称所示的格式重新保存文件。",
    status=422,
)
UNSUPPORTED = define_error(
    "file.unsupported",
    3142,
    en="“{name}” is {found}, which cannot be read as text or rows.",
    zh="“{name}”是 {found}，无法作为文本或数据行读取。",
    hint_en="PDF, DOCX, XLSX, CSV, TSV, JSON, JSONL, TXT, Markdown and HTML can be read.",
    hint_zh="可读取 PDF、DOCX、XLSX、CSV、TSV、JSON、JSONL、TXT、Markdown 和 HTML。",
    status=422,
)
BAD_ENCODING = define_error(
    "file.bad_encoding",
    3143,
    en="“{name}” cannot be read in the encoding {encoding}.",
    zh="无法以编码 {encoding} 读取“{name}”。",
    hint_en="Choose “detect”, or the encoding the file was saved in.",
    hint_zh="请选择“自动检测”，或文件保存时使用的编码。",
    status=422,
)

_BY_ENDING: dict[str, Kind] = {
    ".pdf": "pdf", ".docx": "docx", ".docm": "docx", ".xlsx": "xlsx", ".xlsm": "xlsx",
    ".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".json": "json",
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".txt": "text", ".text": "text", ".log": "text",
    ".md": "markdown", ".markdown": "markdown", ".html": "html", ".htm": "html", ".xhtml": "html",
}  # fmt: skip
_BY_MIME: dict[str, Kind] = {
    "application/pdf": "pdf", "text/csv": "csv", "text/tab-separated-values": "tsv",
    "application/json": "json", "application/x-ndjson": "jsonl", "text/plain": "text",
    "text/markdown": "markdown", "text/html": "html",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
}  # fmt: skip
MIME_OF_KIND: dict[Kind, str] = {
    "pdf": "application/pdf", "csv": "text/csv", "tsv": "text/tab-separated-values",
    "json": "application/json", "jsonl": "application/x-ndjson", "text": "text/plain",
    "markdown": "text/markdown", "html": "text/html",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}  # fmt: skip
_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"PK\x03\x04", "zip", "application/zip"),
    (b"PK\x05\x06", "zip", "application/zip"),
    (b"\x89PNG\r\n\x1a\n", "a PNG image", "image/png"),
    (b"\xff\xd8\xff", "a JPEG image", "image/jpeg"),
    (b"GIF8", "a GIF image", "image/gif"),
    (b"\x1f\x8b", "a gzip archive", "application/gzip"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "application/x-7z-compressed"),
    (b"Rar!", "a RAR archive", "application/vnd.rar"),
    (b"\x7fELF", "a program", "application/octet-stream"),
    (b"MZ", "a program", "application/octet-stream"),
    (b"\xd0\xcf\x11\xe0", "an old Office file", "application/x-ole-storage"),
    (b"SQLite format 3\x00", "a database", "application/vnd.sqlite3"),
    (b"ID3", "a sound file", "audio/mpeg"),
    (b"OggS", "a sound file", "audio/ogg"),
)
# Office documents are zip archives; the folder tells which.
_IN_ZIP: dict[Kind, bytes] = {"docx": b"word/", "xlsx": b"xl/"}
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_HEAD = 4_096
_SAMPLE = 256 * 1_024
_TEXT_FALLBACKS = ("gb18030", "cp1252", "latin-1")


@dataclass(frozen=True, slots=True)
class Found:
    """What the first bytes say: ``label`` for people, ``group`` is pdf, zip, text or binary."""

    group: Literal["pdf", "zip", "text", "binary"]
    label: str
    mime: str


def look(content: bytes) -> Found:
    """Judge by content alone."""
    head = content[:_HEAD]
    if b"%PDF-" in head[:1_024]:
        return Found("pdf", "a PDF document", "application/pdf")
    for magic, label, mime in _MAGIC:
        if head.startswith(magic):
            if label == "zip":
                return Found("zip", "a zip archive", mime)
            if magic in {b"MZ", b"ID3"} and b"\x00" not in head:
                continue
            return Found("binary", label, mime)
    if any(head.startswith(bom) for bom, _name in _BOMS):
        return Found("text", "text", "text/plain")
    if b"\x00" in head and not wide_encoding(head):
        return Found("binary", "binary data", "application/octet-stream")
    return Found("text", "text", "text/plain")


def sniff_mime(name: str, content: bytes) -> str:
    """The media type by content first; the name only chooses among kinds of text and of zip."""
    found = look(content)
    claimed = _BY_ENDING.get(PurePosixPath(name.lower()).suffix)
    if found.group == "text" and claimed is not None and claimed not in {"pdf", *_IN_ZIP}:
        return MIME_OF_KIND[claimed]
    if found.group == "zip" and claimed in _IN_ZIP and _IN_ZIP[claimed] in content:
        return MIME_OF_KIND[claimed]
    return found.mime


def kind_of(name: str, mime: str, content: bytes) -> Kind:
    """How to read a file: by its name or media type, as long as the content agrees.

    Raises NodeError ``file.not_what_it_says`` or ``file.unsupported``.
    """
    found = look(content)
    claimed = _BY_ENDING.get(PurePosixPath(name.lower()).suffix) or _BY_MIME.get(
        mime.split(";", maxsplit=1)[0].strip()
    )
    if claimed is None:
        return _kind_by_content(name, content, found)
    wanted = "zip" if claimed in _IN_ZIP else "pdf" if claimed == "pdf" else "text"
    if found.group != wanted:
        raise NodeError(NOT_WHAT_IT_SAYS, {"name": name, "claimed": claimed.upper(), "found": found.label})
    return claimed


def _kind_by_content(name: str, content: bytes, found: Found) -> Kind:
    if found.group == "pdf":
        return "pdf"
    for kind, folder in _IN_ZIP.items() if found.group == "zip" else ():
        if folder in content:
            return kind
    if found.group != "text":
        raise NodeError(UNSUPPORTED, {"name": name, "found": found.label})
    head = content[:_HEAD].lstrip().lower()
    if head.startswith((b"<!doctype html", b"<html")):
        return "html"
    return "json" if head.startswith((b"{", b"[")) else "text"


def wide_encoding(head: bytes) -> str:
    """UTF-16 without a mark, told by where its zero bytes stand; empty for anything else."""
    even, odd = head[:_HEAD:2], head[1:_HEAD:2]
    for encoding, high, low in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        if high.count(0) > len(high) // 4 and not low.count(0):
            text = head[: _HEAD & ~1].decode(encoding, "ignore")
            return encoding if all(sign.isprintable() or sign in "\t\r\n" for sign in text) else ""
    return ""


def decode(name: str, content: bytes, encoding: str = "auto") -> tuple[str, str]:
    """The text and the encoding it was read in; a byte order mark wins over a guess.

    Raises NodeError ``file.bad_encoding`` when a named encoding does not fit.
    """
    for bom, bom_encoding in _BOMS:
        if content.startswith(bom):
            encoding = bom_encoding
            break
    if encoding != "auto":
        try:
            return content.decode(encoding), encoding.removesuffix("-sig")
        except (UnicodeDecodeError, LookupError) as error:
            raise NodeError(BAD_ENCODING, {"name": name, "encoding": encoding}) from error
    try:
        return content.decode(wide_encoding(content) or "utf-8"), wide_encoding(content) or "utf-8"
    except UnicodeDecodeError:
        return _guess(content)


def guess_encoding(head: bytes) -> str:
    """The encoding of a text by its first bytes, of which the last character may be cut."""
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return encoding
    if wide := wide_encoding(head):
        return wide
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        best = from_bytes(head[:_SAMPLE]).best()
        return best.encoding.replace("_", "-") if best is not None else _TEXT_FALLBACKS[0]
    return "utf-8"


def _guess(content: bytes) -> tuple[str, str]:
    best = from_bytes(content[:_SAMPLE]).best()
    candidates = ([best.encoding] if best is not None else []) + list(_TEXT_FALLBACKS)
    for candidate in candidates:
        try:
            return content.decode(candidate), candidate.replace("_", "-")
        except UnicodeDecodeError:
            continue
    return content.decode("utf-8", "replace"), "utf-8"
