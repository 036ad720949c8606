"""Pictures in PDFs, each as a PNG."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import IO, Any

import pypdfium2
from pypdfium2.raw import FPDF_PAGEOBJ_IMAGE

from sage_studio.plugins.support.reading.pdf import opened, page_numbers
from sage_studio.plugins.support.reading.png import png_bytes

_MAX_PIXELS = 50_000_000


def read_images(document: IO[bytes], request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """``{page, number, width, height, png}`` for each picture of at least ``min_pixels`` on both sides, in
    base 64; ``{page, number, skipped}`` with a reason for one that cannot be had."""
    with opened(document, request) as pdf:
        for index in page_numbers(pdf, request):
            page = pdf[index]
            shapes = page.get_objects(filter=[FPDF_PAGEOBJ_IMAGE], max_depth=5)
            for number, shape in enumerate(shapes, start=1):
                part = _picture(shape, int(request["min_pixels"]))
                if part is not None:
                    yield {"page": index + 1, "number": number, **part}
            page.close()
        yield {"end": {"page_count": len(pdf)}}


def _picture(shape: pypdfium2.PdfObject, min_pixels: int) -> dict[str, Any] | None:
    try:
        width, height = shape.get_px_size()
        if width * height > _MAX_PIXELS:
            return {"skipped": "large"}
        if min(width, height) < min_pixels:
            return None
        bitmap = shape.get_bitmap(render=False)
    except pypdfium2.PdfiumError:
        return {"skipped": "damaged"}
    pixels = bitmap.to_numpy()
    if pixels.ndim == 3 and pixels.shape[2] >= 3:  # the library keeps blue first
        pixels = pixels[:, :, [2, 1, 0, 3][: 3 if bitmap.mode in {"BGR", "BGRX"} else 4]]
    png = base64.b64encode(png_bytes(pixels)).decode()
    return {"width": bitmap.width, "height": bitmap.height, "png": png}
