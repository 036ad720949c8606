"""Functions beyond JavaScript's own: dates, and what people know from other tools (``first()``).

A date is ISO 8601 text, as everywhere in a flow; functions of dates are functions of text. ``extras.js``
holds the same for expressions that are handed over, and tests compare the two.
"""

from __future__ import annotations

import calendar
import html
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from urllib.parse import quote, unquote, urlsplit

from sage_studio.expressions.operators import Value, leaving, strict_equal, tidy, to_json, to_number, to_text

Function: TypeAlias = Callable[[Any, Sequence[Value], Any], Value]

_MONTHS = tuple(calendar.month_name)[1:]
_DAYS = tuple(calendar.day_name)
_TOKENS = re.compile(r"'[^']*'|yyyy|yy|MMMM|MMM|MM|M|LL|L|dd|d|EEEE|EEE|HH|H|hh|h|mm|m|ss|s|SSS|a|ZZ|Z")
_UNITS = ("year", "month", "week", "day", "hour", "minute", "second", "millisecond")
_PARTS = ("year", "month", "day", "hour", "minute", "second", "microsecond")
_SECONDS = {"week": 604_800, "day": 86_400, "hour": 3_600, "minute": 60, "second": 1, "millisecond": 0.001}


def _date(value: Any, use: Any) -> datetime:
    """The moment a text or a number of milliseconds names; without an offset, UTC."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value / 1000, UTC)
        found = datetime.fromisoformat(str(value).strip())
    except (ValueError, OverflowError, OSError):
        raise use.bad("it is no date", "不是日期") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _iso(moment: datetime) -> str:
    """As JavaScript's toISOString writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def _format(value: Any, args: Sequence[Value], use: Any) -> str:
    moment = _date(value, use)
    pattern = to_text(args[0]) if args else "yyyy-MM-dd"
    if len(pattern) > 200:
        raise use.bad("the pattern is too long", "格式过长")
    offset = moment.strftime("%z")
    parts = {
        "yyyy": f"{moment.year:04}", "yy": f"{moment.year % 100:02}", "MMMM": _MONTHS[moment.month - 1],
        "MMM": _MONTHS[moment.month - 1][:3], "MM": f"{moment.month:02}", "M": str(moment.month),
        "LL": f"{moment.month:02}", "L": str(moment.month), "dd": f"{moment.day:02}", "d": str(moment.day),
        "EEEE": _DAYS[moment.weekday()], "EEE": _DAYS[moment.weekday()][:3], "HH": f"{moment.hour:02}",
        "H": str(moment.hour), "hh": f"{moment.hour % 12 or 12:02}", "h": str(moment.hour % 12 or 12),
        "mm": f"{moment.minute:02}", "m": str(moment.minute), "ss": f"{moment.second:02}",
        "s": str(moment.second), "SSS": f"{moment.microsecond // 1000:03}",
        "a": "AM" if moment.hour < 12 else "PM", "ZZ": f"{offset[:3]}:{offset[3:5]}",
        "Z": offset[:3].replace("0", "", 1),
    }  # fmt: skip
    return _TOKENS.sub(lambda found: parts.get(found[0], found[0].strip("'")), pattern)


def _unit(value: Value, use: Any) -> str:
    unit = to_text(value).lower().removesuffix("s")
    if unit not in _UNITS:
        raise use.bad(f"“{unit}” is no unit of time", f"“{unit}” 不是时间单位")
    return unit


def _moved(sign: int) -> Function:
    def move(value: Any, args: Sequence[Value], use: Any) -> str:
        moment = _date(value, use)
        by: Mapping[str, Value] = {}
        if args and isinstance(args[0], Mapping):
            by = args[0]
        elif len(args) > 1:
            by = {to_text(args[1]): args[0]}
        try:
            for name, amount in by.items():
                moment = _shifted(moment, _unit(name, use), sign * to_number(amount, use.name, use.at))
        except (ValueError, OverflowError):
            raise use.bad("the date lies too far away", "日期超出范围") from None
        return _iso(moment)

    return move


def _shifted(moment: datetime, unit: str, amount: float) -> datetime:
    if unit in _SECONDS:
        return moment + timedelta(seconds=_SECONDS[unit] * amount)
    months = moment.year * 12 + moment.month - 1 + int(amount) * (12 if unit == "year" else 1)
    year, month = divmod(months, 12)
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


def _start(moment: datetime, unit: str) -> datetime:
    if unit == "week":
        moment -= timedelta(days=moment.weekday())
        unit = "day"
    below = _PARTS[_PARTS.index(unit) + 1 :] if unit in _PARTS else ()
    first = {"month": 1, "day": 1}
    parts = {part: first.get(part, 0) for part in below}
    return moment.replace(**parts)  # type: ignore[arg-type]


def _start_of(value: Any, args: Sequence[Value], use: Any) -> str:
    return _iso(_start(_date(value, use), _unit(args[0] if args else "day", use)))


def _end_of(value: Any, args: Sequence[Value], use: Any) -> str:
    unit = _unit(args[0] if args else "day", use)
    return _iso(_shifted(_start(_date(value, use), unit), unit, 1) - timedelta(milliseconds=1))


def _diff(value: Any, args: Sequence[Value], use: Any) -> Value:
    unit = _unit(args[1], use) if len(args) > 1 else "day"
    apart = (_date(value, use) - _date(args[0] if args else value, use)).total_seconds()
    seconds = {"month": 2_629_746, "year": 31_556_952, **_SECONDS}[unit]
    return tidy(round(apart / seconds, 6))


