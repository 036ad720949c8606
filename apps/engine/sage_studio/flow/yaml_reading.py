"""The JSON part of YAML, read from parser events so that every fault has a line and a column.

No tags, anchors, aliases, merge keys, dates or octal numbers: a YAML flow says exactly what its
JSON twin says, and no document can unfold into more than it is.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from sage_studio.kernel import SageError, define_error

MAX_YAML_CHARACTERS = 2 << 20
"""YAML is read some fifty times slower than JSON."""

_MAX_DEPTH = 64

NOT_YAML = define_error(
    "flow.not_yaml", 2011,
    en="This is neither JSON nor YAML: line {line}, column {column}.",
    zh="内容既不是 JSON 也不是 YAML：第 {line} 行第 {column} 列。",
    hint_en="Check indentation and quotes at this place, or give the flow as JSON.",
    hint_zh="请检查该位置的缩进和引号，或改用 JSON 格式。",
)  # fmt: skip
YAML_TOO_LONG = define_error(
    "flow.yaml_too_long", 2012, status=413,
    en="YAML flows may be at most {limit_mb} MB.", zh="YAML 格式的流程最大为 {limit_mb} MB。",
    hint_en="Give large flows as JSON.", hint_zh="较大的流程请使用 JSON 格式。",
)  # fmt: skip
YAML_FEATURE = define_error(
    "flow.yaml_feature", 2013,
    en="YAML tags, anchors and several documents are not read (line {line}, column {column}).",
    zh="不支持 YAML 标签、锚点和多文档（第 {line} 行第 {column} 列）。",
    hint_en="Write the value out in full.", hint_zh="请完整写出该值。",
)  # fmt: skip
YAML_DUPLICATE = define_error(
    "flow.yaml_duplicate_key", 2014,
    en="The key “{key}” appears twice (line {line}, column {column}).",
    zh="键 “{key}” 出现了两次（第 {line} 行第 {column} 列）。",
    hint_en="Keep one of the two.", hint_zh="请保留其中一个。",
)  # fmt: skip
YAML_TOO_DEEP = define_error(
    "flow.yaml_too_deep", 2015,
    en="Values are nested more than {limit} levels deep (line {line}, column {column}).",
    zh="嵌套超过 {limit} 层（第 {line} 行第 {column} 列）。",
    hint_en="Flatten the value, or keep it in a file.", hint_zh="请减少嵌套层级，或将其存入文件。",
)  # fmt: skip

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORDS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)


def read_yaml(text: str) -> object:
    """The value of one YAML document. Raises SageError with a ``flow.yaml_*`` code and the place."""
    if len(text) > MAX_YAML_CHARACTERS:
        raise SageError(YAML_TOO_LONG, {"limit_mb": MAX_YAML_CHARACTERS >> 20})
    try:
        return _Builder().build(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise SageError(NOT_YAML, {"line": line, "column": column}) from error
    except yaml.YAMLError as error:
        position = int(getattr(error, "position", 0) or 0)
        line = text.count("\n", 0, position) + 1
        column = position - (text.rfind("\n", 0, position) + 1) + 1
        raise SageError(NOT_YAML, {"line": line, "column": column}) from error


class _Builder:
    """Turns events into values with an explicit stack, so depth is a check and not a crash."""

    def __init__(self) -> None:
        self._result: object = None
        self._documents = 0
        self._stack: list[dict[str, object] | list[object]] = []
        self._keys: list[str | None] = []

    def build(self, text: str) -> object:
        for event in yaml.parse(text, Loader=_LOADER):
            self._take(event)
        return self._result

    def _take(self, event: Any) -> None:
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _fault(YAML_FEATURE, event)
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise _fault(YAML_FEATURE, event)
        elif isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._open(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._stack.pop()
            self._keys.pop()

    def _open(self, event: Any) -> None:
        if event.tag not in (None, "!"):
            raise _fault(YAML_FEATURE, event)
        if len(self._stack) >= _MAX_DEPTH:
            raise _fault(YAML_TOO_DEEP, event, limit=_MAX_DEPTH)
        value: dict[str, object] | list[object] = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._put(value, event)
        self._stack.append(value)
        self._keys.append(None)

    def _scalar(self, event: Any) -> None:
        if event.tag not in (None, "!"):
            raise _fault(YAML_FEATURE, event)
        top = self._stack[-1] if self._stack else None
        if isinstance(top, dict) and self._keys[-1] is None:
            if event.value in top:
                raise _fault(YAML_DUPLICATE, event, key=event.value[:80])
            if not event.style and event.value == "<<":
                raise _fault(YAML_FEATURE, event)
            self._keys[-1] = event.value
        else:
            plain = not event.style and event.implicit[0]
            self._put(_resolved(event.value) if plain else event.value, event)

    def _put(self, value: object, event: Any) -> None:
        if not self._stack:
            self._result = value
            return
        top = self._stack[-1]
        if isinstance(top, list):
            top.append(value)
            return
        key = self._keys[-1]
        if key is None:
            raise _fault(YAML_FEATURE, event)
        top[key] = value
        self._keys[-1] = None


def _resolved(text: str) -> object:
    """A plain scalar by the YAML 1.2 core schema; ``yes``, ``1_000`` and dates stay texts."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) <= 300:
        if _INTEGER.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
    return text


def _fault(code: Any, event: Any, **facts: Any) -> SageError:
    mark = event.start_mark
    return SageError(code, {"line": mark.line + 1, "column": mark.column + 1, **facts})
