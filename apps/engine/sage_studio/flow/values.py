"""Plain values as every replica writes them: numbers, texts and depth made equal in all languages.

Numbers that travelled through a CRDT come back as floats; JavaScript has one number type. Here an
integral float becomes an integer, so that equal values hash equally.
"""

from __future__ import annotations

import json
import math
import re

from sage_studio.kernel import Json, JsonObject

MAX_SAFE_INTEGER = 2**53 - 1
"""The largest integer a browser holds exactly."""

MAX_VALUE_DEPTH = 56
"""How deep one value inside a node may nest; with the document around it this stays below 64."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def plain_number(value: float) -> float | int | None:
    """The number every replica agrees on; None for what JSON cannot say."""
    if isinstance(value, int):
        return value if abs(value) <= MAX_SAFE_INTEGER else _rounded(value)
    if not math.isfinite(value):
        return None
    if value.is_integer() and abs(value) <= MAX_SAFE_INTEGER:
        return int(value)
    return value


def _rounded(value: int) -> float | None:
    try:
        return float(value)
    except OverflowError:
        return None


def plain_text(value: str) -> str:
    """``value`` without what databases and UTF-8 refuse: NUL and lone surrogates become U+FFFD."""
    return _UNSTORABLE.sub("�", value) if _UNSTORABLE.search(value) else value


def plain(value: object, depth: int = 1) -> Json:
    """``value`` as JSON that survives storage everywhere.

    Total: what cannot be said in JSON, or nests deeper than ``MAX_VALUE_DEPTH``, becomes None.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, int | float):
        return plain_number(value)
    if depth > MAX_VALUE_DEPTH:
        return None
    if isinstance(value, dict):
        return {plain_text(str(key)): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, depth + 1) for item in value]
    return None


def as_object(value: object) -> JsonObject:
    """``value`` when it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def code_units(text: str) -> bytes:
    """Sort key that orders texts as JavaScript does (by UTF-16 code units)."""
    return text.encode("utf-16-be", "surrogatepass")


def same(left: Json, right: Json) -> bool:
    """Whether two values are the same JSON (1 and 1.0 are, 1 and true are not)."""
    if isinstance(left, str) and isinstance(right, str):
        return left == right
    return left is right or _key(left) == _key(right)


def _key(value: Json) -> str:
    return json.dumps(plain(value), sort_keys=True)
