"""Waits: for a while, until a moment, for a signal from outside, or for a person's decision."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sage_studio.kernel import JsonObject, define_error
from sage_studio.plugins.support.approval import APPROVAL, APPROVAL_PORTS, approval
from sage_studio.plugins.support.rounds import MONTH_S
from sage_studio.sdk import (
    Choice,
    Context,
    Field,
    Node,
    NodeError,
    NodeOutput,
    NodeSpec,
    Port,
    Settings,
    text,
)

YEAR_S = 366 * 86_400

NOT_A_TIME = define_error(
    "wait.not_a_time",
    3402,
    en="“{value}” is not a date and time.",
    zh="“{value}” 不是有效的日期时间。",
    hint_en="Write it as 2026-12-24T18:00:00+01:00, or give seconds since 1970.",
    hint_zh="请写成 2026-12-24T18:00:00+08:00 的形式，或给出自 1970 年起的秒数。",
    status=422,
)


class Wait(Node):
    """The wait is on record: it goes on after a restart, and costs no worker while it lasts."""

    spec = NodeSpec(
        id="wait",
        name=text("Wait", "等待"),
        description=text(
            "Waits for a while, until a moment, for a signal, or for a person's approval.",
            "等待一段时间、直到某一时刻、等待外部信号或人工审批。",
        ),
        category="control",
        icon="clock",
        inputs=(Port(name="value", type="any", label=text("Value", "值")),),
        outputs=(
            Port(name="value", type="any", label=text("Value", "值")),
            Port(name="payload", type="any", label=text("What came", "收到的内容")),
            *APPROVAL_PORTS,
        ),
        config=(
            Field(
                name="mode",
                label=text("Wait for", "等待方式"),
                default="time",
                control="select",
                expression="never",
                options=(
                    Choice(value="time", label=text("A while", "一段时间")),
                    Choice(value="until", label=text("A moment", "某一时刻")),
                    Choice(value="signal", label=text("A signal", "外部信号")),
                    Choice(value=APPROVAL, label=text("A person's approval", "人工审批")),
                ),
            ),
            Field(
                name="seconds",
                type="number",
                label=text("How long", "时长"),
                default=1.0,
                minimum=0,
                maximum=YEAR_S,
                unit=text("seconds", "秒"),
                show_when={"mode": ("time",)},
            ),
            Field(
                name="until",
                type="any",
                label=text("Until", "直到"),
                placeholder=text("2026-12-24T18:00:00Z", "2026-12-24T18:00:00+08:00"),
                show_when={"mode": ("until",)},
            ),
            Field(
                name="message",
                label=text("Message", "说明"),
                help=text("What people see who are to answer.", "展示给审批人的说明。"),
                default="",
                control="textarea",
                max_length=4_000,
                show_when={"mode": ("signal", APPROVAL)},
            ),
            Field(
                name="timeout",
                type="number",
                label=text("Give up after", "超时"),
                help=text("0 waits without end.", "0 表示一直等待。"),
                default=0.0,
                minimum=0,
                maximum=YEAR_S,
                unit=text("seconds", "秒"),
                show_when={"mode": ("signal", APPROVAL)},
            ),
        ),
        default_timeout_s=MONTH_S,
        summary=text("{mode}", "{mode}"),
        example={
            "config": {"mode": "time", "seconds": 0},
            "inputs": {"value": 5},
            "outputs": {"value": 5},
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        mode = settings.text("mode")
        value = inputs.get("value")
        if mode == "time":
            await ctx.wait_until(time.time() + settings.number("seconds"))
            return {"value": value}
        if mode == "until":
            await ctx.wait_until(_moment(settings.raw("until")))
            return {"value": value}
        message, timeout_s = settings.text("message"), settings.number("timeout") or None
        if mode == APPROVAL:
            return await approval(ctx, value, message=message, timeout_s=timeout_s)
        details: JsonObject = {"kind": mode, "message": message}
        payload = await ctx.wait_for(mode, details=details, timeout_s=timeout_s)
        return {"value": value, "payload": payload}


def _moment(value: Any) -> float:
    """Seconds since the epoch from a number or ISO 8601 text; without an offset it is UTC."""
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC).timestamp()
        moment = datetime.fromisoformat(str(value).strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).timestamp()
    except (ValueError, OverflowError, OSError):
        # No date at all, or one outside of the years 1 to 9999.
        raise NodeError(NOT_A_TIME, {"value": str(value)[:80]}) from None
