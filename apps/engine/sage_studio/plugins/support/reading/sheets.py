"""Excel workbooks (ECMA-376, SpreadsheetML), row by row in little memory.

Cells are what a person sees a value of: numbers, texts, truth, dates as ISO 8601. Formulas give the result
that was saved with them. Only the texts that cells share are held.
"""

from __future__ import annotations

import math
import posixpath
import re
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import IO, Any

from sage_studio.plugins.support.reading import packed
from sage_studio.plugins.support.reading.limits import Unreadable

MAX_COLUMNS = 2_000
_ROWS_AT_ONCE = 500
_DATE_FORMATS = frozenset((*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)))
_IN_QUOTES = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')
_DATE_SIGNS = re.compile(r"[ymdhs]", re.IGNORECASE)
_ELAPSED = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)
_LETTERS = re.compile(r"[A-Z]{1,3}")


def read_xlsx(document: IO[bytes], request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """``{sheet, rows}`` some rows at a time, from ``sheet`` (a name, a number from 1, ``*`` for all, or empty
    for the first); at the end the names of all ``sheets``. Rows without anything in them are left out."""
    with packed.opened(document) as archive:
        book = _Workbook(archive)
        for name, part in book.chosen(str(request.get("sheet") or "")):
            left = int(request["max_rows"])
            for rows in _rows(archive, part, book):
                yield {"sheet": name, "rows": rows[:left]}
                left -= len(rows)
                if left <= 0:
                    break
        yield {"end": {"sheets": [name for name, _part in book.sheets]}}


class _Workbook:
    """Its sheets in order, with what their cells refer to."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self.sheets: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self.date_styles: frozenset[int] = frozenset()
        self._epoch = datetime(1899, 12, 30)  # noqa: DTZ001 - a cell's date has no zone
        self._read_sheets(archive)
        names = set(archive.namelist())
        if "xl/sharedStrings.xml" in names:
            self.texts = _shared_texts(archive)
        if "xl/styles.xml" in names:
            self.date_styles = _date_styles(archive)

    def _read_sheets(self, archive: zipfile.ZipFile) -> None:
        targets: dict[str, str] = {}
        for tag, attributes in _elements(archive, "xl/_rels/workbook.xml.rels"):
            if tag == "Relationship":
                target = attributes.get("Target", "")
                path = target[1:] if target.startswith("/") else posixpath.normpath(f"xl/{target}")
                targets[attributes.get("Id", "")] = path
        for tag, attributes in _elements(archive, "xl/workbook.xml"):
            if tag == "workbookPr" and attributes.get("date1904") in {"1", "true"}:
                self._epoch = datetime(1904, 1, 1)  # noqa: DTZ001 - as above
            elif tag == "sheet":
                key = next((value for name, value in attributes.items() if name.endswith(" id")), "")
                if key in targets and "worksheets/" in targets[key]:
                    self.sheets.append((attributes.get("name", ""), targets[key]))
        if not self.sheets:
            raise Unreadable("no_part")

    def chosen(self, wanted: str) -> list[tuple[str, str]]:
        if wanted == "*":
            return self.sheets
        if not wanted:
            return self.sheets[:1]
        by_name = [sheet for sheet in self.sheets if sheet[0] == wanted]
        if not by_name and wanted.isdigit() and 1 <= int(wanted) <= len(self.sheets):
            return [self.sheets[int(wanted) - 1]]
        if not by_name:
            raise Unreadable("no_sheet")
        return by_name

    def date(self, serial: float) -> str | float:
        """ISO 8601 of a day number: a date, a time, or both; the number itself where there is no such day."""
        try:
            moment = self._epoch + timedelta(seconds=round(serial * 86_400))
        except OverflowError:
            return serial
        if 0 <= serial < 1:
            return moment.time().isoformat()
        return moment.date().isoformat() if moment.time() == datetime.min.time() else moment.isoformat()


def _local(tag: str) -> str:
    return tag.rpartition(" ")[2]


def _elements(archive: zipfile.ZipFile, part: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Name and attributes of all elements of a part."""
    found: list[tuple[str, dict[str, str]]] = []
    reader = packed.XmlReader(
        lambda tag, attributes: found.append((_local(tag), attributes)), lambda _tag: None, lambda _data: None
    )
    for block in packed.blocks(archive, part):
        reader.feed(block)
        yield from found
        found.clear()
    reader.feed(b"", is_last=True)
    yield from found


class _SharedTexts:
    """Collects the texts that cells share; readings for pronunciation (``rPh``) are no part of them."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._parts: list[str] = []
        self._is_text = False
        self._is_reading = False

    def start(self, tag: str, _attributes: dict[str, str]) -> None:
        name = _local(tag)
        self._is_reading = self._is_reading or name == "rPh"
        self._is_text = name == "t" and not self._is_reading

    def end(self, tag: str) -> None:
        self._is_text = False
        name = _local(tag)
        if name == "rPh":
            self._is_reading = False
        elif name == "si":
            self.texts.append("".join(self._parts))
            self._parts.clear()

    def characters(self, data: str) -> None:
        if self._is_text:
            self._parts.append(data)


def _shared_texts(archive: zipfile.ZipFile) -> list[str]:
    found = _SharedTexts()
    reader = packed.XmlReader(found.start, found.end, found.characters)
    for block in packed.blocks(archive, "xl/sharedStrings.xml"):
        reader.feed(block)
    reader.feed(b"", is_last=True)
    return found.texts


def _date_styles(archive: zipfile.ZipFile) -> frozenset[int]:
    """The cell styles that show a number as a date or a time."""
    own: dict[int, str] = {}
    styles: list[int] = []
    in_cells = False
    for tag, attributes in _elements(archive, "xl/styles.xml"):
        if tag == "numFmt":
            own[_whole(attributes.get("numFmtId", ""))] = attributes.get("formatCode", "")
        elif tag in {"cellXfs", "cellStyles", "dxfs"}:
            in_cells = tag == "cellXfs"
        elif tag == "xf" and in_cells:
            styles.append(_whole(attributes.get("numFmtId", "")))
    return frozenset(number for number, style in enumerate(styles) if _shows_date(style, own.get(style)))


def _whole(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 8 else 0


def _shows_date(number: int, code: str | None) -> bool:
    if code is None:
        return number in _DATE_FORMATS
    if _ELAPSED.search(code):
        return False  # a length of time: the number of days says it as well
    return bool(_DATE_SIGNS.search(_IN_QUOTES.sub("", code.split(";", 1)[0])))


class _Sheet:
    """Collects rows while a sheet is read."""

    def __init__(self, book: _Workbook) -> None:
        self.rows: list[list[Any]] = []
        self._book = book
        self._row: list[Any] = []
        self._column = 0
        self._type = "n"
        self._style = 0
        self._is_value = False
        self._parts: list[str] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = _local(tag)
        self._is_value = name in {"v", "t"}
        if name == "c":
            self._parts.clear()
            self._type = attributes.get("t", "n")
            self._style = _whole(attributes.get("s", ""))
            self._column = _column(attributes.get("r", "")) or len(self._row) + 1
            if self._column > MAX_COLUMNS:
                raise Unreadable("cells")
        elif name == "row":
            self._row = []

    def end(self, tag: str) -> None:
        self._is_value = False
        name = _local(tag)
        if name == "c" and self._parts:
            self._row += [None] * (self._column - len(self._row))
            self._row[self._column - 1] = self._value("".join(self._parts))
        elif name == "row" and self._row:
            self.rows.append(self._row)

    def characters(self, data: str) -> None:
        if self._is_value:
            self._parts.append(data)

    def _value(self, text: str) -> Any:
        kind = self._type
        if kind == "s":
            number = _whole(text)
            return self._book.texts[number] if number < len(self._book.texts) else None
        if kind == "b":
            return text == "1"
        if kind != "n":
            return text
        try:
            value = float(text)
        except ValueError:
            return text
        if not math.isfinite(value):
            return text
        if self._style in self._book.date_styles:
            return self._book.date(value)
        is_whole = value.is_integer() and abs(value) < 1 << 53
        return int(value) if is_whole else value


def _column(place: str) -> int:
    """1 for ``A7``; 0 for a cell that does not say where it is."""
    letters = _LETTERS.match(place)
    number = 0
    for letter in letters[0] if letters else "":
        number = number * 26 + ord(letter) - 64
    return number


def _rows(archive: zipfile.ZipFile, part: str, book: _Workbook) -> Iterator[list[list[Any]]]:
    sheet = _Sheet(book)
    reader = packed.XmlReader(sheet.start, sheet.end, sheet.characters)
    for block in packed.blocks(archive, part):
        reader.feed(block)
        if len(sheet.rows) >= _ROWS_AT_ONCE:
            yield sheet.rows
            sheet.rows = []
    reader.feed(b"", is_last=True)
    if sheet.rows:
        yield sheet.rows
