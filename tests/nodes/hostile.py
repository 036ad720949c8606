"""Documents made to do harm, or broken in ways that documents come broken."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable

from tests.nodes.documents import _FONT, _LEAF, _WORD, _assemble, _page, _stream, docx, outlined_pdf

_SHEETS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_OLE = b"\xd0\xcf\x11\xe0"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def archive(entries: Iterable[tuple[str, str | bytes]]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in entries:
            made.writestr(name, content)
    return out.getvalue()


def workbook(sheet: str, *, shared: str = "") -> bytes:
    """An Excel workbook around the XML of one sheet's ``sheetData``."""
    entries = [
        (
            "xl/workbook.xml",
            (
                f'<workbook xmlns="{_SHEETS}" xmlns:r="{_RELATIONS}"><sheets>'
                '<sheet name="One" sheetId="1" r:id="r1"/></sheets></workbook>'
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            (
                f'<Relationships xmlns="{_PACKAGE}">'
                '<Relationship Id="r1" Target="worksheets/s.xml"/></Relationships>'
            ),
        ),
        ("xl/worksheets/s.xml", f'<worksheet xmlns="{_SHEETS}"><sheetData>{sheet}</sheetData></worksheet>'),
    ]
    return archive(entries + ([("xl/sharedStrings.xml", shared)] if shared else []))


def packed_bomb() -> bytes:
    """A sheet that unpacks to three hundred times its size."""
    return workbook(" " * (40 << 20))


def many_entries() -> bytes:
    return archive([(f"word/{number}", "") for number in range(12_000)])


def lying_archive() -> bytes:
    """Its text part says it is short, and unpacks to ten times as much."""
    content = bytearray(docx(*["many words " * 100] * 100))
    with zipfile.ZipFile(io.BytesIO(content)) as made:
        entry = made.getinfo("word/document.xml")
        said = struct.pack("<I", entry.file_size)
    for at in (content.find(said), content.rfind(said)):
        content[at : at + 4] = struct.pack("<I", 1000)
    return bytes(content)


def overlapping_archive() -> bytes:
    """Two names in the directory for the same bytes (Fifield, "A better zip bomb", 2019)."""
    content = docx("One text")
    with zipfile.ZipFile(io.BytesIO(content)) as made:
        start = made.start_dir
    directory = content[start : content.rfind(b"PK\x05\x06")]
    last = directory[directory.rfind(b"PK\x01\x02") :].replace(b"word/document.xml", b"word/documen2.xml")
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 3, 3, len(directory + last), start, 0)
    return content[:start] + directory + last + end


def laughing_docx() -> bytes:
    """Entities that expand to a gigabyte."""
    levels = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 9))
    return docx("&a8;", prolog=f'<!DOCTYPE x [<!ENTITY a0 "haha">{levels}]>')


def reaching_docx() -> bytes:
    """An entity that names a file of the machine."""
    return docx("&a;", prolog='<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>')


def deep_docx() -> bytes:
    return archive([("word/document.xml", _WORD.format("<w:p>" * 100_000 + "</w:p>" * 100_000))])


def linking_docx() -> bytes:
    """Text beside a macro, a template and pictures from elsewhere."""
    relations = (
        f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="r1" TargetMode="External" '
        'Target="http://169.254.169.254/latest/meta-data"/></Relationships>'
    )
    parts = zipfile.ZipFile(io.BytesIO(docx("Only words")))
    entries: list[tuple[str, str | bytes]] = [(name, parts.read(name)) for name in parts.namelist()]
    extra: list[tuple[str, str | bytes]] = [
        ("word/vbaProject.bin", b"\xd0\xcf\x11\xe0macro"),
        ("word/_rels/document.xml.rels", relations),
    ]
    return archive([*entries, *extra])


def pdf_of(objects: list[bytes]) -> bytes:
    return _assemble(objects, b"")


def circular_pdf() -> bytes:
    """Its tree of pages contains itself, and so does its outline."""
    return pdf_of(
        [
            b"<< /Type /Catalog /Pages 2 0 R /Outlines 4 0 R >>",
            b"<< /Type /Pages /Kids [2 0 R 3 0 R] /Count 2 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 3 0 R >>",
            b"<< /Type /Outlines /First 5 0 R /Last 5 0 R >>",
            b"<< /Title (Again) /Parent 4 0 R /Next 5 0 R /First 5 0 R >>",
        ]
    )


