"""PDFs page by page: their text, outline and details; and one page as a picture."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import pypdfium2
from pypdfium2.raw import FPDF_ERR_PASSWORD

from sage_studio.plugins.support.reading.limits import Unreadable
from sage_studio.plugins.support.reading.png import png_bytes

_MAX_OUTLINE = 5_000
_MAX_PIXELS = 4_000_000


@contextmanager
def opened(document: IO[bytes], request: dict[str, Any]) -> Iterator[pypdfium2.PdfDocument]:
    """The document. Raises Unreadable, also for what fails while it is open."""
    try:
        pdf = pypdfium2.PdfDocument(document, password=request.get("password") or None)
    except pypdfium2.PdfiumError as error:
        raise Unreadable("password" if error.err_code == FPDF_ERR_PASSWORD else "damaged") from error
    try:
        yield pdf
    except pypdfium2.PdfiumError as error:
        raise Unreadable("damaged") from error
    finally:
        pdf.close()


def page_numbers(pdf: pypdfium2.PdfDocument, request: dict[str, Any]) -> range:
    return range(min(len(pdf), int(request["max_pages"])))


def read_pdf(document: IO[bytes], request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """``{page, text, page_count}`` for each page, then ``outline``, ``metadata``, ``page_count``. Pages count
    from 1; fewer of them come than there are when a limit is met."""
    left = int(request["max_chars"])
    with opened(document, request) as pdf:
        read = 0
        for index in page_numbers(pdf, request):
            text = _text(pdf, index)
            left -= len(text)
            read += 1
            yield {"page": index + 1, "text": text, "page_count": len(pdf)}
            if left < 0:
                break
        yield {
            "end": {
                "outline": _outline(pdf),
                "metadata": pdf.get_metadata_dict(skip_empty=True),
                "page_count": len(pdf),
                "pages_read": read,
            }
        }


def _text(pdf: pypdfium2.PdfDocument, index: int) -> str:
    """The text of a page; one that cannot be loaded has none, as in a viewer."""
    try:
        page = pdf[index]
    except pypdfium2.PdfiumError:
        return ""
    text_page = page.get_textpage()
    text = text_page.get_text_bounded().replace("\r\n", "\n").replace("\x00", "")
    text_page.close()
    page.close()
    return str(text)


def _outline(pdf: pypdfium2.PdfDocument) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    for bookmark in pdf.get_toc():
        target = bookmark.get_dest()
        page = target.get_index() if target is not None else None
        number = None if page is None else page + 1
        entries.append({"level": bookmark.level, "title": bookmark.get_title(), "page": number})
        if len(entries) >= _MAX_OUTLINE:
            break
    return entries


def read_render(document: IO[bytes], request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One page as a PNG, ``width`` pixels wide or less: ``{png}`` in base 64, then ``page_count``."""
    with opened(document, request) as pdf:
        number = int(request["page"])
        if not 1 <= number <= len(pdf):
            raise Unreadable("page")
        page = pdf[number - 1]
        width, height = page.get_size()
        if not (width > 0 and height > 0):
            raise Unreadable("damaged")
        scale = min(int(request["width"]) / width, (_MAX_PIXELS / (width * height)) ** 0.5)
        bitmap = page.render(scale=scale, rev_byteorder=True, prefer_bgrx=False, may_draw_forms=False)
        yield {"png": base64.b64encode(png_bytes(bitmap.to_numpy())).decode()}
        yield {"end": {"page_count": len(pdf)}}
