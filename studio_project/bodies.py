"""Bounds request bodies while they arrive.

Daphne keeps a whole body on disk before the application hears of the request, so no limit inside
Django could stop an endless one. The bound is that of an upload; smaller ones (JSON) are held by
the parsers.
"""

from __future__ import annotations

import json
from typing import Any

from daphne import http_protocol

from apps.common.errors import TOO_LARGE

# Room for the multipart frame around an upload.
FRAME_BYTES = 1024 * 1024


def bound_bodies(limit_bytes: int) -> None:
    """Make Daphne refuse larger bodies with 413. Call before it starts to listen."""

    class BoundedRequest(http_protocol.WebRequest):
        """Counts what arrives; once refused, the rest is dropped unread. Forms are Django's business:
        Twisted would read a whole upload into memory for nobody."""

        is_refused = False
        received_bytes = 0

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, parsePOSTFormSubmission=False, **kwargs)

        def gotLength(self, length: int | None) -> None:  # noqa: N802 - Twisted's name
            if length is not None and length > limit_bytes:
                self.refuse()
            super().gotLength(0 if self.is_refused else length)

        def handleContentChunk(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
            self.received_bytes += len(data)
            if not self.is_refused and self.received_bytes > limit_bytes:
                self.refuse()
            if not self.is_refused:
                super().handleContentChunk(data)

        def requestReceived(self, *request_line: Any) -> None:  # noqa: N802 - Twisted's name
            if not self.is_refused:
                super().requestReceived(*request_line)

        def refuse(self) -> None:
            self.is_refused = True
            self.channel.transport.write(_refusal(limit_bytes))
            self.channel.transport.loseConnection()

    # Daphne's factory looks the class up by this name for every connection.
    http_protocol.WebRequest = BoundedRequest


def _refusal(limit_bytes: int) -> bytes:
    """A whole HTTP answer: there is no application yet that could make one."""
    message = TOO_LARGE.message["en"].format(limit_bytes=limit_bytes)
    problem = {
        "type": f"/help/errors/{TOO_LARGE.number}",
        "title": message,
        "status": TOO_LARGE.status,
        "detail": message,
        "code": TOO_LARGE.code,
        "number": TOO_LARGE.number,
        "hint": TOO_LARGE.hint["en"],
        "errors": [],
    }
    body = json.dumps(problem).encode()
    return (
        b"HTTP/1.1 413 Content Too Large\r\nContent-Type: application/problem+json\r\n"
        b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    )
