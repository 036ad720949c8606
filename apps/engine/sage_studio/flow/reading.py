"""Text to plain JSON, strictly: what is wrong is said with its place, and nothing odd gets through.

Accepts JSON and YAML (the JSON part of it: no tags, anchors or dates). Refuses what parsers
usually let pass and databases, browsers or people then stumble over: duplicate keys, NUL, lone
surrogates, numbers a browser cannot hold, nesting beyond 64.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping

from sage_studio.flow.values import MAX_SAFE_INTEGER
from sage_studio.flow.yaml_reading import read_yaml
from sage_studio.kernel import ErrorCode, Json, JsonObject, SageError, define_error

MAX_BYTES = 8 << 20
"""Twice the size of a flow with 10,000 nodes."""

MAX_DEPTH = 64

TOO_LARGE = define_error(
    "flow.too_large", 2001, status=413,
    en="This is {size_mb} MB; a flow may be at most {limit_mb} MB.",
    zh="内容大小为 {size_mb} MB；流程最大为 {limit_mb} MB。",
    hint_en="Is this the right file? Data belongs in files the flow reads, not in the flow itself.",
    hint_zh="请确认文件是否正确。数据应放在流程读取的文件中，而不是流程定义里。",
)  # fmt: skip
NOT_TEXT = define_error(
    "flow.not_text", 2002,
    en="This is not a text file: byte {position} is not valid UTF-8.",
    zh="这不是文本文件：第 {position} 个字节不是有效的 UTF-8。",
    hint_en="Save the flow as UTF-8 text (JSON or YAML).",
    hint_zh="请将流程保存为 UTF-8 文本（JSON 或 YAML）。",
)  # fmt: skip
NOT_JSON = define_error(
    "flow.not_json", 2003,
    en="The JSON breaks off at line {line}, column {column}, near “{near}”.",
    zh="JSON 在第 {line} 行第 {column} 列附近出错：“{near}”。",
    hint_en="Look for a missing comma, quote or bracket just before this place.",
    hint_zh="请检查该位置之前是否缺少逗号、引号或括号。",
)  # fmt: skip
NOT_AN_OBJECT = define_error(
    "flow.not_an_object", 2004,
    en="A flow is an object with “nodes” and “edges”; this is {found}.",
    zh="流程应是包含 “nodes” 和 “edges” 的对象；当前内容是{found_zh}。",
    hint_en="Give the whole flow file as it was exported.", hint_zh="请提供导出的完整流程文件。",
)  # fmt: skip
DUPLICATE_KEY = define_error(
    "flow.duplicate_key", 2005,
    en="The key “{key}” appears twice in {place}.", zh="{place} 中的键 “{key}” 出现了两次。",
    hint_en="Keep one of the two.", hint_zh="请保留其中一个。",
)  # fmt: skip
TOO_DEEP = define_error(
    "flow.too_deep", 2006,
    en="Values are nested more than {limit} levels deep at {place}.",
    zh="{place} 处的嵌套超过 {limit} 层。",
    hint_en="Flatten the value, or keep it in a file.", hint_zh="请减少嵌套层级，或将其存入文件。",
)  # fmt: skip
BAD_CHARACTER = define_error(
    "flow.bad_character", 2007,
    en="The text at {place} holds a character that cannot be stored (NUL or half a surrogate pair).",
    zh="{place} 处的文本包含无法存储的字符（NUL 或不完整的代理对）。",
    hint_en="Remove the character.", hint_zh="请删除该字符。",
)  # fmt: skip
BAD_NUMBER = define_error(
    "flow.bad_number", 2008,
    en="The number at {place} cannot be kept exactly (limit ±9007199254740991, no NaN or Infinity).",
    zh="{place} 处的数字无法精确保存（范围 ±9007199254740991，不支持 NaN 或 Infinity）。",
    hint_en="Write long ids as text in quotes.", hint_zh="请将较长的编号写成带引号的文本。",
)  # fmt: skip
NOT_JSON_VALUE = define_error(
    "flow.not_json_value", 2009,
    en="The value at {place} is not JSON.", zh="{place} 处的值不是 JSON。",
    hint_en="Use texts, numbers, true, false, null, lists and objects.",
    hint_zh="请使用文本、数字、true、false、null、列表和对象。",
)  # fmt: skip

_KINDS = {
    "str": ("a text", "一段文本"), "list": ("a list", "一个列表"), "int": ("a number", "一个数字"),
    "float": ("a number", "一个数字"), "bool": ("true or false", "布尔值"), "NoneType": ("empty", "空内容"),
}  # fmt: skip
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_ODD_ESCAPE = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_CONTAINERS = frozenset({dict, list})
# Digits (and sign) from which on an integer may be more than a browser holds.
_SAFE_DIGITS = len(str(MAX_SAFE_INTEGER))


def read(source: str | bytes | Mapping[str, Json]) -> JsonObject:
    """``source`` as a plain JSON object; a mapping is checked and copied.

    Integral floats become integers. Raises SageError with a ``flow.*`` code naming the place.
    """
    checked = _checked(dict(source)) if isinstance(source, Mapping) else read_text(_decoded(source))
    if isinstance(checked, dict):
        return checked
    found, found_zh = _KINDS.get(type(checked).__name__, ("something else", "其他内容"))
    raise SageError(NOT_AN_OBJECT, {"found": found, "found_zh": found_zh})


def read_text(text: str) -> Json:
    """JSON when it begins like JSON, else YAML."""
    start = text.lstrip()[:1]
    return _read_json(text) if start in ("{", "[", '"') else _checked(read_yaml(text))


def place(path: str) -> str:
    """``path`` for use inside a sentence."""
    return path or "flow"


def _decoded(source: str | bytes) -> str:
    size = len(source)
    if size > MAX_BYTES:
        raise SageError(TOO_LARGE, {"size_mb": round(size / (1 << 20), 1), "limit_mb": MAX_BYTES >> 20})
    if isinstance(source, str):
        return source.removeprefix("\ufeff")
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SageError(NOT_TEXT, {"position": error.start + 1}) from error


class _Duplicated(dict[str, object]):
    """An object whose text gave ``key`` twice; found again by path afterwards."""

    key: str


class _Hooks:
    """What the JSON parser calls: numbers are made plain as they are read, and whatever needs a second look
    is noted."""

    def __init__(self) -> None:
        self.has_duplicates = False
        self.is_odd = False

    def pairs(self, items: list[tuple[str, object]]) -> dict[str, object]:
        result = dict(items)
        if len(result) == len(items):
            return result
        self.has_duplicates = True
        seen: set[str] = set()
        marked = _Duplicated(result)
        marked.key = next(key for key, _ in items if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        return marked

    def integer(self, digits: str) -> int | float:
        """One too long for anything becomes infinite and is refused with its place."""
        if len(digits) < _SAFE_DIGITS:
            return int(digits)
        self.is_odd = True
        return int(digits) if len(digits) < 300 else math.inf

    def number(self, digits: str) -> int | float:
        value = float(digits)
        if value.is_integer() and abs(value) <= MAX_SAFE_INTEGER:
            return int(value)
        self.is_odd = self.is_odd or not math.isfinite(value)
        return value

    def constant(self, name: str) -> float:
        """NaN and Infinity, which are no JSON."""
        self.is_odd = True
        return float(name)


def _read_json(text: str) -> Json:
    """The value of a JSON text. That all of it is plain is known from the text as a whole and from the
    numbers; only a text that may hold something odd is gone through value by value."""
    hooks = _Hooks()
    try:
        value: Json = json.loads(
            text,
            object_pairs_hook=hooks.pairs,
            parse_int=hooks.integer,
            parse_float=hooks.number,
            parse_constant=hooks.constant,
        )
    except json.JSONDecodeError as error:
        near = " ".join(text[error.pos : error.pos + 20].split()) or "…"
        raise SageError(NOT_JSON, {"line": error.lineno, "column": error.colno, "near": near}) from error
    except RecursionError as error:
        raise SageError(TOO_DEEP, {"limit": MAX_DEPTH, "place": place("")}) from error
    if hooks.has_duplicates:
        _refuse_duplicate(value)
    if hooks.is_odd or not _is_storable(text) or _is_too_deep(value):
        return _checked(value)
    return value


def _is_storable(text: str) -> bool:
    """Whether no text inside a JSON text can be unstorable: a raw NUL is refused by the parser."""
    if "\\u" in text and _ODD_ESCAPE.search(text):
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_too_deep(value: object) -> bool:
    """Whether lists and objects nest beyond the limit; looked at depth by depth."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)  # type: ignore[attr-defined]
            if type(inner) in _CONTAINERS
        ]
        if not level:
            return False
    return True


