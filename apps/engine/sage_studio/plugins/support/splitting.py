"""Cuts text into overlapping pieces of bounded size at the best places it offers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_SENTENCE_END = re.compile(
    r"(?<=[。！？；…])[”’」』）\)]*"  # Chinese and Japanese: no blank follows
    r"|(?<=[.!?])[\"'”’)\]]*(?=\s)"  # European: a blank follows
    r"|\n{2,}"
)
_ABBREVIATION = re.compile(r"(?:\b(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|No|vs|etc|e\.g|i\.e|Fig|cf|Inc|Ltd|Co))\.$")


@dataclass(frozen=True, slots=True)
class Piece:
    """A cut: ``text`` is ``source[start:end]`` without outer blanks."""

    text: str
    start: int
    end: int


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


def split_characters(source: str, size: int, overlap: int) -> Iterator[Piece]:
    """Pieces of at most ``size`` characters, cut at a blank or a line end where one is near."""
    start = 0
    while start < len(source):
        end = min(start + size, len(source))
        if end < len(source):
            end = _soft_end(source, start, end)
        yield from _piece(source, start, end)
        if end >= len(source):
            return
        start = max(end - overlap, start + 1)


def _soft_end(source: str, start: int, end: int) -> int:
    """The last good place to cut in the second half of the window."""
    floor = start + (end - start) // 2
    for mark in ("\n\n", "\n", "。", ". ", "，", ", ", " "):
        at = source.rfind(mark, floor, end)
        if at != -1:
            return at + len(mark)
    return end


def split_sentences(source: str, size: int, overlap: int) -> Iterator[Piece]:
    """Whole sentences up to ``size`` characters; only a sentence longer than that is cut inside.

    The overlap repeats whole sentences, as many as fit into ``overlap`` characters.
    """
    held: list[tuple[int, int]] = []
    for start, end in sentences(source):
        if end - start > size:
            if held:
                yield from _piece(source, held[0][0], held[-1][1])
                held = []
            for piece in split_characters(source[start:end], size, overlap):
                yield Piece(piece.text, piece.start + start, piece.end + start)
            continue
        if held and end - held[0][0] > size:
            yield from _piece(source, held[0][0], held[-1][1])
            held = _tail(held, overlap, end, size)
        held.append((start, end))
    if held:
        yield from _piece(source, held[0][0], held[-1][1])


def _tail(held: list[tuple[int, int]], overlap: int, next_end: int, size: int) -> list[tuple[int, int]]:
    end = held[-1][1]
    return [span for span in held if end - span[0] <= overlap and next_end - span[0] <= size]


def _piece(source: str, start: int, end: int) -> Iterator[Piece]:
    text = source[start:end].strip()
    if text:
        lead = len(source[start:end]) - len(source[start:end].lstrip())
        yield Piece(text, start + lead, start + lead + len(text))
