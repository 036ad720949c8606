"""Values as text, and text out of what arrives on a port."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sage_studio.kernel import JsonObject, define_error
from sage_studio.plugins.support.sniff import decode
from sage_studio.sdk import Context, NodeError, as_files

NOT_TEXT = define_error(
    "node.not_text",
    3906,
    en="The input “{port}” must be text or a text file, but it is {kind}.",
    zh="输入“{port}”必须是文本或文本文件，但实际为 {kind}。",
    hint_en="Connect a port that carries text, such as the body of an answer.",
    hint_zh="请连接输出文本的端口，例如响应正文。",
    status=422,
)
TOO_LONG = define_error(
    "node.text_too_long",
    3907,
    en="The input “{port}” is {size_mb} MB long; at most {limit_mb} MB are read.",
    zh="输入“{port}”大小为 {size_mb} MB，最多读取 {limit_mb} MB。",
    hint_en="Read it as a stream of rows, or split it first.",
    hint_zh="请以数据流方式读取，或先进行拆分。",
    status=422,
)
MAX_TEXT_BYTES = 64 << 20


def as_text(value: Any) -> str:
    """What a value looks like inside a text: nothing for null, JSON for lists and objects."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, (list, Mapping)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


async def text_of(ctx: Context, value: Any, port: str, *, max_bytes: int = MAX_TEXT_BYTES) -> str:
    """The text of a string or of a file. Raises NodeError ``node.not_text`` or ``node.text_too_long``."""
    if isinstance(value, str):
        _check_size(len(value), port, max_bytes)
        return value
    if isinstance(value, Mapping) and isinstance(value.get("ref"), str):
        file = as_files(value)[0]
        _check_size(file["size_bytes"], port, max_bytes)
        content = await ctx.files.read(file)
        _check_size(len(content), port, max_bytes)
        text: str = (await ctx.in_thread(decode, file["name"], content))[0]
        return text
    raise NodeError(NOT_TEXT, {"port": port, "kind": type(value).__name__}, path=f"inputs.{port}")


def _check_size(size: int, port: str, limit: int) -> None:
    if size > limit:
        facts: JsonObject = {"port": port, "size_mb": -(-size // (1 << 20)), "limit_mb": limit >> 20}
        raise NodeError(TOO_LONG, facts, path=f"inputs.{port}")
