"""Writes a line to the run's log and hands the value on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sage_studio.plugins.support.texts import as_text
from sage_studio.sdk import Choice, Context, Field, Node, NodeOutput, NodeSpec, Port, Settings, text

_MAX_SHOWN = 2_000


class Logger(Node):
    """Values of credentials are masked in the log, as everywhere."""

    spec = NodeSpec(
        id="logger",
        name=text("Log", "日志"),
        description=text("Writes a line to the run's log.", "向运行日志写入一行。"),
        category="utility",
        icon="lines",
        gives_all=True,
        effect="idempotent",
        inputs=(Port(name="value", type="any", label=text("Value", "值")),),
        outputs=(Port(name="value", type="any", label=text("Value", "值")),),
        config=(
            Field(
                name="message",
                label=text("Message", "内容"),
                help=text("Empty: the value that comes in.", "留空则记录输入值。"),
                default="",
                control="textarea",
                max_length=20_000,
                placeholder=text("{{ inputs.value.length }} rows", "共 {{ inputs.value.length }} 行"),
            ),
            Field(
                name="level",
                label=text("Level", "级别"),
                default="info",
                control="select",
                options=(
                    Choice(value="debug", label=text("Detail", "调试")),
                    Choice(value="info", label=text("Information", "信息")),
                    Choice(value="warning", label=text("Warning", "警告")),
                    Choice(value="error", label=text("Error", "错误")),
                ),
            ),
        ),
        summary=text("{message}", "{message}"),
        example={"config": {"message": "hello"}, "inputs": {"value": 1}, "outputs": {"value": 1}},
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        shown = settings.text("message") or as_text(inputs.get("value"))
        ctx.log(shown[:_MAX_SHOWN], level=settings.text("level"))
        return {"value": inputs.get("value")}
