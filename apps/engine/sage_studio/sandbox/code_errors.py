"""A failure inside a person's code as an error that points at their line."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sage_studio.kernel import Json, SageError, Text
from sage_studio.sandbox.errors import CODE_FAILED

MESSAGE_LENGTH = 1_000
_SHOWN_WIDTH = 160

_PYTHON_HAS = (
    "json, re, math, datetime, time, collections, itertools, functools, decimal, base64, hashlib, random, "
    "bisect, copy, dataclasses, typing"
)
_HINTS: Sequence[tuple[re.Pattern[str], Text]] = (
    (
        re.compile(r"No module named '?([\w.]+)|cannot import name"),
        Text(
            en=f"The safe Python has its own small standard library: {_PYTHON_HAS}. Web requests, files and "
            "databases have nodes of their own; other packages need full Python (administrators allow it).",
            zh=f"安全 Python 自带精简标准库：{_PYTHON_HAS}。网络请求、文件和数据库请使用相应节点；"
            "其他软件包需使用完整 Python（由管理员启用）。",
        ),
    ),
    (
        re.compile(r"class inheritance|metaclasses"),
        Text(
            en="The safe Python has classes and dataclasses, but none that inherit from another. Put what "
            "they share into functions.",
            zh="安全 Python 支持类和数据类，但不支持继承。请将共用部分写成函数。",
        ),
    ),
    (
        re.compile(r"yield expressions"),
        Text(
            en="The safe Python has no generators with yield. Collect into a list and return it.",
            zh="安全 Python 不支持 yield。请收集到列表后返回。",
        ),
    ),
    (
        re.compile(r"'del' statement"),
        Text(
            en="The safe Python has no del. Use .pop(), or build a new value without the entry.",
            zh="安全 Python 不支持 del。请使用 .pop()，或构造不含该项的新值。",
        ),
    ),
    (
        re.compile(r"does not yet support|not supported in this environment|^Permission denied"),
        Text(
            en="This is outside what code in the sandbox can do. Files, web requests and credentials have "
            "nodes of their own.",
            zh="沙箱中的代码无法使用此功能。文件、网络请求和凭据请使用相应节点。",
        ),
    ),
    (
        re.compile(
            r"(require|fetch|process|module|Buffer|setTimeout|XMLHttpRequest|\$helpers) is not defined"
        ),
        Text(
            en="The sandbox has the language itself, without Node.js or a browser around it. Web requests, "
            "files and waiting have nodes of their own.",
            zh="沙箱只提供 JavaScript 语言本身，不包含 Node.js 或浏览器接口。"
            "网络请求、文件和等待请使用相应节点。",
        ),
    ),
    (
        re.compile(r"name '(\w+)' is not defined|^(\w+) is not defined"),
        Text(
            en="Inputs arrive under the names they have in the node's settings.",
            zh="输入以节点设置中的名称传入。",
        ),
    ),
)


def code_failed(
    *,
    kind: str,
    message: str,
    source: str,
    place: tuple[int, int] | None,
    item: int | None = None,
) -> SageError:
    """``place`` is line and column in the source, from 1; ``item`` the item it happened on, from 0."""
    message = message.strip()[:MESSAGE_LENGTH]
    facts: dict[str, Json] = {"kind": kind, "message": message}
    shown = ""
    if place is not None:
        line, column = place
        text = (source.split("\n")[line - 1 : line] or [""])[0].rstrip()
        facts |= {"line": line, "column": column, "source_line": text[:_SHOWN_WIDTH]}
        shown = f" — {text.strip()[:_SHOWN_WIDTH]}"
    facts |= {"shown": shown, **_place_facts(item, place)}
    for pattern, hint in _HINTS:
        if pattern.search(message):
            facts |= {"hint_en": hint["en"], "hint_zh": hint["zh"]}
            break
    else:
        facts |= {"hint_en": "", "hint_zh": ""}
    return SageError(CODE_FAILED, facts)


def at_item(error: SageError, start: int) -> SageError:
    """The error of a call on some items, the first of which has the number ``start``."""
    item, line, column = (error.facts.get(name) for name in ("item", "line", "column"))
    if isinstance(item, int):
        place = (line, column) if isinstance(line, int) and isinstance(column, int) else None
        error.facts |= _place_facts(item + start, place)
    return error


def _place_facts(item: int | None, place: tuple[int, int] | None) -> dict[str, Json]:
    where, where_zh = [], []
    facts: dict[str, Json] = {}
    if item is not None:
        facts["item"] = item
        where.append(f"item {item}")
        where_zh.append(f"第 {item} 项")
    if place is not None:
        where.append(f"line {place[0]}, column {place[1]}")
        where_zh.append(f"第 {place[0]} 行第 {place[1]} 列")
    facts["place"] = f"{', '.join(where).capitalize()}: " if where else ""
    facts["place_zh"] = f"{'，'.join(where_zh)}：" if where else ""
    return facts
