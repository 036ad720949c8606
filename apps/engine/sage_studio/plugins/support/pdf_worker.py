"""Reads one PDF in a process of its own: a document that breaks the library breaks only this.

Started as ``python -m``; takes one line of JSON ``{password, max_pages, max_chars, cpu_s,
memory_bytes}`` and then the document on standard input, answers one JSON object on standard output:
``{"pages": [...], "outline": [{level, title, page}], "metadata": {...}, "page_count": n}`` or
``{"error": "password" | "damaged"}``. Pages count from 1.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Any

import pypdfium2
from pypdfium2.raw import FPDF_ERR_PASSWORD

_MAX_OUTLINE = 5_000


def _limit(cpu_s: int, memory_bytes: int) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def _outline(document: pypdfium2.PdfDocument) -> list[dict[str, Any]]:
    entries = []
    for bookmark in document.get_toc():
        target = bookmark.get_dest()
        page = target.get_index() if target is not None else None
        number = None if page is None else page + 1
        entries.append({"level": bookmark.level, "title": bookmark.get_title(), "page": number})
        if len(entries) >= _MAX_OUTLINE:
            break
    return entries


def _pages(document: pypdfium2.PdfDocument, max_pages: int, max_chars: int) -> list[str]:
    pages: list[str] = []
    total = 0
    for index in range(min(len(document), max_pages)):
        page = document[index]
        text_page = page.get_textpage()
        text = text_page.get_text_bounded().replace("\r\n", "\n").replace("\x00", "")
        text_page.close()
        page.close()
        total += len(text)
        pages.append(text)
        if total > max_chars:
            break
    return pages


def read(content: bytes, request: dict[str, Any]) -> dict[str, Any]:
    """The document's text by page, its outline and its own metadata."""
    try:
        document = pypdfium2.PdfDocument(content, password=request.get("password") or None)
    except pypdfium2.PdfiumError as error:
        return {"error": "password" if error.err_code == FPDF_ERR_PASSWORD else "damaged"}
    try:
        return {
            "pages": _pages(document, int(request["max_pages"]), int(request["max_chars"])),
            "outline": _outline(document),
            "metadata": document.get_metadata_dict(skip_empty=True),
            "page_count": len(document),
        }
    except pypdfium2.PdfiumError:
        return {"error": "damaged"}
    finally:
        document.close()


def main() -> None:
    request = json.loads(sys.stdin.buffer.readline())
    _limit(int(request["cpu_s"]), int(request["memory_bytes"]))
    answer = json.dumps(read(sys.stdin.buffer.read(), request), ensure_ascii=True)
    sys.stdout.write(answer)


if __name__ == "__main__":
    main()
