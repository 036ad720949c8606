"""Reads, moves, compares and writes dates and times."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sage_studio.plugins.support.moments import (
    add,
    as_moment,
    difference,
    fields_of,
    now_in,
    written,
    zone_of,
)
from sage_studio.sdk import Choice, Context, Field, Node, NodeOutput, NodeSpec, Port, Settings, text

_UNITS = (
    Choice(value="seconds", label=text("Seconds", "秒")),
    Choice(value="minutes", label=text("Minutes", "分钟")),
    Choice(value="hours", label=text("Hours", "小时")),
    Choice(value="days", label=text("Days", "天")),
    Choice(value="weeks", label=text("Weeks", "周")),
    Choice(value="months", label=text("Months", "月")),
    Choice(value="years", label=text("Years", "年")),
)


class DateTime(Node):
    """Days, months and years are those of the calendar in the time zone: a day later is the same time of
    the clock, also when the clocks are changed."""

    spec = NodeSpec(
        id="date_time",
        name=text("Date and time", "日期时间"),
        description=text(
            "Reads a date in any usual form, adds to it, compares it, writes it.",
            "解析常见格式的日期，进行加减、比较和格式化。",
        ),
        category="utility",
        icon="clock",
        effect="idempotent",
        inputs=(),
        outputs=(
            Port(name="value", type="string", label=text("Date and time", "日期时间")),
            Port(name="text", type="string", label=text("As written", "格式化文本")),
            Port(name="difference", type="number", label=text("Difference", "差值")),
            Port(name="parts", type="object", label=text("Parts", "组成部分")),
        ),
        config=(
            Field(
                name="value",
                type="any",
                label=text("Date", "日期"),
                help=text(
                    "ISO 8601, “24.12.2026 18:00”, seconds or milliseconds since 1970; empty: now.",
                    "ISO 8601、“2026-12-24 18:00”、自 1970 年起的秒或毫秒；留空表示当前时间。",
                ),
                wireable=True,
                placeholder=text("2026-12-24T18:00:00Z", "2026-12-24T18:00:00+08:00"),
            ),
            Field(
                name="zone",
                label=text("Time zone", "时区"),
                default="UTC",
                placeholder=text("Europe/Berlin", "Asia/Shanghai"),
            ),
            Field(
                name="amount",
                type="number",
                label=text("Add", "加上"),
                help=text("A negative number takes away.", "负数表示减去。"),
                default=0,
                minimum=-1_000_000_000,
                maximum=1_000_000_000,
            ),
            Field(
                name="unit",
                label=text("Unit", "单位"),
                default="days",
                control="select",
                options=_UNITS,
            ),
            Field(
                name="format",
                label=text("Written as", "输出格式"),
                help=text(
                    "yyyy MM dd HH mm ss SSS, EEE for the day's name, MMM for the month's; “date”, “time”, "
                    "“rfc2822” or “unix”. Empty: ISO 8601.",
                    "可用 yyyy MM dd HH mm ss SSS、EEE（星期）、MMM（月份），"
                    "或 date、time、rfc2822、unix。留空为 ISO 8601。",
                ),
                default="",
                max_length=100,
                placeholder=text("dd.MM.yyyy HH:mm", "yyyy-MM-dd HH:mm"),
            ),
            Field(
                name="since",
                type="any",
                label=text("Difference to", "与此日期的差"),
                help=text(
                    "In the unit above; positive when the date is later.", "以上述单位计算；日期更晚时为正。"
                ),
                wireable=True,
            ),
        ),
        summary=text("{format}", "{format}"),
        example={
            "config": {"value": "2026-01-31", "amount": 1, "unit": "months", "format": "dd.MM.yyyy"},
            "outputs": {"value": "2026-02-28T00:00:00+00:00", "text": "28.02.2026"},
        },
    )

    @classmethod
    def is_deterministic(cls, config: Mapping[str, Any]) -> bool:
        return bool(config.get("value"))

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        zone = zone_of(settings.text("zone"))
        given, since, unit = settings.raw("value"), settings.raw("since"), settings.text("unit")
        moment = now_in(zone) if given is None or given == "" else as_moment(given, zone)
        moment = add(moment, settings.number("amount"), unit)
        made: dict[str, Any] = {
            "value": moment.isoformat(),
            "text": written(moment, settings.text("format")),
            "parts": fields_of(moment),
        }
        if since is not None and since != "":
            made["difference"] = difference(moment, as_moment(since, zone), unit)
        return made
