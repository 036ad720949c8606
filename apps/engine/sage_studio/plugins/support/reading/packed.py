"""The zip archives that Office documents are, opened within limits; and their XML, without entities."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any
from xml.parsers import expat

from sage_studio.plugins.support.reading.limits import Unreadable

MAX_ENTRIES = 10_000
MAX_PART_BYTES = 1 << 30
MAX_RATIO = 200
_MAX_DEPTH = 500
_FREE_BYTES = 1 << 20  # small parts may pack as well as they like
_BLOCK_BYTES = 1 << 16
_OLE = b"\xd0\xcf\x11\xe0"


@contextmanager
def opened(document: IO[bytes]) -> Iterator[zipfile.ZipFile]:
    """The archive. Raises Unreadable, also for what fails while it is open."""
    if document.read(4) == _OLE:
        raise Unreadable("encrypted")  # that is how protected Office documents are kept
    document.seek(0)
    try:
        with zipfile.ZipFile(document) as archive:
            if len(archive.infolist()) > MAX_ENTRIES:
                raise Unreadable("entries")
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
        raise Unreadable("damaged") from error
    except RuntimeError as error:  # what zipfile says of an entry with a password
        raise Unreadable("encrypted") from error


def blocks(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """The content of an entry. Raises Unreadable for one that is not there or unpacks to too much."""
    try:
        entry = archive.getinfo(name)
    except KeyError as error:
        raise Unreadable("no_part") from error
    allowed = min(MAX_PART_BYTES, max(_FREE_BYTES, entry.compress_size * MAX_RATIO))
    if entry.file_size > allowed:
        raise Unreadable("ratio")
    total = 0
    with archive.open(entry) as part:
        while block := part.read(_BLOCK_BYTES):
            total += len(block)
            if total > entry.file_size:
                raise Unreadable("lies")
            yield block


class XmlReader:
    """Feeds XML to handlers; ``namespace name`` is how elements are called.

    No document type, so no entity can be declared; no element deeper than some hundreds.
    """

    def __init__(
        self,
        start: Callable[[str, dict[str, str]], None],
        end: Callable[[str], None],
        characters: Callable[[str], None],
    ) -> None:
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._depth = 0
        self._start, self._end = start, end
        self._parser.StartElementHandler = self._on_start
        self._parser.EndElementHandler = self._on_end
        self._parser.CharacterDataHandler = characters
        self._parser.StartDoctypeDeclHandler = _refuse_doctype

    def _on_start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise Unreadable("deep")
        self._start(tag, attributes)

    def _on_end(self, tag: str) -> None:
        self._depth -= 1
        self._end(tag)

    def feed(self, block: bytes, *, is_last: bool = False) -> None:
        try:
            self._parser.Parse(block, is_last)
        except expat.ExpatError as error:
            raise Unreadable("xml") from error


def _refuse_doctype(*_arguments: Any) -> None:
    raise Unreadable("doctype")
