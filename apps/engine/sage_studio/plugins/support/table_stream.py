"""Rows out of the bytes of a CSV, TSV, JSON Lines or text file, a block at a time.

A block ends where a record ends: what is left goes in front of the next one. The kind of a column
is decided by the first block that fills it; a later cell that does not fit stays text. (Where the
whole file is at hand, ``tables`` looks at all of it first.)
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, NamedTuple

from sage_studio.kernel import Json
from sage_studio.plugins.support.cells import CONVERT, kind_of_cells
from sage_studio.plugins.support.sniff import BAD_ENCODING, guess_encoding
from sage_studio.plugins.support.tables import (
    BAD_ROWS,
    MAX_CELL,
    MAX_COLUMNS,
    column_names,
    delimiter_of,
    json_decoder,
)
from sage_studio.sdk import Chunk, Lazy, NodeError, Rows

ROWS_AT_ONCE = 500
"""Rows of a chunk: few enough that their columns stay in the processor's cache."""
PIECE_CHARS = 32_768
"""The same for plain text that is cut into cells at once; twice as much takes a tenth longer."""
MAX_RECORD_BYTES = 16 << 20
_END = "\x1e\u241eend of block\u241e"
_WIDE = ("utf-16", "utf-32")


@dataclass(slots=True)
class TableFormat:
    """How a file is read; what is empty or ``auto`` is found out from the first block."""

    kind: str = "csv"
    delimiter: str = ""
    has_header: bool = True
    numbers: bool = True
    encoding: str = "auto"


