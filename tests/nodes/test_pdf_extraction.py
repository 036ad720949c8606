"""Tables and pictures out of PDFs."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

from sage_studio.plugins.local_host import LocalHost
from tests.nodes.documents import _FONT, _stream
from tests.nodes.hostile import pdf_of, picture_pdf
from tests.nodes.running import run_node
from tests.nodes.test_compress import content_of

CELLS = [["Name", "Age"], ["Ada Lovelace", "36"], ["Li Lei", "28"]]


def page_pdf(drawing: bytes) -> bytes:
    return pdf_of(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [4 0 R] /Count 1 >>",
            _FONT,
            (
                b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R "
                b"/Resources << /Font << /F1 3 0 R >> >> >>"
            ),
            _stream(drawing),
        ]
    )


def written(cells: list[list[str]], *, lines: bool) -> bytes:
    """A table drawn with or without ruling lines, under a heading."""
    parts = ["BT /F1 12 Tf 60 780 Td (A report of two people) Tj ET"]
    for row, texts in enumerate(cells):
        for column, text in enumerate(texts):
            parts.append(f"BT /F1 11 Tf {65 + 200 * column} {705 - 20 * row} Td ({text}) Tj ET")
    if lines:
        parts += [f"60 {720 - 20 * row} m 460 {720 - 20 * row} l S" for row in range(len(cells) + 1)]
        bottom = 720 - 20 * len(cells)
        parts += [f"{60 + 200 * column} 720 m {60 + 200 * column} {bottom} l S" for column in range(3)]
    return page_pdf("\n".join(parts).encode())


def put(path: Path, content: bytes) -> None:
    path.write_bytes(content)


async def tables(host: LocalHost, path: Path, content: bytes, **config: Any) -> Any:
    put(path, content)
    return (await run_node("table_extractor", host, inputs={"files": [str(path)]}, config=config))["tables"]


async def test_tables_are_found_with_and_without_lines(host: LocalHost, tmp_path: Path) -> None:
    for lines in (True, False):
        found = await tables(host, tmp_path / "a.pdf", written(CELLS, lines=lines))
        assert [(table["page"], table["columns"]) for table in found] == [(1, ["Name", "Age"])]
        assert found[0]["rows"] == [
            {"Name": "Ada Lovelace", "Age": "36"},
            {"Name": "Li Lei", "Age": "28"},
        ]


async def test_plain_text_is_no_table(host: LocalHost, tmp_path: Path) -> None:
    text = "".join(f"BT /F1 12 Tf 60 {700 - 20 * n} Td (Line {n} of a letter) Tj ET\n" for n in range(9))
    assert await tables(host, tmp_path / "a.pdf", page_pdf(text.encode())) == []


async def test_a_picture_comes_out_pixel_for_pixel(host: LocalHost, tmp_path: Path) -> None:
    pixels = bytes(range(240)) + bytes(16)
    put(tmp_path / "a.pdf", picture_pdf(16, 16, pixels))
    made = await run_node("image_extractor", host, inputs={"files": [str(tmp_path / "a.pdf")]})
    facts = {key: made["images"][0][key] for key in ("source", "page", "number", "width", "height")}
    assert facts == {"source": "a.pdf", "page": 1, "number": 1, "width": 16, "height": 16}
    png = content_of(made["files"][0])
    start = png.index(b"IDAT")
    (length,) = struct.unpack(">I", png[start - 4 : start])
    lines = zlib.decompress(png[start + 4 : start + 4 + length])
    assert b"".join(lines[at + 1 : at + 17] for at in range(0, len(lines), 17)) == pixels


async def test_a_picture_said_to_be_vast_is_left_out(host: LocalHost, tmp_path: Path) -> None:
    put(tmp_path / "a.pdf", picture_pdf(100_000, 100_000, b"few"))
    made = await run_node("image_extractor", host, inputs={"files": [str(tmp_path / "a.pdf")]})
    assert made["images"] == []
