"""PDF text, page by page, through the reader process.

Blocking; call it through ``ctx.in_thread``. Rendering is not done here: only text and outline.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import Any

from sage_studio.kernel import JsonObject, define_error
from sage_studio.sdk import NodeError

PDF_PASSWORD = define_error(
    "pdf.password",
    3131,
    en="“{name}” is protected, and the password is missing or wrong.",
    zh="“{name}”受密码保护，密码缺失或不正确。",
    hint_en="Give the password in the node's password field or its credential.",
    hint_zh="请在节点的密码字段或凭据中提供密码。",
    status=422,
)
PDF_DAMAGED = define_error(
    "pdf.damaged",
    3132,
    en="“{name}” cannot be read as a PDF: it is damaged or incomplete.",
    zh="无法将“{name}”作为 PDF 读取：文件已损坏或不完整。",
    hint_en="Open it in a PDF viewer and save it again, then upload the new copy.",
    hint_zh="请用 PDF 阅读器打开并另存，再上传新的副本。",
    status=422,
)
PDF_TOO_HEAVY = define_error(
    "pdf.too_heavy",
    3133,
    en="Reading “{name}” took more than {limit_s} s or more memory than allowed.",
    zh="读取“{name}”超过 {limit_s} 秒或超出内存限制。",
    hint_en="Split the document, or lower the page limit.",
    hint_zh="请拆分文档，或减小页数上限。",
    status=422,
)

MAX_CHARS = 50_000_000
MEMORY_BYTES = 2 << 30
DEFAULT_MAX_PAGES = 5_000
DEFAULT_LIMIT_S = 120


@dataclass(frozen=True, slots=True)
class PdfText:
    """What a PDF says. ``pages`` may be fewer than ``page_count`` when a limit was met."""

    pages: list[str]
    outline: list[JsonObject]
    metadata: dict[str, str]
    page_count: int


class Reader:
    """A reader process, for one document; ``start`` it ahead, or let ``ask`` do so. Whoever does not ask
    closes it, from any thread and also while it starts."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._is_closed = False
        self._lock = threading.Lock()

    def start(self) -> None:
        command = [sys.executable, "-I", "-m", "sage_studio.plugins.support.pdf_worker"]
        with self._lock:
            if self._process is None and not self._is_closed:
                self._process = subprocess.Popen(  # noqa: S603 - our own module, no argument comes from outside
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    env={"PYTHONUTF8": "1"},
                )

    def ask(self, request: bytes, limit_s: int) -> tuple[int, bytes, bytes]:
        """Exit code, output and errors. Raises TimeoutExpired."""
        self.start()
        assert self._process is not None, "a closed reader is not asked"
        try:
            out, err = self._process.communicate(request, timeout=limit_s)
        except subprocess.TimeoutExpired:
            self.close()
            raise
        return self._process.returncode, out, err

    def close(self) -> None:
        """End it, whatever it is at."""
        with self._lock:
            self._is_closed = True
            if self._process is not None:
                with self._process as process:
                    process.kill()


def read_pdf(
    name: str,
    content: bytes,
    *,
    reader: Reader | None = None,
    password: str = "",
    max_pages: int = DEFAULT_MAX_PAGES,
    limit_s: int = DEFAULT_LIMIT_S,
) -> PdfText:
    """Read a PDF, by ``reader`` if one waits.

    Raises NodeError ``pdf.password``, ``pdf.damaged`` or ``pdf.too_heavy``.
    """
    request = {
        "password": password,
        "max_pages": max_pages,
        "max_chars": MAX_CHARS,
        "cpu_s": limit_s,
        "memory_bytes": MEMORY_BYTES,
    }
    try:
        code, said, complained = (reader or Reader()).ask(
            json.dumps(request).encode() + b"\n" + content, limit_s
        )
    except subprocess.TimeoutExpired as error:
        raise NodeError(PDF_TOO_HEAVY, {"name": name, "limit_s": limit_s}) from error
    if code != 0:
        heavy = b"MemoryError" in complained or code in {-9, -24}
        raise NodeError(PDF_TOO_HEAVY if heavy else PDF_DAMAGED, {"name": name, "limit_s": limit_s})
    answer: dict[str, Any] = json.loads(said)
    if "error" in answer:
        raise NodeError(PDF_PASSWORD if answer["error"] == "password" else PDF_DAMAGED, {"name": name})
    return PdfText(answer["pages"], answer["outline"], answer["metadata"], answer["page_count"])
