"""Cuts text into overlapping pieces of bounded size at the best places it offers."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

_SENTENCE_END = re.compile(
    r"(?<=[。！？；…])[”’」』）\)]*"  # Chinese and Japanese: no blank follows
    r"|(?<=[.!?])[\"'”’)\]]*(?=\s)"  # European: a blank follows
    r"|\n{2,}"
)
_ABBREVIATION = re.compile(r"(?:\b(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|No|vs|etc|e\.g|i\.e|Fig|cf|Inc|Ltd|Co))\.$")
_WORD = re.compile(r"[A-Za-z]+|\d{1,3}|\s+|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Piece:
    """A cut: ``text`` is ``source[start:end]`` without outer blanks."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Measure:
    """How long texts are. ``ends`` answers for each character of a text how long the text is up to and with
    it; None where a character counts one."""

    ends: Callable[[str], Sequence[float]] | None

    def of(self, source: str) -> float:
        if self.ends is None:
            return len(source)
        ends = self.ends(source)
        return ends[-1] if ends else 0.0

    def ruler(self, source: str) -> Ruler:
        return Ruler(None if self.ends is None else self.ends(source), len(source))


class Ruler:
    """Lengths inside of one text."""

    __slots__ = ("_ends", "_length")

    def __init__(self, ends: Sequence[float] | None, length: int) -> None:
        self._ends = ends
        self._length = length

    def between(self, start: int, end: int) -> float:
        if self._ends is None:
            return end - start
        return (self._ends[end - 1] if end else 0.0) - (self._ends[start - 1] if start else 0.0)

    def reach(self, start: int, size: float) -> int:
        """The furthest end of a piece from ``start`` that is not longer than ``size``; one on at least."""
        if self._ends is None:
            return min(start + int(size), self._length)
        before = self._ends[start - 1] if start else 0.0
        return max(bisect_right(self._ends, before + size + 1e-9), min(start + 1, self._length))

    def back(self, end: int, size: float) -> int:
        """Where a piece of about ``size`` that ends at ``end`` begins."""
        if self._ends is None:
            return end - int(size)
        return bisect_right(self._ends, (self._ends[end - 1] if end else 0.0) - size)


def _token_ends(source: str) -> list[float]:
    """About as many tokens as the tokenizers of large models make, rather more: a short word of English is
    one, a longer one more, every other character one."""
    weights: list[float] = []
    for match in _WORD.finditer(source):
        length = match.end() - match.start()
        first = source[match.start()]
        if first.isascii() and first.isalpha():
            weight = max(1.0, length / 4.5)
        else:
            weight = 0.0 if first == " " and length == 1 else 1.0
        weights.extend([weight / length] * length)
    return list(accumulate(weights))


MEASURES = {"characters": Measure(None), "tokens": Measure(_token_ends)}


def sentences(source: str) -> Iterator[tuple[int, int]]:
    """Spans of sentences that together cover the text, Chinese and European."""
    start = 0
    for match in _SENTENCE_END.finditer(source):
        end = match.end()
        if end <= start or _ABBREVIATION.search(source[max(start, end - 8) : end]):
            continue
        yield start, end
        start = end
    if start < len(source):
        yield start, len(source)


def split_characters(
    source: str, size: int, overlap: int, measure: Measure = MEASURES["characters"]
) -> Iterator[Piece]:
    """Pieces of at most ``size``, cut at a blank or a line end where one is near."""
    ruler = measure.ruler(source)
    start = 0
    while start < len(source):
        end = ruler.reach(start, size)
        if end < len(source):
            end = _soft_end(source, start, end)
        yield from _piece(source, start, end)
        if end >= len(source):
            return
        start = max(ruler.back(end, overlap), start + 1)


def _soft_end(source: str, start: int, end: int) -> int:
    """The last good place to cut in the second half of the window."""
    floor = start + (end - start) // 2
    for mark in ("\n\n", "\n", "。", ". ", "，", ", ", " "):
        at = source.rfind(mark, floor, end)
        if at != -1:
            return at + len(mark)
    return end


def split_sentences(
    source: str, size: int, overlap: int, measure: Measure = MEASURES["characters"]
) -> Iterator[Piece]:
    """Whole sentences up to ``size``; only a sentence longer than that is cut inside.

    The overlap repeats whole sentences, as many as fit into ``overlap``.
    """
    ruler = measure.ruler(source)
    held: list[tuple[int, int]] = []
    for start, end in sentences(source):
        if ruler.between(start, end) > size:
            if held:
                yield from _piece(source, held[0][0], held[-1][1])
                held = []
            for piece in split_characters(source[start:end], size, overlap, measure):
                yield Piece(piece.text, piece.start + start, piece.end + start)
            continue
        if held and ruler.between(held[0][0], end) > size:
            yield from _piece(source, held[0][0], held[-1][1])
            held = _tail(ruler, held, overlap, end, size)
        held.append((start, end))
    if held:
        yield from _piece(source, held[0][0], held[-1][1])


def _tail(
    ruler: Ruler, held: list[tuple[int, int]], overlap: int, next_end: int, size: int
) -> list[tuple[int, int]]:
    end = held[-1][1]
    return [
        span
        for span in held
        if ruler.between(span[0], end) <= overlap and ruler.between(span[0], next_end) <= size
    ]


def _piece(source: str, start: int, end: int) -> Iterator[Piece]:
    text = source[start:end].strip()
    if text:
        lead = len(source[start:end]) - len(source[start:end].lstrip())
        yield Piece(text, start + lead, start + lead + len(text))