def _refuse_duplicate(value: object) -> None:
    todo: list[tuple[str, object]] = [("", value)]
    while todo:
        path, item = todo.pop()
        if isinstance(item, _Duplicated):
            raise SageError(DUPLICATE_KEY, {"key": item.key[:80], "place": place(path)}, path=path)
        if isinstance(item, dict):
            todo.extend((join(path, key), child) for key, child in reversed(item.items()))
        elif isinstance(item, list):
            todo.extend((f"{path}[{index}]", child) for index, child in reversed(list(enumerate(item))))


def join(path: str, key: str) -> str:
    """The path of a member: ``nodes[3].config`` + ``size``."""
    shown = key if key.isidentifier() else json.dumps(key[:80], ensure_ascii=False)
    return f"{path}.{shown}" if path and shown[0] != '"' else f"{path}[{shown}]" if path else shown


def _checked(value: object) -> Json:
    """A copy of ``value`` that is JSON through and through."""
    try:
        return _copy(value, 1)
    except _OddError:
        _refuse(value)
        raise


class _OddError(Exception):
    """Something in there is not plain; ``_refuse`` says what and where."""


def _copy(value: object, depth: int) -> Json:
    """The hottest path of reading: no places are kept, only whether all is well."""
    kind = type(value)
    if kind is str:
        if _UNSTORABLE.search(value):  # type: ignore[call-overload]
            raise _OddError
    elif kind is int:
        if not -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:  # type: ignore[operator]
            raise _OddError
    elif kind is float:
        return _number(value)  # type: ignore[arg-type]
    elif kind is not bool and value is not None:
        return _copy_inside(value, depth)
    return value  # type: ignore[return-value]


