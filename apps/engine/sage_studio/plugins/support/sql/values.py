"""Values of databases as the JSON people expect, and values of flows as databases take them."""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

_PLAIN = frozenset({str, int, bool, type(None)})
_SAFE_DIGITS = 15


def to_json(value: Any) -> Any:
    """Decimals become numbers where no digit is lost, else text; times are ISO 8601 (UTC where there is a
    zone); bytes are Base64; what JSON has no word for is text."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    convert = _BY_TYPE.get(kind)
    if convert is not None:
        return convert(value)
    if isinstance(value, int):
        return int(value)  # drivers have kinds of their own
    if isinstance(value, Mapping):
        return {str(name): to_json(entry) for name, entry in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_json(entry) for entry in value]
    return str(value)


def columns_to_json(rows: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    """Rows turned into columns; those of plain values pass as they are."""
    made: list[Sequence[Any]] = []
    for column in zip(*rows, strict=True):
        is_plain = _PLAIN.issuperset(map(type, column))
        made.append(column if is_plain else [to_json(value) for value in column])
    return made


def to_database(value: Any) -> Any:
    """For databases that take JSON as text."""
    if isinstance(value, (Mapping, list, tuple)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value


def _number(value: Decimal) -> int | float | str:
    if not value.is_finite():
        return str(value)
    if value == value.to_integral_value() and value.as_tuple().exponent == 0:
        return int(value)
    digits = len(value.normalize().as_tuple().digits)
    return float(value) if digits <= _SAFE_DIGITS else str(value)


def _moment(value: dt.datetime) -> str:
    if value.tzinfo is None:
        return value.isoformat()
    return value.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def _clock(value: dt.timedelta) -> str:
    """A time of day or a duration as databases print it: ``[-]HH:MM:SS[.ffffff]``."""
    sign, left = ("-", -value) if value < dt.timedelta(0) else ("", value)
    hours, rest = divmod(left, dt.timedelta(hours=1))
    minutes, rest = divmod(rest, dt.timedelta(minutes=1))
    fraction = f".{rest.microseconds:06d}" if rest.microseconds else ""
    return f"{sign}{hours:02d}:{minutes:02d}:{rest.seconds:02d}{fraction}"


def _base64(value: Any) -> str:
    return base64.b64encode(bytes(value)).decode()


_BY_TYPE: dict[type, Callable[[Any], Any]] = {
    float: lambda value: value if math.isfinite(value) else str(value),
    Decimal: _number,
    bytes: _base64,
    bytearray: _base64,
    memoryview: _base64,
    dt.datetime: _moment,
    dt.date: dt.date.isoformat,
    dt.time: dt.time.isoformat,
    dt.timedelta: _clock,
}