def _json(value: Any, _args: Sequence[Value], _use: Any) -> str:
    return to_json(leaving(value))


def _unique(value: Sequence[Value], args: Sequence[Value], use: Any) -> list[Value]:
    field = to_text(args[0]) if args else None
    seen: set[str] = set()
    kept = []
    for item in value:
        part = item.get(field) if field is not None and isinstance(item, Mapping) else item
        use.budget.spend(1, use.at)
        key = json.dumps(leaving(part), default=str)
        if key not in seen:
            seen.add(key)
            kept.append(item)
    return kept


def _numbers(value: Sequence[Value], args: Sequence[Value], use: Any) -> list[float]:
    use.budget.spend(len(value), use.at)
    field = to_text(args[0]) if args else None
    picked = [item.get(field) if field is not None and isinstance(item, Mapping) else item for item in value]
    return [to_number(item, use.name, use.at) for item in picked if item is not None]


def _average(value: Sequence[Value], args: Sequence[Value], use: Any) -> Value:
    numbers = _numbers(value, args, use)
    return tidy(sum(numbers) / len(numbers)) if numbers else None


def _pluck(value: Sequence[Value], args: Sequence[Value], use: Any) -> list[Value]:
    use.budget.spend(len(value), use.at)
    field = to_text(args[0]) if args else ""
    return [item.get(field) if isinstance(item, Mapping) else None for item in value]


def _chunk(value: Sequence[Value], args: Sequence[Value], use: Any) -> list[Value]:
    size = int(to_number(args[0], use.name, use.at)) if args else 0
    if size < 1:
        raise use.bad("the size must be at least 1", "大小至少为 1")
    return [list(value[at : at + size]) for at in range(0, len(value), size)]


def _compact(value: Sequence[Value], _args: Sequence[Value], _use: Any) -> list[Value]:
    return [item for item in value if item is not None and not strict_equal(item, "")]


def _domain(value: str, _args: Sequence[Value], _use: Any) -> Value:
    try:
        found = urlsplit(value if "//" in value else f"//{value}").hostname or ""
    except ValueError:
        return None
    return found.rsplit("@", 1)[-1] or None


def _integer(value: Any, _args: Sequence[Value], _use: Any) -> Value:
    found = re.match(r"\s*[-+]?\d{1,300}", value)
    return int(found[0]) if found else None


def _rounded(value: float, args: Sequence[Value], use: Any) -> Value:
    digits = int(to_number(args[0], use.name, use.at)) if args else 0
    factor = 10.0 ** max(-15, min(15, digits))
    scaled = value * factor
    return tidy((scaled + 0.5) // 1 / factor)


def _now(_args: Sequence[Value], _use: Any) -> str:
    return _iso(datetime.now(UTC))


_EMPTY: Mapping[str, Function] = {
    "isEmpty": lambda value, _args, _use: len(value) == 0,
    "isNotEmpty": lambda value, _args, _use: len(value) > 0,
}
DATES: Mapping[str, Function] = {
    "format": _format,
    "toFormat": _format,
    "plus": _moved(1),
    "minus": _moved(-1),
    "startOf": _start_of,
    "endOf": _end_of,
    "diff": _diff,
    "toISO": lambda value, _args, use: _iso(_date(value, use)),
    "toDateTime": lambda value, _args, use: _iso(_date(value, use)),
    "toMillis": lambda value, _args, use: tidy(round(_date(value, use).timestamp() * 1000)),
}
TEXT: Mapping[str, Function] = {
    **_EMPTY,
    **DATES,
    "toInt": _integer,
    "toNumber": lambda value, _args, use: to_number(value, use.name, use.at),
    "urlEncode": lambda value, _args, _use: quote(value, safe="-_.!~*'()"),
    "urlDecode": lambda value, _args, _use: unquote(value),
    "removeTags": lambda value, _args, _use: html.unescape(re.sub(r"<[^<>]{0,10000}>", "", value)),
    "extractDomain": _domain,
    "toJsonString": _json,
}
LIST: Mapping[str, Function] = {
    **_EMPTY,
    "first": lambda value, _args, _use: value[0] if value else None,
    "last": lambda value, _args, _use: value[-1] if value else None,
    "unique": _unique,
    "compact": _compact,
    "pluck": _pluck,
    "chunk": _chunk,
    "sum": lambda value, args, use: tidy(sum(_numbers(value, args, use))),
    "average": _average,
    "min": lambda value, args, use: tidy(min(_numbers(value, args, use), default=0)),
    "max": lambda value, args, use: tidy(max(_numbers(value, args, use), default=0)),
    "toJsonString": _json,
}
NUMBER: Mapping[str, Function] = {
    "round": _rounded,
    "toDateTime": lambda value, _args, use: _iso(_date(value, use)),
    "toInt": lambda value, _args, _use: int(value),
}
OBJECT: Mapping[str, Function] = {
    **_EMPTY,
    "keys": lambda value, _args, _use: list(value),
    "values": lambda value, _args, _use: list(value.values()),
    "toJsonString": _json,
}
DATE_FUNCTIONS: Mapping[str, Callable[[Sequence[Value], Any], Value]] = {
    "now": _now,
    "fromISO": lambda args, use: _iso(_date(args[0] if args else None, use)),
    "fromMillis": lambda args, use: _iso(_date(args[0] if args else None, use)),
}