def _copy_inside(value: object, depth: int) -> Json:
    if depth > MAX_DEPTH:
        raise _OddError
    if isinstance(value, dict):
        if not all(type(key) is str and not _UNSTORABLE.search(key) for key in value):
            raise _OddError
        return {key: _copy(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_copy(item, depth + 1) for item in value]
    raise _OddError


def _number(value: float) -> float | int:
    if not math.isfinite(value):
        raise _OddError
    return int(value) if value.is_integer() and abs(value) <= MAX_SAFE_INTEGER else value


def _refuse(value: object) -> None:
    """Raise for the first thing that is not plain, with its place."""
    todo: list[tuple[tuple[str | int, ...], object]] = [((), value)]
    while todo:
        trail, item = todo.pop()
        children: list[tuple[str | int, object]] = []
        if isinstance(item, dict):
            if not all(isinstance(key, str) and not _UNSTORABLE.search(key) for key in item):
                raise _at(BAD_CHARACTER, trail)
            children = list(item.items())
        elif isinstance(item, list | tuple):
            children = list(enumerate(item))
        else:
            _refuse_scalar(item, trail)
            continue
        if len(trail) >= MAX_DEPTH:
            raise _at(TOO_DEEP, trail[:4], limit=MAX_DEPTH)
        todo.extend(((*trail, step), child) for step, child in reversed(children))


def _refuse_scalar(value: object, trail: tuple[str | int, ...]) -> None:
    if isinstance(value, str) and _UNSTORABLE.search(value):
        raise _at(BAD_CHARACTER, trail)
    if isinstance(value, int | float) and not (math.isfinite(value) and abs(value) <= MAX_SAFE_INTEGER):
        if isinstance(value, int) or not math.isfinite(value):
            raise _at(BAD_NUMBER, trail)
    elif not (value is None or isinstance(value, str | int | float)):
        raise _at(NOT_JSON_VALUE, trail)


def _at(code: ErrorCode, trail: tuple[str | int, ...], **facts: Json) -> SageError:
    path = ""
    for step in trail:
        path = f"{path}[{step}]" if isinstance(step, int) else join(path, step)
    return SageError(code, {"place": place(path), **facts}, path=path)
