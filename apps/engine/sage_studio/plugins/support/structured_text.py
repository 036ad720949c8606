"""Where structured text comes apart by itself: Markdown at headings, code at its outermost definitions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sage_studio.plugins.support.splitting import Measure

_HEADING = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t]*#*[ \t]*$")
_FENCE = re.compile(r"^ {0,3}(```+|~~~+)")
# A line without indentation that begins a definition, in the languages people mostly paste.
_DEFINITION = re.compile(
    r"^(?:export |default |public |private |protected |static |abstract |async |final |pub(?:\([a-z]+\))? )*"
    r"(?:def|class|function|func|fn|interface|struct|enum|trait|impl|type|const|let|var|module|namespace)\b"
    r"[ \t*]*([\w$]*)"
)
_DECORATION = re.compile(r"^(?:@|#\[|//|/\*| \*|\*/|#(?!include))")


@dataclass(frozen=True, slots=True)
class Part:
    """``source[start:end]`` and what it is called: the headings above it, or the definitions in it."""

    start: int
    end: int
    names: tuple[str, ...]


def markdown_sections(source: str) -> Iterator[Part]:
    """A part from each heading to the next; a # inside of a fenced block is none."""
    above: list[tuple[int, str]] = []
    start, position, fence = 0, 0, ""
    for line in source.splitlines(keepends=True):
        fence = _inside(line, fence)
        heading = None if fence else _HEADING.match(line.rstrip("\r\n"))
        if heading is not None:
            if source[start:position].strip():
                yield Part(start, position, tuple(name for _level, name in above))
            start, level = position, len(heading[1])
            above = [*(entry for entry in above if entry[0] < level), (level, heading[2])]
        position += len(line)
    if source[start:].strip():
        yield Part(start, len(source), tuple(name for _level, name in above))


def _inside(line: str, fence: str) -> str:
    """The fence that is open behind a line; empty when none is."""
    found = _FENCE.match(line)
    if found is None:
        return fence
    if not fence:
        return found[1]
    closes = found[1][0] == fence[0] and len(found[1]) >= len(fence)
    return "" if closes else fence


def code_blocks(source: str, size: int, measure: Measure) -> Iterator[Part]:
    """Outermost definitions with the comments and decorators above them, small ones together up to
    ``size``."""
    starts = _definition_starts(source)
    start, names = 0, list[str]()
    for at, (position, name) in enumerate(starts):
        end = starts[at + 1][0] if at + 1 < len(starts) else len(source)
        if source[start:position].strip() and measure.of(source[start:end]) > size:
            yield Part(start, position, tuple(names))
            start, names = position, []
        if name:
            names.append(name)
    if source[start:].strip():
        yield Part(start, len(source), tuple(names))


def _definition_starts(source: str) -> list[tuple[int, str]]:
    """Where each definition begins, what stands right above it included, and its name."""
    found: list[tuple[int, str]] = []
    position, decoration = 0, -1
    for line in source.splitlines(keepends=True):
        definition = _DEFINITION.match(line)
        if definition is not None:
            found.append((position if decoration < 0 else decoration, definition[1]))
            decoration = -1
        elif _DECORATION.match(line):
            decoration = position if decoration < 0 else decoration
        else:
            decoration = -1
        position += len(line)
    return found
