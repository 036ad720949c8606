"""Starts a flow at set times."""

from __future__ import annotations

from sage_studio.plugins.support.triggers import SAMPLE, TriggerNode, choice, set_once
from sage_studio.sdk import NodeSpec, Port, text

_DAYS = (
    ("mon", "Monday", "星期一"), ("tue", "Tuesday", "星期二"), ("wed", "Wednesday", "星期三"),
    ("thu", "Thursday", "星期四"), ("fri", "Friday", "星期五"), ("sat", "Saturday", "星期六"),
    ("sun", "Sunday", "星期日"),
)  # fmt: skip


class ScheduleTrigger(TriggerNode):
    """The server keeps the next time in a row and starts one run for it, whatever crashes."""

    spec = NodeSpec(
        id="schedule_trigger",
        name=text("Schedule", "定时触发"),
        description=text("Starts the flow at set times.", "按设定的时间启动流程。"),
        category="trigger",
        icon="clock",
        trigger=True,
        gives_all=True,
        outputs=(
            Port(
                name="scheduled_at",
                type="string",
                label=text("Time it was for", "计划时间"),
                description=text("With the offset of the time zone.", "含时区偏移量。"),
            ),
            Port(name="fired_at", type="string", label=text("Time it began", "触发时间")),
            Port(name="missed", type="any", label=text("Times missed before", "此前错过的次数")),
        ),
        config=(
            set_once(
                "every",
                label=text("How often", "频率"),
                default="day",
                control="select",
                options=(
                    choice("minutes", "Every few minutes", "每隔数分钟"),
                    choice("hours", "Every few hours", "每隔数小时"),
                    choice("day", "Every day", "每天"),
                    choice("weekdays", "Monday to Friday", "周一至周五"),
                    choice("week", "Every week", "每周"),
                    choice("month", "Every month", "每月"),
                    choice("cron", "Cron expression", "Cron 表达式"),
                ),
            ),
            set_once(
                "interval",
                type="integer",
                label=text("Interval", "间隔"),
                default=15,
                minimum=1,
                maximum=10_000,
                show_when={"every": ("minutes", "hours")},
            ),
            set_once(
                "weekday",
                label=text("Day of the week", "星期"),
                default="mon",
                control="select",
                options=tuple(choice(*day) for day in _DAYS),
                show_when={"every": ("week",)},
            ),
            set_once(
                "day",
                type="integer",
                label=text("Day of the month", "日期"),
                help=text("29 and more: the last day of the month.", "29 及以上表示当月最后一天。"),
                default=1,
                minimum=1,
                maximum=31,
                show_when={"every": ("month",)},
            ),
            set_once(
                "time",
                label=text("At", "时间"),
                default="09:00",
                max_length=5,
                placeholder=text("09:00", "09:00"),
                show_when={"every": ("day", "weekdays", "week", "month")},
            ),
            set_once(
                "cron",
                label=text("Cron expression", "Cron 表达式"),
                help=text("Minute, hour, day, month, weekday.", "依次为分、时、日、月、星期。"),
                default="0 9 * * *",
                max_length=100,
                placeholder=text("*/15 9-17 * * mon-fri", "*/15 9-17 * * mon-fri"),
                show_when={"every": ("cron",)},
            ),
            set_once(
                "timezone",
                label=text("Time zone", "时区"),
                help=text("Empty: that of the flow.", "留空则使用流程的时区。"),
                default="",
                max_length=60,
                placeholder=text("Asia/Shanghai", "Asia/Shanghai"),
            ),
            set_once(
                "missed",
                label=text("Times that were missed", "错过的触发"),
                help=text(
                    "When nothing could run: the server was down, or the flow paused.",
                    "服务停机或流程暂停期间错过的触发。",
                ),
                default="once",
                control="select",
                options=(
                    choice("once", "Make up for them with one run", "补运行一次"),
                    choice("skip", "Leave them out", "跳过"),
                    choice("all", "Make up for each, up to a number", "逐次补齐（有上限）"),
                ),
                expert=True,
            ),
            set_once(
                "most_missed",
                type="integer",
                label=text("Make up for at most", "最多补齐"),
                default=10,
                minimum=1,
                maximum=100,
                unit=text("runs", "次"),
                show_when={"missed": ("all",)},
                expert=True,
            ),
            set_once(
                "jitter_s",
                type="integer",
                label=text("Spread over", "随机延迟"),
                help=text(
                    "Starts up to so much later, so that not everything begins on the hour.",
                    "在此范围内随机延后，避免同时启动过多流程。",
                ),
                default=0,
                minimum=0,
                maximum=3_600,
                unit=text("seconds", "秒"),
                expert=True,
            ),
            set_once(
                "starts",
                label=text("Not before", "开始日期"),
                default="",
                max_length=10,
                placeholder=text("2026-01-31", "2026-01-31"),
                expert=True,
            ),
            set_once(
                "ends",
                label=text("Not after", "结束日期"),
                default="",
                max_length=10,
                placeholder=text("2026-12-31", "2026-12-31"),
                expert=True,
            ),
            SAMPLE,
        ),
        summary=text("{every}", "{every}"),
        example={
            "config": {"sample": {"scheduled_at": "2026-03-01T09:00:00+08:00"}},
            "inputs": {},
            "outputs": {"scheduled_at": "2026-03-01T09:00:00+08:00"},
        },
    )