class TableReader:
    """``feed`` blocks in order, then ``end``; both give chunks of rows.

    ``position`` says how far everything given so far reaches; a new reader that is given it goes on
    there, when it is fed the same bytes from their beginning.
    """

    def __init__(self, name: str, how: TableFormat) -> None:
        self._name = name
        self._how = how
        self._decode: codecs.IncrementalDecoder | None = None
        self._left = b""
        self._at = 0
        self._given = 0
        self._skip_bytes = 0
        self._skip_rows = 0
        self._names: list[str] = []
        self._kinds: list[str] = []
        self._line = 0
        self._put_back = 0

    # Position

    @property
    def position(self) -> Json:
        return {
            "at": self._at,
            "given": self._given,
            "names": list(self._names),
            "kinds": list(self._kinds),
            "line": self._line,
            "encoding": self._how.encoding,
            "delimiter": self._how.delimiter,
        }

    def restore(self, position: Any) -> None:
        self._skip_bytes, self._skip_rows = position["at"], position["given"]
        # At the very beginning the header comes again.
        self._names = list(position["names"]) if self._skip_bytes else []
        self._kinds = list(position["kinds"])
        self._line = position["line"]
        self._how.encoding, self._how.delimiter = position["encoding"], position["delimiter"]

    # Bytes

    def feed(self, block: bytes) -> Iterator[Sequence[Any]]:
        """Chunks of rows that end in this block. Raises NodeError ``file.bad_rows`` and
        ``file.bad_encoding``."""
        block = self._plain(block)
        if self._skip_bytes:
            passed = min(len(block), self._skip_bytes)
            self._skip_bytes -= passed
            self._at += passed
            block = block[passed:]
        whole = self._left + block
        cut = whole.rfind(b"\n") + 1 or whole.rfind(b"\r", 0, max(len(whole) - 1, 0)) + 1
        if not cut:
            self._keep(whole)
            return
        self._left = whole[cut:]
        yield from self._parse(whole[:cut], is_end=False)

    def end(self) -> Iterator[Sequence[Any]]:
        """What is left, once the file has ended."""
        if self._left:
            left, self._left = self._left, b""
            yield from self._parse(left, is_end=True)

    def _keep(self, left: bytes) -> None:
        if len(left) > MAX_RECORD_BYTES:
            reason = f"a record is longer than {MAX_RECORD_BYTES >> 20} MB"
            raise NodeError(BAD_ROWS, {"name": self._name, "line": self._line + 1, "reason": reason})
        self._left = left

    def _plain(self, block: bytes) -> bytes:
        """The block in an encoding whose line ends are the bytes of ASCII."""
        if self._how.encoding == "auto":
            self._how.encoding = guess_encoding(block)
        if self._how.encoding.startswith(_WIDE):
            if self._decode is None:
                self._decode = codecs.getincrementaldecoder(self._how.encoding)()
            return self._decode.decode(block).encode()
        if self._how.encoding == "utf-8-sig" and not self._at and not self._left:
            return block.removeprefix(codecs.BOM_UTF8)
        return block

    def _text(self, raw: bytes) -> str:
        try:
            return raw.decode(self._bytes_encoding)
        except (UnicodeDecodeError, LookupError) as error:
            raise self._bad_encoding() from error

    def _bad_encoding(self) -> NodeError:
        return NodeError(BAD_ENCODING, {"name": self._name, "encoding": self._how.encoding})

    # Records

    def _parse(self, raw: bytes, *, is_end: bool) -> Iterator[Sequence[Any]]:
        is_table = self._how.kind in ("csv", "tsv")
        chunks = self._table(raw, is_end=is_end) if is_table else self._lines(self._text(raw))
        for chunk in chunks:
            if self._skip_rows:
                passed = min(self._skip_rows, len(chunk))
                self._skip_rows -= passed
                self._given += passed
                chunk = chunk[passed:]  # noqa: PLW2901 - the rest of it
            if len(chunk):
                self._given += len(chunk)
                yield chunk
        self._at += len(raw) - self._put_back
        self._given = self._put_back = 0

    def _lines(self, text: str) -> Iterator[Sequence[Any]]:
        lines = io.StringIO(text, newline=None)
        while batch := list(islice(lines, ROWS_AT_ONCE)):
            first = self._line + 1
            self._line += len(batch)
            if self._how.kind == "jsonl":
                yield self._json(batch, first)
            else:
                texts = [line.removesuffix("\n") for line in batch]
                yield Rows({"line": range(first, first + len(texts)), "text": texts}, len(texts))

    def _json(self, lines: list[str], first: int) -> Chunk:
        found = Chunk()
        decoder = json_decoder("".join(lines))
        for number, line in enumerate(lines, start=first):
            if line.strip():
                try:
                    found.append(decoder.decode(line))
                except (ValueError, RecursionError) as error:
                    reason = getattr(error, "msg", None) or str(error)
                    raise NodeError(
                        BAD_ROWS, {"name": self._name, "line": number, "reason": reason}
                    ) from error
        return found

    def _table(self, raw: bytes, *, is_end: bool) -> Iterator[Sequence[Any]]:
        csv.field_size_limit(MAX_CELL)
        if not self._how.delimiter:
            self._how.delimiter = delimiter_of(self._text(raw))
        if not self._names or not raw.endswith(b"\n"):
            yield from self._records(raw, is_end=is_end)
            return
        for piece in _pieces(self._text(raw)):
            if '"' in piece.text:
                # A quoted cell may reach into the next piece.
                rest = piece.rest().encode(self._bytes_encoding)
                yield from self._records(rest, is_end=is_end)
                return
            rows = self._plain_rows(piece.text)
            if rows is None:
                yield from self._records(piece.text.encode(self._bytes_encoding), is_end=True)
            else:
                self._line += piece.text.count("\n")
                yield rows

    def _plain_rows(self, text: str) -> Rows | None:
        """The rows of whole lines without quotes, cut into cells at once: half the time of going through
        them record by record. None where they are not all of the known width."""
        if "\r" in text:
            text = text.replace("\r\n", "\n")
        if "\r" in text or len(text) > MAX_CELL:
            return None
        width, delimiter = len(self._names), self._how.delimiter
        lines = text[:-1]
        flat = lines.replace("\n", delimiter + "\n").split(delimiter)
        # A line end now opens a cell. When all of them open first cells, every line has its width.
        firsts = "".join(flat[::width]).split("\n")
        if len(flat) != width * len(firsts) or lines.count("\n") != len(firsts) - 1:
            return None
        if "" in firsts and f"\n{delimiter * (width - 1)}\n" in f"\n{text}":
            return None  # a row without anything in it is none
        flat[::width] = firsts
        return self._as_columns(flat, len(firsts))

    def _records(self, raw: bytes, *, is_end: bool) -> Iterator[Sequence[Any]]:
        """The general way, record by record."""
        ending = () if is_end else (_END,)
        reader = csv.reader(chain(self._lines_with_ends(raw), ending), delimiter=self._how.delimiter)
        try:
            ahead = list(islice(reader, ROWS_AT_ONCE))
            while rows := ahead:
                ahead = list(islice(reader, ROWS_AT_ONCE))
                if not ahead and not is_end:
                    self._close_block(rows, raw)
                if rows:
                    yield self._rows(rows)
        except UnicodeDecodeError as error:
            raise self._bad_encoding() from error
        except csv.Error as error:
            line = self._line + reader.line_num
            raise NodeError(BAD_ROWS, {"name": self._name, "line": line, "reason": str(error)}) from error
        self._line += reader.line_num - len(ending)

    def _close_block(self, rows: list[list[str]], raw: bytes) -> None:
        """Take the mark off the end; a record that swallowed it goes on in the next block."""
        last = rows.pop()
        if last == [_END]:
            return
        spans = sum(line[-1] in "\r\n" for cell in last for line in io.StringIO(cell, newline=""))
        left = "".join(list(self._lines_with_ends(raw))[-spans:]).encode(self._bytes_encoding)
        self._put_back = len(left)
        self._line -= spans
        self._keep(left + self._left)

    def _lines_with_ends(self, raw: bytes) -> Iterator[str]:
        """As a file gives them; StringIO would keep the text four bytes a character."""
        return iter(io.TextIOWrapper(io.BytesIO(raw), self._bytes_encoding, newline=""))

    @property
    def _bytes_encoding(self) -> str:
        encoding = self._how.encoding
        return "utf-8" if encoding.startswith((*_WIDE, "utf-8")) else encoding

    # Columns

    def _rows(self, rows: list[list[str]]) -> Rows:
        if not self._names:
            rows = list(filter(any, rows))
            width = max(map(len, rows), default=0)
            self._check_width(width)
            self._names = column_names(rows[0] if self._how.has_header else [], width)
            if self._how.has_header:
                del rows[:1]
        widths = set(map(len, rows))
        if widths != {len(self._names)}:
            rows = self._widened(rows)
        width = len(self._names)
        flat = list(chain.from_iterable(rows))
        if "" in flat[::width] and not all(map(any, rows)):
            rows = list(filter(any, rows))  # rows without anything in them are none
            flat = list(chain.from_iterable(rows))
        return self._as_columns(flat, len(rows))

    def _as_columns(self, flat: list[str], count: int) -> Rows:
        """Rows over cells that stand one after another, made into columns when they are asked for."""
        self._decide(flat)
        width = len(self._names)
        columns = {
            name: Lazy(flat, number, width, CONVERT[kind or "text"])
            for number, (name, kind) in enumerate(zip(self._names, self._kinds, strict=True))
        }
        return Rows(columns, count)

    def _decide(self, flat: list[str]) -> None:
        """Give every column a kind that has none yet and is filled here."""
        width = len(self._names)
        self._kinds += [""] * (width - len(self._kinds))
        if "" in self._kinds:
            for number, kind in enumerate(self._kinds):
                if not kind:
                    self._kinds[number] = kind_of_cells(flat[number::width], numbers=self._how.numbers)

    def _check_width(self, width: int) -> None:
        if width > MAX_COLUMNS:
            reason = f"more than {MAX_COLUMNS} columns"
            raise NodeError(BAD_ROWS, {"name": self._name, "line": self._line + 1, "reason": reason})

    def _widened(self, rows: list[list[str]]) -> list[list[str]]:
        """The rows with the same number of cells each; a longer one brings new columns."""
        rows = list(filter(any, rows))
        width = max(map(len, rows), default=0)
        self._check_width(width)
        if width > len(self._names):
            self._names = column_names(self._names, width)
        for row in rows:
            if len(row) < len(self._names):
                row.extend([""] * (len(self._names) - len(row)))
        return rows


class _Piece(NamedTuple):
    """Some whole lines out of a text."""

    whole: str
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.whole[self.start : self.end]

    def rest(self) -> str:
        """This piece and everything behind it."""
        return self.whole[self.start :]


def _pieces(text: str) -> Iterator[_Piece]:
    start = 0
    while start < len(text):
        end = text.rfind("\n", start, start + PIECE_CHARS) + 1 or text.find("\n", start) + 1
        yield _Piece(text, start, end)
        start = end
