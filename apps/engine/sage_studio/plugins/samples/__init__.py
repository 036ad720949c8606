"""Small documents and tables of our own, so that a ready flow runs before anyone uploads a file.

They are addressed as ``sample:<name>`` and are the same in every workspace and on the command
line. What is big or binary is made when first asked for, always the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files

from sage_studio.kernel import define_error
from sage_studio.plugins.samples.orders import orders_csv
from sage_studio.plugins.samples.pdf_writer import text_pdf
from sage_studio.sdk import FileRef, NodeError

NO_SAMPLE = define_error(
    "file.no_sample",
    3241,
    en="There is no sample named “{name}”.",
    zh="没有名为“{name}”的示例文件。",
    hint_en="The samples are: {names}.",
    hint_zh="可用的示例有：{names}。",
    status=404,
)
PREFIX = "sample:"


def _packaged(name: str) -> bytes:
    return files(__package__).joinpath(name).read_bytes()


def _handbook_pdf() -> bytes:
    pages = _packaged("handbook.txt").decode().split("\f")
    return text_pdf([page.strip() for page in pages], title="Harbor Bikes: Handbook for Customers")


_SAMPLES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "handbook.pdf": ("application/pdf", _handbook_pdf),
    "faq.md": ("text/markdown", lambda: _packaged("faq.md")),
    "guide-zh.txt": ("text/plain", lambda: _packaged("guide-zh.txt")),
    "people.csv": ("text/csv", lambda: _packaged("people.csv")),
    "greet.json": ("application/json", lambda: _packaged("greet.json")),
    "orders.csv": ("text/csv", orders_csv),
}


@lru_cache(maxsize=4)
def sample_bytes(name: str) -> bytes:
    """The content of a sample. Raises NodeError ``file.no_sample``."""
    if name not in _SAMPLES:
        raise NodeError(NO_SAMPLE, {"name": name, "names": ", ".join(_SAMPLES)})
    return _SAMPLES[name][1]()


def sample_ref(name: str) -> FileRef:
    """A sample as a File value."""
    content = sample_bytes(name)
    return FileRef(name=name, mime=_SAMPLES[name][0], size_bytes=len(content), ref=PREFIX + name)


def sample_names() -> list[str]:
    return list(_SAMPLES)
