"""Text out of HTML and DOCX: what a reader sees, with paragraphs kept apart.

Both come from strangers: the HTML parser is linear, the DOCX is unpacked within limits and its
XML may declare no entities.
"""

from __future__ import annotations

import io
import re
import zipfile
from typing import ClassVar
from xml.parsers import expat

from selectolax.lexbor import LexborHTMLParser

from sage_studio.kernel import define_error
from sage_studio.sdk import NodeError

DOCX_DAMAGED = define_error(
    "docx.damaged",
    3151,
    en="“{name}” cannot be read as a Word document: {reason}.",
    zh="无法将“{name}”作为 Word 文档读取：{reason}。",
    hint_en="Open it in a word processor and save it again as .docx.",
    hint_zh="请用文字处理软件打开，并重新保存为 .docx。",
    status=422,
)

_MAX_XML_BYTES = 100 << 20
_MAX_RATIO = 200
_MAX_ENTRIES = 10_000
_BLOCKS = "p,div,section,article,li,tr,h1,h2,h3,h4,h5,h6,blockquote,pre,table,ul,ol,dt,dd,br,hr,title"
_HIDDEN = ["script", "style", "noscript", "template", "svg", "iframe", "head > :not(title)"]
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def html_text(source: str) -> tuple[str, str]:
    """The visible text and the title."""
    tree = LexborHTMLParser(source)
    title_node = tree.css_first("title")
    title = title_node.text(strip=True) if title_node is not None else ""
    for selector in (*_HIDDEN, "title"):
        for node in tree.css(selector):
            node.decompose()
    for node in tree.css(_BLOCKS):
        node.insert_before("\n")
        node.insert_after("\n")
    body = tree.body
    return tidy(body.text() if body is not None else ""), title


def tidy(text: str) -> str:
    """Runs of blanks become one, more than one empty line becomes one."""
    lines = (re.sub(r"[ \t\f\v\u00a0]+", " ", line).strip() for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def docx_text(name: str, content: bytes) -> str:
    """The paragraphs of a Word document. Raises NodeError ``docx.damaged``."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return _docx_paragraphs(_docx_xml(name, archive))
    except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, expat.ExpatError) as error:
        raise NodeError(DOCX_DAMAGED, {"name": name, "reason": type(error).__name__}) from error


def _docx_xml(name: str, archive: zipfile.ZipFile) -> bytes:
    if len(archive.infolist()) > _MAX_ENTRIES:
        raise NodeError(DOCX_DAMAGED, {"name": name, "reason": "too many entries"})
    try:
        entry = archive.getinfo("word/document.xml")
    except KeyError as error:
        raise NodeError(DOCX_DAMAGED, {"name": name, "reason": "no text part inside"}) from error
    packed = max(entry.compress_size, 1)
    if entry.file_size > _MAX_XML_BYTES or entry.file_size / packed > _MAX_RATIO:
        raise NodeError(DOCX_DAMAGED, {"name": name, "reason": "unpacks to far more than it holds"})
    with archive.open(entry) as part:
        xml = part.read(entry.file_size + 1)
    if len(xml) > entry.file_size:
        raise NodeError(DOCX_DAMAGED, {"name": name, "reason": "unpacks to more than it says"})
    return xml


class _Paragraphs:
    """Collects the text of a Word part while expat reads it."""

    _BREAKS: ClassVar[dict[str, str]] = {f"{_WORD} tab": "\t", f"{_WORD} br": "\n", f"{_WORD} cr": "\n"}

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._inside_text = False

    def start(self, tag: str, _attributes: dict[str, str]) -> None:
        self._inside_text = tag == f"{_WORD} t"
        if tag in self._BREAKS:
            self.parts.append(self._BREAKS[tag])

    def end(self, tag: str) -> None:
        self._inside_text = False
        if tag == f"{_WORD} p":
            self.parts.append("\n\n")

    def characters(self, data: str) -> None:
        if self._inside_text:
            self.parts.append(data)


def _refuse_doctype(*_arguments: object) -> None:
    raise expat.ExpatError("a document type is not allowed")


def _docx_paragraphs(xml: bytes) -> str:
    parser = expat.ParserCreate(namespace_separator=" ")
    found = _Paragraphs()
    parser.StartElementHandler = found.start
    parser.EndElementHandler = found.end
    parser.CharacterDataHandler = found.characters
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.Parse(xml, True)
    return tidy("".join(found.parts))
