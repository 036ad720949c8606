"""Tables in PDFs: by the lines drawn around their cells, else by how their words stand under one another.

Lines: cells are the rectangles between ruling lines (Nurminen, "Algorithmic Extraction of Data in Tables in
PDF Documents", 2013). Words: lines of text with wide gaps at the same places are rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import IO, Any, NamedTuple

import pypdfium2
from pypdfium2.raw import FPDF_PAGEOBJ_PATH

from sage_studio.plugins.support.reading.pdf import opened, page_numbers

_THIN = 2.5  # points: a rectangle no thicker is a line
_NEAR = 3.0  # points: what stands no farther apart is at the same place
_MIN_LINE = 8.0
_MAX_WORDS = 50_000
_MAX_LINES = 20_000
_MIN_ROWS, _MIN_COLUMNS = 2, 2
_MAX_GRID = 500


class Word(NamedTuple):
    """A run of text and where it stands; ``y`` grows downwards."""

    left: float
    top: float
    right: float
    bottom: float
    text: str

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2


class Lines(NamedTuple):
    """Ruling lines: where, from, to."""

    across: list[tuple[float, float, float]]
    down: list[tuple[float, float, float]]


def read_tables(document: IO[bytes], request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """``{page, rows}`` for each table, from the top of the first page on; rows are lists of texts."""
    with opened(document, request) as pdf:
        for index in page_numbers(pdf, request):
            page = pdf[index]
            words = _words(page)
            for rows in tables_of(words, _ruling(page) if words else Lines([], [])):
                yield {"page": index + 1, "rows": rows}
            page.close()
        yield {"end": {"page_count": len(pdf)}}


def tables_of(words: list[Word], ruling: Lines) -> list[list[list[str]]]:
    """The tables of a page: those with lines; without any, those that only the words make."""
    found = [rows for grid in _grids(ruling) if (rows := _filled(grid, words))]
    return found or _by_words(words)


# What stands on the page


def _words(page: pypdfium2.PdfPage) -> list[Word]:
    height = page.get_height()
    text_page = page.get_textpage()
    words: list[Word] = []
    for index in range(min(text_page.count_rects(), _MAX_WORDS)):
        left, bottom, right, top = text_page.get_rect(index)
        text = text_page.get_text_bounded(left, bottom, right, top).strip()
        if text:
            words.append(Word(left, height - top, right, height - bottom, " ".join(text.split())))
    text_page.close()
    return sorted(words, key=lambda word: (word.middle, word.left))


def _ruling(page: pypdfium2.PdfPage) -> Lines:
    """Thin shapes are lines; the four sides of a wide one are."""
    height = page.get_height()
    lines = Lines([], [])
    for shape in page.get_objects(filter=[FPDF_PAGEOBJ_PATH], max_depth=5):
        left, bottom, right, top = shape.get_bounds()
        top, bottom = height - top, height - bottom
        is_flat, is_upright = bottom - top <= _THIN, right - left <= _THIN
        if is_flat and right - left >= _MIN_LINE:
            lines.across.append(((top + bottom) / 2, left, right))
        elif is_upright and bottom - top >= _MIN_LINE:
            lines.down.append(((left + right) / 2, top, bottom))
        elif not is_flat and not is_upright:
            lines.across.extend([(top, left, right), (bottom, left, right)])
            lines.down.extend([(left, top, bottom), (right, top, bottom)])
        if len(lines.across) + len(lines.down) > _MAX_LINES:
            break
    return lines


# By lines


class Grid(NamedTuple):
    """Where the rows and the columns of a table begin and end."""

    rows: list[float]
    columns: list[float]


def _grids(ruling: Lines) -> Iterator[Grid]:
    """Lines that touch one another belong to one table; apart lie several."""
    down = sorted(ruling.down, key=lambda line: line[1])
    groups: list[list[tuple[float, float, float]]] = []
    for line in down:
        if groups and line[1] <= max(end for _at, _start, end in groups[-1]) + _NEAR:
            groups[-1].append(line)
        else:
            groups.append([line])
    for group in groups:
        top, bottom = min(line[1] for line in group), max(line[2] for line in group)
        rows = [at for at, _left, _right in ruling.across if top - _NEAR <= at <= bottom + _NEAR]
        grid = Grid(_places(rows), _places([at for at, _top, _bottom in group]))
        if _MIN_ROWS < len(grid.rows) <= _MAX_GRID and _MIN_COLUMNS < len(grid.columns) <= _MAX_GRID:
            yield grid


def _places(values: Sequence[float]) -> list[float]:
    """The values in order, those near to each other as one."""
    places: list[float] = []
    for value in sorted(values):
        if not places or value - places[-1] > _NEAR:
            places.append(value)
    return places


def _filled(grid: Grid, words: list[Word]) -> list[list[str]]:
    cells = [["" for _ in pairwise(grid.columns)] for _ in pairwise(grid.rows)]
    for word in words:
        row = _between(grid.rows, word.middle)
        column = _between(grid.columns, (word.left + word.right) / 2)
        if row is not None and column is not None:
            cells[row][column] = f"{cells[row][column]} {word.text}".strip()
    rows = [row for row in cells if any(row)]
    return rows if len(rows) >= _MIN_ROWS else []


def _between(places: list[float], value: float) -> int | None:
    return next((at for at, (low, high) in enumerate(pairwise(places)) if low <= value < high), None)


# By words


def _by_words(words: list[Word]) -> list[list[list[str]]]:
    lines = _text_lines(words)
    tables: list[list[list[str]]] = []
    block: list[list[Word]] = []
    for line in [*lines, []]:
        cells = _cells(line)
        if len(cells) >= _MIN_COLUMNS:
            block.append(cells)
            continue
        if table := _aligned(block):
            tables.append(table)
        block = []
    return tables


def _text_lines(words: list[Word]) -> list[list[Word]]:
    lines: list[list[Word]] = []
    for word in words:
        if lines and abs(word.middle - lines[-1][0].middle) <= _NEAR:
            lines[-1].append(word)
        else:
            lines.append([word])
    return [sorted(line) for line in lines]


def _cells(line: list[Word]) -> list[Word]:
    """Words with no more than a blank between them are one cell."""
    cells: list[Word] = []
    for word in line:
        last = cells[-1] if cells else None
        if last is not None and word.left - last.right < max(word.bottom - word.top, 6.0):
            top, bottom = min(last.top, word.top), max(last.bottom, word.bottom)
            cells[-1] = Word(last.left, top, word.right, bottom, f"{last.text} {word.text}")
        else:
            cells.append(word)
    return cells


def _aligned(block: list[list[Word]]) -> list[list[str]]:
    """The rows of a block whose lines stand in the same columns; nothing where they do not."""
    if len(block) < _MIN_ROWS:
        return []
    width = int(median(len(line) for line in block))
    model = [line for line in block if len(line) == width]
    if width < _MIN_COLUMNS or len(model) * 2 < len(block):
        return []
    edges = [
        (min(line[column].left for line in model), max(line[column].right for line in model))
        for column in range(width)
    ]
    if any(after[0] < before[1] for before, after in pairwise(edges)):
        return []
    rows = []
    for line in block:
        row = [""] * width
        for cell in line:
            middle = (cell.left + cell.right) / 2
            column = min(range(width), key=lambda at: abs(sum(edges[at]) / 2 - middle))
            row[column] = f"{row[column]} {cell.text}".strip()
        rows.append(row)
    return rows
