"""Dates and times as people write them: read, moved by the calendar, written."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sage_studio.kernel import JsonObject, define_error
from sage_studio.sdk import NodeError

NOT_A_DATE = define_error(
    "date_time.not_a_date",
    3922,
    en="“{value}” is not a date that can be read.",
    zh="无法识别日期“{value}”。",
    hint_en="Write it as 2026-12-24T18:00:00+01:00 or 24.12.2026 18:00, or give seconds since 1970.",
    hint_zh="请写成 2026-12-24T18:00:00+08:00 或 2026-12-24 18:00，或给出自 1970 年起的秒数。",
    status=422,
)
NO_ZONE = define_error(
    "date_time.no_zone",
    3923,
    en="There is no time zone “{zone}”.",
    zh="不存在时区“{zone}”。",
    hint_en="Use a name such as Europe/Berlin, Asia/Shanghai or UTC.",
    hint_zh="请使用 Asia/Shanghai、Europe/Berlin 或 UTC 这样的名称。",
    status=422,
)
OUT_OF_RANGE = define_error(
    "date_time.out_of_range",
    3924,
    en="The date lies outside of the years 1 to 9999.",
    zh="日期超出公元 1 年至 9999 年的范围。",
    status=422,
)

_MILLISECONDS_FROM = 10**11
_PLAIN = re.compile(r"^-?\d+(?:\.\d+)?$")
_FORMS = (
    "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y/%m/%d",
    "%Y年%m月%d日 %H:%M", "%Y年%m月%d日", "%d %B %Y", "%d %b %Y", "%B %d, %Y", "%b %d, %Y",
)  # fmt: skip
_SECONDS = {"seconds": 1, "minutes": 60, "hours": 3_600, "days": 86_400, "weeks": 604_800}
_MONTHS = {"months": 1, "years": 12}
_PATTERN = re.compile(
    r"'([^']*)'|yyyy|yy|MMMM|MMM|MM|M|dd|d|EEEE|EEE|HH|H|hh|h|mm|m|ss|s|SSS|a|ZZ|Z|.", re.DOTALL
)
_CODES = {
    "yyyy": "%Y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "M": "%m", "dd": "%d", "d": "%d",
    "EEEE": "%A", "EEE": "%a", "HH": "%H", "H": "%H", "hh": "%I", "h": "%I", "mm": "%M", "m": "%M",
    "ss": "%S", "s": "%S", "a": "%p", "Z": "%z",
}  # fmt: skip
_SHORT = frozenset("MdHhms")


def zone_of(name: str) -> ZoneInfo:
    """Raises NodeError ``date_time.no_zone``."""
    try:
        return ZoneInfo(name.strip() or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise NodeError(NO_ZONE, {"zone": name[:80]}) from error


def now_in(zone: ZoneInfo) -> datetime:
    return datetime.now(zone)


def as_moment(value: Any, zone: ZoneInfo) -> datetime:
    """The moment in ``zone``; a text without an offset is meant there. Raises NodeError
    ``date_time.not_a_date``."""
    try:
        if isinstance(value, str) and not _PLAIN.match(value.strip()):
            return _read(value.strip(), zone).astimezone(zone)
        if isinstance(value, (int, float, str)) and not isinstance(value, bool):
            number = float(value)
            seconds = number / 1_000 if abs(number) >= _MILLISECONDS_FROM else number
            return datetime.fromtimestamp(seconds, UTC).astimezone(zone)
    except (ValueError, OverflowError, OSError):
        pass
    raise NodeError(NOT_A_DATE, {"value": str(value)[:80]})


def _read(value: str, zone: ZoneInfo) -> datetime:
    """Raises ValueError."""
    for read in (datetime.fromisoformat, _by_forms, parsedate_to_datetime):
        try:
            moment = read(value)
        except ValueError:
            continue
        return moment if moment.tzinfo else moment.replace(tzinfo=zone)
    raise ValueError(value)


def _by_forms(value: str) -> datetime:
    for form in _FORMS:
        try:
            return datetime.strptime(value, form)  # noqa: DTZ007 - the zone is the caller's
        except ValueError:
            continue
    raise ValueError(value)


def add(moment: datetime, amount: float, unit: str) -> datetime:
    """Days and longer by the calendar, which for months means the last day at most; hours and shorter by
    the time that passes. Raises NodeError ``date_time.out_of_range``."""
    try:
        if unit in _MONTHS:
            return _months_later(moment, int(amount) * _MONTHS[unit])
        step = timedelta(seconds=amount * _SECONDS[unit])
        if _SECONDS[unit] >= _SECONDS["days"]:
            return moment + step
        return (moment.astimezone(UTC) + step).astimezone(moment.tzinfo)
    except (ValueError, OverflowError) as error:
        raise NodeError(OUT_OF_RANGE) from error


def _months_later(moment: datetime, months: int) -> datetime:
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    if not 1 <= year <= 9_999:
        raise ValueError("out of the calendar")
    day = min(moment.day, monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


def difference(moment: datetime, since: datetime, unit: str) -> float:
    """How much later ``moment`` is; months and years count whole ones."""
    if unit in _MONTHS:
        months = (moment.year - since.year) * 12 + moment.month - since.month
        later, sooner = (moment, since) if months >= 0 else (since, moment)
        if (later.day, later.timetz()) < (sooner.day, sooner.timetz()):
            months -= 1 if months > 0 else -1 if months < 0 else 0
        return months // _MONTHS[unit] if months >= 0 else -(-months // _MONTHS[unit])
    seconds = (moment - since).total_seconds() / _SECONDS[unit]
    return int(seconds) if seconds.is_integer() else seconds


def written(moment: datetime, form: str) -> str:
    """By a pattern of letters as in Unicode's LDML (UTS 35), or one of a few names."""
    named: Mapping[str, Callable[[], str]] = {
        "": moment.isoformat,
        "iso": moment.isoformat,
        "date": lambda: moment.date().isoformat(),
        "time": lambda: moment.time().isoformat("seconds"),
        "rfc2822": lambda: format_datetime(moment),
        "unix": lambda: str(int(moment.timestamp())),
    }
    if form.strip() in named:
        return named[form.strip()]()
    return "".join(_letter(moment, match) for match in _PATTERN.finditer(form))


def _letter(moment: datetime, match: re.Match[str]) -> str:
    found = match[0]
    if match[1] is not None:
        return match[1]
    if found == "SSS":
        return f"{moment.microsecond // 1000:03}"
    if found == "ZZ":
        offset = moment.strftime("%z")
        return f"{offset[:3]}:{offset[3:5]}"
    if found not in _CODES:
        return found
    made = moment.strftime(_CODES[found])
    return (made.lstrip("0") or "0") if found in _SHORT else made


def fields_of(moment: datetime) -> JsonObject:
    week = moment.isocalendar()
    return {
        "year": moment.year,
        "month": moment.month,
        "day": moment.day,
        "hour": moment.hour,
        "minute": moment.minute,
        "second": moment.second,
        "weekday": week.weekday,
        "week": week.week,
        "unix": int(moment.timestamp()),
        "zone": str(moment.tzinfo),
    }
