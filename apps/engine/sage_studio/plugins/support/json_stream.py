"""The entries of a JSON list, one block of a file after another, in memory for one entry."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator

from sage_studio.plugins.support.sniff import BAD_ENCODING, guess_encoding
from sage_studio.plugins.support.tables import bad_json, json_decoder
from sage_studio.sdk import Chunk, NodeError

MAX_ENTRY_CHARS = 16 << 20
MAX_VALUE_CHARS = 64 << 20
_TAIL = 16
_BLANK = " \t\r\n"
_ENTRIES_AT_ONCE = 500


class JsonReader:
    """``feed`` blocks in order, then ``end``; both give chunks of entries. A value that is no list counts
    as a list of one."""

    def __init__(self, name: str, encoding: str) -> None:
        self._name = name
        self._encoding = encoding
        self._decode: codecs.IncrementalDecoder | None = None
        self._text = ""
        self._before = 0
        self._line = 1
        self._is_list: bool | None = None
        self._is_over = False
        self._expects_entry = True
        self._may_end = True
        self._try_again_at = 0

    def feed(self, block: bytes) -> Iterator[Chunk]:
        """Raises NodeError ``file.bad_json`` and ``file.bad_encoding``."""
        return self._take(block, is_last=False)

    def end(self) -> Iterator[Chunk]:
        return self._take(b"", is_last=True)

    def _take(self, block: bytes, *, is_last: bool) -> Iterator[Chunk]:
        if self._decode is None:
            encoding = guess_encoding(block) if self._encoding == "auto" else self._encoding
            self._decode = codecs.getincrementaldecoder(encoding)()
        try:
            self._text += self._decode.decode(block, is_last)
        except UnicodeDecodeError as error:
            raise NodeError(BAD_ENCODING, {"name": self._name, "encoding": self._encoding}) from error
        if len(self._text) < self._try_again_at and not is_last:
            return
        yield from self._entries(is_last=is_last)

    def _entries(self, *, is_last: bool) -> Iterator[Chunk]:
        found = Chunk()
        decoder = json_decoder(self._text)
        at = self._begin()
        while (start := self._next_entry(at, is_last=is_last)) is not None:
            try:
                value, end = decoder.raw_decode(self._text, start)
            except json.JSONDecodeError as error:
                if is_last or self._is_wrong(error):
                    raise self._bad(error.msg, error.pos) from error
                at = start
                break
            except (ValueError, RecursionError) as error:
                deep = isinstance(error, RecursionError)
                raise self._bad("it is nested too deeply" if deep else str(error), start) from error
            if end == len(self._text) and not is_last:
                at = start  # a number might go on
                break
            found.append(value)
            at, self._expects_entry = end, False
            if not self._is_list:
                self._is_over = True
            if len(found) >= _ENTRIES_AT_ONCE:
                yield found
                found = Chunk()
        else:
            at = self._at
        self._drop(at)
        if found:
            yield found

    def _begin(self) -> int:
        at = self._skip(0)
        if self._is_list is None and at < len(self._text):
            self._is_list = self._text[at] == "["
            at += self._is_list
        return at

    def _next_entry(self, at: int, *, is_last: bool) -> int | None:
        """Where the next entry begins; None when the list or what is known of it is over."""
        at = self._skip(at)
        if at < len(self._text) and self._is_list and not self._is_over:
            sign = self._text[at]
            if sign == "]" and self._may_end:
                self._is_over, at = True, self._skip(at + 1)
            elif not self._expects_entry:
                if sign != ",":
                    raise self._bad("Expecting ',' delimiter", at)
                self._expects_entry, self._may_end = True, False
                at = self._skip(at + 1)
        self._at = at
        if at == len(self._text):
            if is_last and not self._is_over:
                raise self._bad(
                    "the file ends in the middle of it" if self._before + at else "it is empty", at
                )
            return None
        if self._is_over:
            raise self._bad("Extra data", at)
        self._may_end = True
        return at

    def _is_wrong(self, error: json.JSONDecodeError) -> bool:
        """Whether it would be wrong whatever comes: what is only cut off is so at its end."""
        return not error.msg.startswith("Unterminated string") and error.pos < len(self._text) - _TAIL

    def _skip(self, at: int) -> int:
        while at < len(self._text) and self._text[at] in _BLANK:
            at += 1
        return at

    def _drop(self, at: int) -> None:
        """Forget what has been read; wait for twice as much before an unfinished entry is tried again."""
        self._line += self._text.count("\n", 0, at)
        self._text = self._text[at:]
        self._before += at
        limit = MAX_ENTRY_CHARS if self._is_list else MAX_VALUE_CHARS
        if len(self._text) > limit:
            raise self._bad(f"an entry is longer than {limit >> 20} million characters", 0)
        self._try_again_at = 2 * len(self._text)

    def _bad(self, reason: str, at: int) -> NodeError:
        line = self._line + self._text.count("\n", 0, at)
        column = at - (self._text.rfind("\n", 0, at) + 1) + 1
        return bad_json(self._name, reason, line, column)
