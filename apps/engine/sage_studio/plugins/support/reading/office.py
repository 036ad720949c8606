"""Word documents: their paragraphs, with the cells of a table row side by side."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO, Any

from sage_studio.plugins.support.reading import packed

_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_STRICT = "http://purl.oclc.org/ooxml/wordprocessingml/main"
_BREAKS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "\u2011"}


class _Paragraphs:
    """Collects the text while it is read."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._is_text = False
        self._cells = 0

    def start(self, tag: str, _attributes: dict[str, str]) -> None:
        name = _name(tag)
        self._is_text = name == "t"
        if name in _BREAKS:
            self.parts.append(_BREAKS[name])
        elif name == "tc":
            self._cells += 1

    def end(self, tag: str) -> None:
        self._is_text = False
        name = _name(tag)
        if name == "tc":
            self._cells -= 1
            self.parts.append("\t")
        elif name == "tr":
            self.parts.append("\n")
        elif name == "p":
            self.parts.append(" " if self._cells else "\n\n")

    def characters(self, data: str) -> None:
        if self._is_text:
            self.parts.append(data)


def _name(tag: str) -> str:
    space, _, name = tag.rpartition(" ")
    return name if space in {_WORD, _STRICT} else ""


def read_docx(document: IO[bytes], _request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """``{text}``: all that is written in it."""
    found = _Paragraphs()
    reader = packed.XmlReader(found.start, found.end, found.characters)
    with packed.opened(document) as archive:
        for block in packed.blocks(archive, "word/document.xml"):
            reader.feed(block)
        reader.feed(b"", is_last=True)
    text = re.sub(r"[ \t]*\t[ \t]*\n", "\n", "".join(found.parts))
    text = re.sub(r" *\t *", "\t", text)
    text = re.sub(r"[ \f\v\u00a0]+", " ", text)
    lines = (line.strip(" ") for line in text.split("\n"))
    yield {"text": re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()}
    yield {"end": {"done": True}}
