"""Rows as an Excel workbook (ECMA-376, SpreadsheetML), written as they come and never held whole. Blocking.

Texts stand in their cells, so nothing has to be remembered; no cell is a formula, whatever it begins with.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import IO, Any
from xml.sax.saxutils import escape, quoteattr

from sage_studio.kernel import define_error
from sage_studio.sdk import NodeError

TOO_MANY = define_error(
    "file_writer.too_many",
    3148,
    en="A sheet holds {rows} rows and {columns} columns at most; this is more.",
    zh="一个工作表最多 {rows} 行、{columns} 列，数据超出了上限。",
    hint_en="Write CSV or JSON Lines instead, or filter the rows before.",
    hint_zh="请改为写入 CSV 或 JSON Lines，或先筛选数据行。",
    status=422,
)
MAX_ROWS, MAX_COLUMNS, MAX_CELL_CHARS = 1_048_576, 16_384, 32_767
MIME = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_SHEET_NAME_CHARS = 31
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_SHEETS = "application/vnd.openxmlformats-officedocument.spreadsheetml"
# What XML 1.0 does not let stand in a text.
_NO_SIGN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NO_SHEET_NAME = re.compile(r"[\[\]:*?/\\]")
_PARTS = {
    "[Content_Types].xml": (
        f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_SHEETS}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_SHEETS}.worksheet+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_SHEETS}.styles+xml"/></Types>'
    ),
    "_rels/.rels": (
        f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1" '
        f'Type="{_OFFICE}/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/_rels/workbook.xml.rels": (
        f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1" '
        f'Type="{_OFFICE}/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="r2" '
        f'Type="{_OFFICE}/relationships/styles" Target="styles.xml"/></Relationships>'
    ),
    "xl/styles.xml": (
        f'<styleSheet xmlns="{_MAIN}"><fonts count="2"><font/><font><b/></font></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill></fills>'
        '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
        '<cellStyleXfs count="1"><xf/></cellStyleXfs>'
        '<cellXfs count="2"><xf xfId="0"/><xf fontId="1" xfId="0" applyFont="1"/></cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    ),
}


class Workbook:
    """One sheet under a bold header that stays in view. ``add`` rows, then ``close``; leaving it without is
    possible and leaves ``out`` unusable."""

    def __init__(self, out: IO[bytes], header: Sequence[str], sheet: str = "") -> None:
        if len(header) > MAX_COLUMNS:
            raise _too_many()
        self._archive = zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6)
        for name, content in _PARTS.items():
            self._write(name, content)
        clean = _NO_SHEET_NAME.sub(" ", _NO_SIGN.sub("", sheet))[:_SHEET_NAME_CHARS].strip()
        shown = quoteattr(clean or "Sheet1")
        self._write(
            "xl/workbook.xml",
            f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}/relationships">'
            f'<sheets><sheet name={shown} sheetId="1" r:id="r1"/></sheets></workbook>',
        )
        entry = zipfile.ZipInfo("xl/worksheets/sheet1.xml", (1980, 1, 1, 0, 0, 0))
        entry.compress_type = zipfile.ZIP_DEFLATED
        self._sheet = self._archive.open(entry, "w", force_zip64=True)
        self._header = header
        self._rows = 1
        pane = '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
        views = f'<sheetViews><sheetView workbookViewId="0">{pane}</sheetView></sheetViews>'
        names = "".join(_cell(name, style=' s="1"') for name in header)
        self._sheet.write(f'{_HEAD}<worksheet xmlns="{_MAIN}">{views}<sheetData><row>{names}</row>'.encode())

    def add(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Raises NodeError ``file_writer.too_many``."""
        self._rows += len(items)
        if self._rows > MAX_ROWS:
            raise _too_many()
        header = self._header
        rows = "".join(f"<row>{''.join(_cell(item.get(name)) for name in header)}</row>" for item in items)
        self._sheet.write(rows.encode())

    def close(self) -> None:
        self._sheet.write(b"</sheetData></worksheet>")
        self._sheet.close()
        self._archive.close()

    def _write(self, name: str, content: str) -> None:
        entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))  # no time: equal rows give equal files
        entry.compress_type = zipfile.ZIP_DEFLATED
        self._archive.writestr(entry, _HEAD + content)


def _too_many() -> NodeError:
    return NodeError(TOO_MANY, {"rows": MAX_ROWS, "columns": MAX_COLUMNS})


def _cell(value: Any, style: str = "") -> str:
    if value is None:
        return f"<c{style}/>"
    if isinstance(value, bool):
        return f'<c{style} t="b"><v>{int(value)}</v></c>'
    if isinstance(value, (int, float)) and _is_exact(value):
        return f"<c{style}><v>{value!r}</v></c>"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    shown = escape(_NO_SIGN.sub("", text[:MAX_CELL_CHARS]))
    return f'<c{style} t="inlineStr"><is><t xml:space="preserve">{shown}</t></is></c>'


def _is_exact(number: float) -> bool:
    """Whether a spreadsheet keeps it as it is: it knows 15 digits, and nothing that is not finite."""
    return abs(number) < 10**15 if isinstance(number, int) else isfinite(number)
