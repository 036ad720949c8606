"""The JSON parser of the API: strict where Python's is lenient."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rest_framework.parsers import BaseParser

from apps.common.errors import NOT_JSON, TOO_LARGE, ApiError
from sage_studio.kernel import Json

MAX_DEPTH = 64
MAX_BYTES = 5 * 1024 * 1024


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


def _check_depth(text: str) -> None:
    """Refuse nesting over MAX_DEPTH before the recursive decoder sees it."""
    depth, in_string, escaped = 0, False, False
    for character in text:
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise _Refused(f"it is nested deeper than {MAX_DEPTH} levels")
        elif character in "]}":
            depth -= 1


def parse_json(body: bytes) -> Json:
    """The value in ``body``. Raises ApiError ``request.not_json`` saying what is wrong and where."""
    try:
        text = body.decode("utf-8")
        _check_depth(text)
        value: Json = json.loads(
            text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant, parse_int=_whole
        )
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
