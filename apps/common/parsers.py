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
    """The text is JSON for Python but not for us."""


def _no_duplicates(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _Refused(f"the key {twice[:100]!r} appears twice")
    return result


def _no_constant(text: str) -> Json:
    raise _Refused(f"{text} is not a JSON number")


def _whole(text: str) -> int:
    if len(text) > 40:
        raise _Refused("a number has too many digits")
    return int(text)


def _number(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise _Refused("a number is too large")
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
                raise _Refused(f"it is nested deeper than {MAX_DEPTH} levels")
        elif character in "]}":
            depth -= 1


def _check_text(text: str) -> None:
    if "\x00" in text:
        raise _Refused("a text contains the NUL character")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise _Refused("a text contains half of a surrogate pair")


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
        raise ApiError(NOT_JSON, {"reason": f"byte {error.start} is not UTF-8"}) from None
    except json.JSONDecodeError as error:
        raise ApiError(
            NOT_JSON, {"reason": f"{error.msg} at line {error.lineno}, column {error.colno}"}
        ) from None
    except (_Refused, RecursionError) as error:
        raise ApiError(NOT_JSON, {"reason": str(error) or "it is nested too deeply"}) from None


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