def vast_pdf() -> bytes:
    """One page as large as a country, which says one word."""
    leaf = (_LEAF % 5).replace(b"595 842", b"99999999 99999999")
    return pdf_of(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [4 0 R] /Count 1 >>",
            _FONT,
            leaf,
            _stream(_page(b"Vast")),
        ]
    )


def picture_pdf(width: int, height: int, pixels: bytes) -> bytes:
    """One page that shows one grey picture, said to be of that size."""
    packed = zlib.compress(pixels)
    image = (
        b"<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray /BitsPerComponent 8 "
        b"/Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (width, height, len(packed), packed)
    )
    return pdf_of(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            (
                b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents 4 0 R "
                b"/Resources << /XObject << /P 5 0 R >> >> >>"
            ),
            _stream(b"q 100 0 0 100 50 50 cm /P Do Q"),
            image,
        ]
    )


Check = Callable[[str], bool]
"""What the text of a document has to be."""

# name of the file, its content, and the error's code or what the text read from it must be
CASES: tuple[tuple[str, str, Callable[[], bytes], str | Check], ...] = (
    ("a workbook that unpacks without end", "a.xlsx", packed_bomb, "xlsx.damaged"),
    ("an archive of very many entries", "a.docx", many_entries, "docx.damaged"),
    ("an entry longer than it says", "a.docx", lying_archive, "docx.damaged"),
    ("entries over one another", "a.docx", overlapping_archive, lambda text: text == "One text"),
    ("entities that multiply", "a.docx", laughing_docx, "docx.damaged"),
    ("an entity that names a file", "a.docx", reaching_docx, "docx.damaged"),
    ("XML without end of depth", "a.docx", deep_docx, "docx.damaged"),
    ("links, a macro, a template", "a.docx", linking_docx, lambda text: text == "Only words"),
    ("half a Word file", "a.docx", lambda: docx("words")[:200], "docx.damaged"),
    ("a workbook with a password", "a.xlsx", lambda: _OLE + bytes(600), "file.not_what_it_says"),
    ("half a PDF", "a.pdf", lambda: outlined_pdf()[:200], "pdf.damaged"),
    ("a PDF that contains itself", "a.pdf", circular_pdf, lambda text: text == ""),
    ("a PDF of vast pages", "a.pdf", vast_pdf, lambda text: text == "Vast"),
    ("UTF-16 without a mark", "a.txt", lambda: "words, 中文".encode("utf-16-le"), lambda t: "中文" in t),
    ("GB18030", "a.txt", lambda: ("自行车保修说明，请阅读。" * 9).encode("gb18030"), lambda t: "保修" in t),
    ("two encodings in one", "a.txt", lambda: "中文中文".encode() + b"\xe9", lambda t: len(t) > 2),
    ("zero bytes in a text", "a.txt", lambda: b"words\x00words", "file.not_what_it_says"),
    ("nothing at all", "a.csv", lambda: b"", lambda text: text == ""),
    ("an empty PDF", "a.pdf", lambda: b"", "file.not_what_it_says"),
    ("a program called a PDF", "a.pdf", lambda: b"\x7fELF" + bytes(99), "file.not_what_it_says"),
    ("a drawing with a script", "a.svg", lambda: b"<svg><script>1</script></svg>", lambda t: "script" in t),
    ("a million elements in one another", "a.html", lambda: b"<div>" * 1_000_000, "html.damaged"),
    ("a quote that never ends", "a.csv", lambda: b'a,b\n1,"' + b"x,\n" * 900_000, "file.bad_rows"),
    ("a hundred thousand columns", "a.csv", lambda: b",".join([b"a"] * 100_000) + b"\n1\n", "file.bad_rows"),
    ("JSON without end of depth", "a.json", lambda: b"[" * 100_000 + b"]" * 100_000, "file.bad_json"),
    ("a number that is too large", "a.json", lambda: b'[{"a": 1e999}]', "file.bad_json"),
    ("a number of very many digits", "a.json", lambda: b"[" + b"9" * 100_000 + b"]", "file.bad_json"),
    ("half of a JSON list", "a.json", lambda: b'[{"a": 1}, {"b', "file.bad_json"),
    ("a key that comes twice", "a.json", lambda: b'[{"a": 1, "a": 2}]', lambda text: text == "{'a': 2}"),
)  # fmt: skip
