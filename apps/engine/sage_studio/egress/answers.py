"""What comes back: a whole answer, or one that is read while it comes."""

from __future__ import annotations

import asyncio
import codecs
import json as json_module
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass

import httpcore
import httpx

from sage_studio.egress.errors import BAD_ANSWER, TIMEOUT
from sage_studio.egress.unpacking import Unpacker
from sage_studio.kernel import Json, SageError

# Python knows these as text, but they cost quadratic time or yield halves of surrogate pairs.
_ODD_CODECS = frozenset({"punycode", "idna", "unicode-escape", "raw-unicode-escape", "utf-7", "undefined"})
# Everything the libraries below raise when the other side, or the way to it, is at fault.
FAILURES = (httpx.HTTPError, httpx.StreamError, httpcore.NetworkError, httpx.InvalidURL, OSError)
# Of the body as it arrives, which is not the body that is handed on.
_OF_THE_PACKING = frozenset({"content-encoding", "content-length", "transfer-encoding"})


@dataclass(frozen=True, slots=True)
class Response:
    """A finished answer; header names are in lower case, ``url`` is the last hop's."""

    status: int
    headers: Mapping[str, str]
    url: str
    content: bytes

    def text(self) -> str:
        """The body by its declared charset, else UTF-8; what does not fit is replaced."""
        match = re.search(r"charset=[\"']?([\w.-]+)", self.headers.get("content-type", ""), re.IGNORECASE)
        return self.content.decode(_codec(match[1] if match else "utf-8"), "replace")

    def json(self) -> Json:
        """The body as JSON. Raises SageError ``http.bad_answer``."""
        try:
            value: Json = json_module.loads(self.content)
        except (ValueError, RecursionError) as error:
            host = httpx.URL(self.url).host
            raise SageError(BAD_ANSWER, {"host": host, "reason": "it is not valid JSON"}) from error
        return value


class StreamedResponse:
    """An answer whose body is still to come: iterate ``chunks`` once, or ``read`` it whole.

    ``idle_s`` bounds the wait for each piece; sizes count after unpacking.
    """

    def __init__(
        self,
        answer: httpx.Response,
        *,
        host: str,
        max_bytes: int,
        idle_s: float,
        close: Callable[[], Awaitable[None]],
        fault: Callable[[Exception], SageError],
    ) -> None:
        self.status = answer.status_code
        self.headers = joined_headers(answer.headers)
        self.url = str(answer.url)
        self._answer = answer
        self._host = host
        self._idle_s = idle_s
        self._close = close
        self._fault = fault
        self._unpacker = Unpacker(self.headers.get("content-encoding", ""), host, max_bytes)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body, unpacked, as it comes. Raises SageError ``http.*``."""
        pieces = self._answer.aiter_raw()
        while (piece := await self._next(pieces)) is not None:
            for part in self._unpacker.parts(piece):
                yield part
        self._unpacker.end()

    async def _next(self, pieces: AsyncIterator[bytes]) -> bytes | None:
        try:
            async with asyncio.timeout(self._idle_s):
                return await anext(pieces, None)
        except TimeoutError as error:
            raise SageError(TIMEOUT, {"host": self._host, "timeout_s": self._idle_s}) from error
        except FAILURES as error:
            raise self._fault(error) from error

    async def read(self) -> bytes:
        """The whole body."""
        return b"".join([part async for part in self.chunks()])

    async def finished(self) -> Response:
        """The answer with its whole body."""
        return Response(self.status, self.headers, self.url, await self.read())

    def plain_headers(self) -> dict[str, str]:
        """The headers without those that describe how the body was packed."""
        return without_packing(self.headers)

    async def aclose(self) -> None:
        await self._close()


def without_packing(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name not in _OF_THE_PACKING}


def joined_headers(headers: httpx.Headers) -> dict[str, str]:
    """One value per name; several are joined as RFC 9110 (5.3) says."""
    return {name: ", ".join(headers.get_list(name)) for name in headers}


def _codec(charset: str) -> str:
    """A codec for what another side declared; UTF-8 for unknown ones and those no page is written in."""
    try:
        name = codecs.lookup(charset).name
        b"".decode(name)  # refuses codecs that are not of texts
    except (LookupError, UnicodeError):
        return "utf-8"
    return "utf-8" if name in _ODD_CODECS else name
