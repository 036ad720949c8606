"""When schedules fire, and that each time starts one run whatever crashes."""

from __future__ import annotations

import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from apps.executions.models import Run
from apps.triggers.models import Trigger
from apps.triggers.schedules import schedule_of
from apps.triggers.services.scheduling import schedules_fire
from sage_studio.flow.firing import EVENT
from sage_studio.kernel import SageError
from tests.executions.zygote import Zygote
from tests.triggers.conftest import Publish, node
from tests.world import World


def times(config: dict[str, Any], after: str, count: int = 3, zone: str = "UTC") -> list[str]:
    schedule = schedule_of(config, zone)
    found = islice(schedule.after(datetime.fromisoformat(after).astimezone(UTC)), count)
    return [moment.astimezone(schedule.zone).isoformat(timespec="minutes") for moment in found]


def test_the_friendly_settings_say_when() -> None:
    at = "2026-03-01T10:20:00+00:00"
    assert times({"every": "minutes", "interval": 45}, at, 2) == [
        "2026-03-01T10:30+00:00", "2026-03-01T11:15+00:00",
    ]  # fmt: skip
    assert times({"every": "day", "time": "9:30"}, at, 1, "Asia/Shanghai") == ["2026-03-02T09:30+08:00"]
    assert times({"every": "weekdays", "time": "08:00"}, at, 1) == ["2026-03-02T08:00+00:00"]
    assert times({"every": "week", "weekday": "sun", "time": "11:00"}, at, 1) == ["2026-03-01T11:00+00:00"]
    assert times({"every": "month", "day": 31, "time": "00:00"}, at, 2) == [
        "2026-03-31T00:00+00:00", "2026-04-30T00:00+00:00",
    ]  # fmt: skip
    dated = {"every": "day", "time": "09:00", "starts": "2026-04-01", "ends": "2026-04-02"}
    assert times(dated, at) == ["2026-04-01T09:00+00:00", "2026-04-02T09:00+00:00"]


def test_a_time_that_does_not_exist_fires_after_the_gap_and_one_that_comes_twice_once() -> None:
    daily = {"every": "day", "time": "02:30", "timezone": "Europe/Berlin"}
    assert times(daily, "2026-03-28T12:00:00+01:00", 2) == [
        "2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00",
    ]  # fmt: skip
    assert times(daily, "2026-10-24T12:00:00+02:00", 2) == [
        "2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00",
    ]  # fmt: skip
    hourly = {"every": "cron", "cron": "0 * * * *", "timezone": "Europe/Berlin"}
    assert times(hourly, "2026-10-25T01:30:00+02:00", 3) == [
        "2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00", "2026-10-25T03:00+01:00",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "config",
    [
        {"every": "cron", "cron": "61 * * * *"},
        {"every": "cron", "cron": "* * * *"},
        {"every": "cron", "cron": "* * * * * *"},
        {"every": "day", "time": "25:00"},
        {"timezone": "Mars/Olympus"},
        {"every": "minutes", "interval": 0},
        {"starts": "soon"},
    ],
)
def test_settings_nobody_can_read_are_refused(config: dict[str, Any]) -> None:
    with pytest.raises(SageError) as refused:
        schedule_of(config, "UTC")
    assert refused.value.code.code == "trigger.bad_schedule"


def scheduled(trigger: Trigger, ago: timedelta) -> None:
    moment = timezone.now() - ago
    Trigger.objects.filter(pk=trigger.pk).update(next_at=moment, due_for=moment)


@pytest.mark.parametrize(
    ("missed", "ago", "runs"),
    [("once", 60, 1), ("skip", 60, 0), ("skip", 0, 1), ("all", 60, 4), ("all", 6000, 5)],
)
def test_missed_times_are_made_up_for_as_the_settings_say(
    published: Publish, missed: str, ago: int, runs: int
) -> None:
    config = {"every": "cron", "cron": "*/20 * * * *", "missed": missed, "most_missed": 5}
    trigger = published(node("schedule_trigger", config))
    assert trigger.next_at is not None
    # A second more: SQLite's clock, which says what is due, counts whole milliseconds.
    scheduled(trigger, timedelta(minutes=ago, seconds=1))
    schedules_fire()
    schedules_fire()
    # Times of the wall clock lie between the first and now; how many depends on the minute it is.
    assert abs(Run.objects.count() - runs) <= (1 if missed == "all" and ago == 60 else 0)
    trigger.refresh_from_db()
    assert trigger.next_at is not None
    assert trigger.next_at > timezone.now()


def test_the_run_is_told_the_time_it_is_for(world: World, published: Publish) -> None:
    trigger = published(node("schedule_trigger", {"every": "hours", "timezone": "Asia/Tokyo"}))
    scheduled(trigger, timedelta(seconds=1))
    assert schedules_fire() == 1
    run = Run.objects.get()
    assert (run.trigger, run.inputs[EVENT]["data"]["scheduled_at"][-6:]) == ("schedule", "+09:00")
    [shown] = world.viewer.client.get(f"{world.url}/triggers").json()["items"]
    assert (shown["newest_run"]["id"], len(shown["next_times"])) == (str(run.pk), 5)
    world.owner.client.patch(f"{world.url}/triggers/{trigger.pk}", {"is_paused": True}, format="json")
    trigger.refresh_from_db()
    assert trigger.next_at is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.kill
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_process_that_dies_over_a_schedule_starts_its_run_once(
    published: Callable[..., Trigger], tmp_path: Path
) -> None:
    trigger = published(node("schedule_trigger", {"every": "hours"}))
    zygote = Zygote(tmp_path / "zygote.log")
    try:
        for number, (point, is_there) in enumerate((("trigger.fire", False), ("trigger.fired", True)), 1):
            scheduled(trigger, timedelta(seconds=1))
            assert zygote.run(f"{point}:kill@1", "tick") == -signal.SIGKILL, zygote.said()
            assert Run.objects.count() == number - (not is_there), point
            schedules_fire()
            schedules_fire()
            assert Run.objects.count() == number, point
    finally:
        zygote.close()
