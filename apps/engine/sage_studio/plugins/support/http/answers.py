"""Answers read while they come: lines, JSON lines, server-sent events, rows of a table, or a file."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from sage_studio.kernel import define_error
from sage_studio.plugins.support.table_stream import TableFormat, TableReader
from sage_studio.sdk import Chunk, NodeError, StreamedResponse

BAD_LINE = define_error(
    "http_request.line",
    3561,
    en="Line {line} of the answer is not valid JSON: {reason}",
    zh="响应第 {line} 行不是有效的 JSON：{reason}",
    hint_en="Choose “Lines of text” to look at what the service sends.",
    hint_zh="可选择“文本行”查看服务返回的内容。",
    status=502,
)
LONG_LINE = define_error(
    "http_request.long_line",
    3562,
    en="A line of the answer is longer than {limit_mb} MB.",
    zh="响应中有一行超过 {limit_mb} MB。",
    hint_en="Save the answer to a file instead.",
    hint_zh="请改为将响应保存到文件。",
    status=502,
)
_LINE_CHARS = 16 << 20
_DISPOSITION = re.compile(r"filename\*=(?:UTF-8|utf-8)''([^;]+)|filename=\"?([^\";]+)\"?")


async def lines(answer: StreamedResponse) -> AsyncIterator[list[str]]:
    """Whole lines, without their ends, as many as came together. Raises NodeError."""
    decode = codecs.getincrementaldecoder("utf-8-sig")("replace").decode
    left: list[str] = []
    size = 0
    async for chunk in answer.chunks():
        parts = decode(chunk).replace("\r\n", "\n").split("\n")
        if len(parts) == 1:
            left.append(parts[0])
            size += len(parts[0])
            if size > _LINE_CHARS:
                raise NodeError(LONG_LINE, {"limit_mb": _LINE_CHARS >> 20})
            continue
        whole = ["".join(left) + parts[0], *parts[1:-1]]
        left, size = [parts[-1]], len(parts[-1])
        yield [line.removesuffix("\r") for line in whole]
    if rest := "".join(left) + decode(b"", True):
        yield [rest]


async def json_lines(answer: StreamedResponse) -> AsyncIterator[Chunk]:
    number = 0
    async for found in lines(answer):
        made = Chunk()
        for line in found:
            number += 1
            if line.strip():
                made.append(_value(line, number))
        yield made


def _value(line: str, number: int) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise NodeError(BAD_LINE, {"line": number, "reason": str(error)[:200]}) from error


async def plain_lines(answer: StreamedResponse) -> AsyncIterator[Chunk]:
    async for found in lines(answer):
        yield Chunk(found)


async def events(answer: StreamedResponse) -> AsyncIterator[Chunk]:
    """Server-sent events (WHATWG HTML, 9.2) as ``{event, data, id, value?}``."""
    kind, data, last_id = "", list[str](), ""
    async for found in lines(answer):
        made = Chunk()
        for line in found:
            if not line:
                if data:
                    made.append(_event(kind or "message", "\n".join(data), last_id))
                kind, data = "", []
                continue
            name, _colon, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "data":
                data.append(value)
            elif name == "event":
                kind = value
            elif name == "id" and "\x00" not in value:
                last_id = value
        yield made


def _event(kind: str, data: str, last_id: str) -> dict[str, Any]:
    event: dict[str, Any] = {"event": kind, "data": data, "id": last_id}
    if data[:1] in {"{", "["}:
        try:
            event["value"] = json.loads(data)
        except (ValueError, RecursionError):
            event["value"] = None
    return event


async def table(answer: StreamedResponse) -> AsyncIterator[Any]:
    """Rows of a CSV answer. Raises NodeError ``file.*``."""
    reader = TableReader("answer.csv", TableFormat("csv"))
    async for block in answer.chunks():
        for chunk in reader.feed(block):
            yield chunk
    for chunk in reader.end():
        yield chunk


READERS: Mapping[str, Callable[[StreamedResponse], AsyncIterator[Any]]] = {
    "lines": plain_lines,
    "jsonl": json_lines,
    "events": events,
    "csv": table,
}


def file_name(answer: StreamedResponse) -> str:
    """What the service calls the file, else the end of its address; without a folder in it."""
    match = _DISPOSITION.search(answer.headers.get("content-disposition", ""))
    named = unquote(match[1] or match[2]) if match else unquote(urlsplit(answer.url).path)
    plain = re.sub(r"[\x00-\x1f\x7f]", "", named.replace("\\", "/").rsplit("/", 1)[-1]).strip(". ")
    return plain[:150] or "download"
