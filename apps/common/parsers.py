"""The JSON parser of the API: strict where Python's is lenient."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from rest_framework.parsers import BaseParser

from apps.common.errors import NOT_JSON, TOO_LARGE, ApiError
from sage_studio.kernel import Json

MAX_DEPTH = 64
MAX_BYTES = 5 * 1024 * 1024
# A whole string (up to the end of the text when it is never closed, so that matching stays linear),
# or a bracket outside strings.
_TOKEN = re.compile(r'"(?:[^"\\]+|\\.?)*+"?|[\[\]{}]', re.DOTALL)


class _Refused(ValueError):
    """The text is JSON for Python but not for us; why, in English and Chinese."""

    def __init__(self, reason: str, reason_zh: str) -> None:
        super().__init__(reason)
        self.reason_zh = reason_zh


def _no_duplicates(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _Refused(f"the key {twice[:100]!r} appears twice", f"键 {twice[:100]!r} 出现了两次")
    return result


def _no_constant(text: str) -> Json:
    raise _Refused(f"{text} is not a JSON number", f"{text} 不是 JSON 数字")


def _whole(text: str) -> int:
    if len(text) > 40:
        raise _Refused("a number has too many digits", "某个数字的位数过多")
    return int(text)


def _number(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise _Refused("a number is too large", "某个数字过大")
    return value


def _check_depth(text: str) -> None:
    """Refuse nesting over MAX_DEPTH before the recursive decoder sees it."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for token in _TOKEN.finditer(text):
        character = token.group()[0]
        if character in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise _Refused(f"it is nested deeper than {MAX_DEPTH} levels", f"嵌套超过 {MAX_DEPTH} 层")
        elif character in "]}":
            depth -= 1


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise _Refused("a text contains the NUL character", "文本中含有 NUL 字符")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise _Refused("a text contains half of a surrogate pair", "文本中含有不完整的代理对")


def _check_texts(value: Json) -> None:
    """Refuse what no database stores: NUL and halves of surrogate pairs, which only escapes can write."""
    waiting: list[Json] = [value]
    while waiting:
        current = waiting.pop()
        if isinstance(current, str):
            _check_text(current)
        elif isinstance(current, list):
            waiting.extend(current)
        elif isinstance(current, dict):
            waiting.extend(current)
            waiting.extend(current.values())


def parse_json(body: bytes) -> Json:
    """The value in ``body``. Raises ApiError ``request.not_json`` saying what is wrong and where."""
    try:
        text = body.decode("utf-8")
        _check_depth(text)
        value: Json = json.loads(
            text,
            object_pairs_hook=_no_duplicates,
            parse_constant=_no_constant,
            parse_int=_whole,
            parse_float=_number,
        )
        if "\\u" in text:
            _check_texts(value)
        return value
    except UnicodeDecodeError as error:
        raise _not_json(f"byte {error.start} is not UTF-8", f"第 {error.start} 个字节不是 UTF-8") from None
    except json.JSONDecodeError as error:
        line, column = error.lineno, error.colno
        reason_zh = f"第 {line} 行第 {column} 列有语法错误（{error.msg}）"
        raise _not_json(f"{error.msg} at line {line}, column {column}", reason_zh) from None
    except _Refused as error:
        raise _not_json(str(error), error.reason_zh) from None
    except RecursionError:
        raise _not_json("it is nested too deeply", "嵌套过深") from None


def _not_json(reason: str, reason_zh: str) -> ApiError:
    return ApiError(NOT_JSON, {"reason": reason, "reason_zh": reason_zh})


class StrictJsonParser(BaseParser):
    """Bodies of ``application/json`` up to MAX_BYTES."""

    media_type = "application/json"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        limit = getattr((parser_context or {}).get("view"), "max_body_bytes", MAX_BYTES)
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise ApiError(TOO_LARGE, {"limit_bytes": limit})
        return parse_json(body)
