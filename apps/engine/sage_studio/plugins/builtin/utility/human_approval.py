"""Asks a person before the flow goes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sage_studio.plugins.support.approval import APPROVAL_PORTS, approval
from sage_studio.plugins.support.rounds import MONTH_S
from sage_studio.sdk import Context, Field, Node, NodeOutput, NodeSpec, Port, Settings, text

_YEAR_S = 366 * 86_400


class HumanApproval(Node):
    """The question is on record: it outlives restarts, and waiting for the answer costs no worker."""

    spec = NodeSpec(
        id="human_approval",
        name=text("Human approval", "人工审批"),
        description=text(
            "Waits until a person says yes or no; each answer goes its own way.",
            "等待人工批准或拒绝，两种结果分别走不同的端口。",
        ),
        category="utility",
        icon="hand",
        inputs=(Port(name="value", type="any", label=text("Value", "值")),),
        outputs=(*APPROVAL_PORTS, Port(name="payload", type="any", label=text("What came", "收到的内容"))),
        config=(
            Field(
                name="message",
                label=text("Question", "审批说明"),
                help=text("What people see who are to answer.", "展示给审批人的说明。"),
                default="",
                required=True,
                control="textarea",
                max_length=4_000,
                placeholder=text(
                    "Send {{ inputs.value.length }} letters?", "是否发送 {{ inputs.value.length }} 封邮件？"
                ),
            ),
            Field(
                name="timeout",
                type="number",
                label=text("Give up after", "超时"),
                help=text("0 waits without end.", "0 表示一直等待。"),
                default=0.0,
                minimum=0,
                maximum=_YEAR_S,
                unit=text("seconds", "秒"),
            ),
        ),
        default_timeout_s=MONTH_S,
        summary=text("{message}", "{message}"),
        example={
            "needs": "person",
            "config": {"message": "Send it?"},
            "inputs": {"value": 5},
            "outputs": {"approved": 5},
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        timeout_s = settings.number("timeout") or None
        return await approval(ctx, inputs.get("value"), message=settings.text("message"), timeout_s=timeout_s)
