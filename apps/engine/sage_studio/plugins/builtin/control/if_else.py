"""Sends a value one of two ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sage_studio.plugins.support.items import is_true
from sage_studio.sdk import Context, Field, Node, NodeOutput, NodeSpec, Port, Settings, text


class IfElse(Node):
    """Only one port gives a value; what hangs on the other alone is skipped."""

    spec = NodeSpec(
        id="if_else",
        name=text("If / else", "条件分支"),
        description=text(
            "Checks a condition and sends the value on by “true” or by “false”.",
            "判断条件，将值从“真”或“假”端口传递下去。",
        ),
        category="control",
        icon="branch",
        inputs=(Port(name="value", type="any", label=text("Value", "值")),),
        outputs=(
            Port(name="true", type="any", label=text("True", "真")),
            Port(name="false", type="any", label=text("False", "假")),
        ),
        config=(
            Field(
                name="condition",
                type="any",
                label=text("Condition", "条件"),
                help=text(
                    "An expression; “inputs.value” is what came in. Empty, 0, null and false count as no.",
                    "表达式；inputs.value 为输入值。空、0、null 和 false 视为否。",
                ),
                default="{{ inputs.value }}",
                control="code",
                placeholder=text("{{ inputs.value > 100 }}", "{{ inputs.value > 100 }}"),
            ),
        ),
        summary=text("{condition}", "{condition}"),
        example={
            "config": {"condition": "{{ inputs.value > 3 }}"},
            "inputs": {"value": 5},
            "outputs": {"true": 5},
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        holds = is_true(Settings(self.spec, ctx, inputs).raw("condition"))
        ctx.log("decided", branch="true" if holds else "false")
        return {"true" if holds else "false": inputs.get("value")}
