"""When a schedule fires: from the settings of its node to moments.

Times of day are those of the wall clock in the time zone of the schedule. Where the clocks go forward, a time
that does not exist fires at the first moment after the gap; where they go back, a time that comes twice fires
the first time only. Expressions with ``*`` in hour or minute go by real time (as Debian's cron does).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from apps.triggers.errors import BAD_SCHEDULE
from sage_studio.kernel import SageError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {"minutes": 60, "hours": 3600}


@dataclass(frozen=True, slots=True)
class Schedule:
    """``expression`` is a cron expression, or ``every_s`` a distance counted from the hour (UTC)."""

    zone: ZoneInfo
    expression: str = ""
    every_s: int = 0
    starts: datetime | None = None
    ends: datetime | None = None
    missed: str = "once"
    most_missed: int = 10
    jitter_s: int = 0
    digest: str = ""

    def after(self, moment: datetime) -> Iterator[datetime]:
        """The times after ``moment``, in UTC, one after another."""
        if self.starts is not None and moment < self.starts:
            moment = self.starts - timedelta(seconds=1)
        for found in self._distances(moment) if self.every_s else self._crons(moment):
            if self.ends is not None and found >= self.ends:
                return
            yield found

    def first_after(self, moment: datetime) -> datetime | None:
        return next(self.after(moment), None)

    def spread(self, moment: datetime, name: str) -> datetime:
        """When the trigger ``name`` really fires for ``moment``: the same in every process."""
        if not self.jitter_s:
            return moment
        dice = hashlib.sha256(f"{name} {moment.isoformat()}".encode()).digest()
        return moment + timedelta(seconds=int.from_bytes(dice[:4]) % (self.jitter_s + 1))

    def between(self, first: datetime, now: datetime, most: int) -> list[datetime]:
        """``first`` and the times after it up to ``now``, the newest ``most`` of them."""
        found = [first]
        for moment in self.after(first):
            if moment > now:
                break
            found = [*found[-(most - 1) :], moment] if most > 1 else [moment]
        return found

    def _distances(self, moment: datetime) -> Iterator[datetime]:
        step = timedelta(seconds=self.every_s)
        at = _EPOCH + step * ((moment - _EPOCH) // step + 1)
        while True:
            yield at
            at += step

    def _crons(self, moment: datetime) -> Iterator[datetime]:
        for found in CronSim(self.expression, moment.astimezone(self.zone)):
            yield found.astimezone(UTC)


def schedule_of(config: Mapping[str, Any], flow_zone: str) -> Schedule:
    """The schedule a node is set to. Raises SageError ``trigger.bad_schedule``."""
    try:
        zone = ZoneInfo(str(config.get("timezone") or flow_zone or "UTC"))
    except (KeyError, ValueError, OSError):
        raise SageError(BAD_SCHEDULE, {"reason": f"timezone {config.get('timezone')!s:.60}"}) from None
    every = config.get("every", "day")
    distance = every in _UNITS
    schedule = Schedule(
        zone=zone,
        expression="" if distance else _expression(str(every), config),
        every_s=_whole(config, "interval", 15, 10_000) * _UNITS[every] if distance else 0,
        starts=_day(config, "starts", zone),
        ends=_day(config, "ends", zone, after=True),
        missed=str(config.get("missed", "once")),
        most_missed=_whole(config, "most_missed", 10, 100),
        jitter_s=_whole(config, "jitter_s", 0, 3600, least=0),
        digest=_digest(config, str(zone)),
    )
    try:
        schedule.first_after(_EPOCH)
    except CronSimError as error:
        raise SageError(BAD_SCHEDULE, {"reason": str(error)}) from None
    return schedule


def next_times(schedule: Schedule, now: datetime, count: int = 5) -> list[datetime]:
    """For people: the next times in the zone of the schedule."""
    return [moment.astimezone(schedule.zone) for moment in islice(schedule.after(now), count)]


def _expression(every: str, config: Mapping[str, Any]) -> str:
    if every == "cron":
        parts = str(config.get("cron", "")).split()
        if len(parts) != 5:
            raise SageError(BAD_SCHEDULE, {"reason": f"cron {' '.join(parts)!s:.100}"})
        return " ".join(parts)
    try:
        at = time.fromisoformat(str(config.get("time", "09:00")).strip().zfill(5))
    except ValueError:
        raise SageError(BAD_SCHEDULE, {"reason": f"time {config.get('time')!s:.20}"}) from None
    clock = f"{at.minute} {at.hour}"
    day = _whole(config, "day", 1, 31)
    days = {
        "weekdays": "* * mon-fri",
        "week": f"* * {config.get('weekday', 'mon')}",
        "month": f"{day if day < 29 else 'L'} * *",
    }
    return f"{clock} {days.get(every, '* * *')}"


def _whole(config: Mapping[str, Any], name: str, default: int, most: int, least: int = 1) -> int:
    value = config.get(name, default)
    if not isinstance(value, (int, float)) or not least <= value <= most:
        raise SageError(BAD_SCHEDULE, {"reason": f"{name} {value!s:.20}"})
    return int(value)


def _day(config: Mapping[str, Any], name: str, zone: ZoneInfo, *, after: bool = False) -> datetime | None:
    """The midnight a day begins (or ends) with."""
    written = str(config.get(name) or "").strip()
    if not written:
        return None
    try:
        day = date.fromisoformat(written)
    except ValueError:
        raise SageError(BAD_SCHEDULE, {"reason": f"{name} {written:.20}"}) from None
    return datetime.combine(day + timedelta(days=1 if after else 0), time(), zone).astimezone(UTC)


def _digest(config: Mapping[str, Any], zone: str) -> str:
    text = json.dumps([zone, {key: config[key] for key in sorted(config) if key != "sample"}], default=str)
    return hashlib.sha256(text.encode()).hexdigest()
