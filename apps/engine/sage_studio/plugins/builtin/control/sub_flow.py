"""Runs another flow as a step of this one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sage_studio.plugins.support.rounds import MONTH_S
from sage_studio.sdk import Context, Field, Node, NodeOutput, NodeSpec, Port, Settings, text


class SubFlow(Node):
    """The child is a run of its own; it is started once, however often this step is taken up."""

    spec = NodeSpec(
        id="sub_flow",
        name=text("Sub-flow", "子流程"),
        description=text(
            "Runs another flow, waits for its end and hands its outputs on.",
            "运行另一个流程，等待其结束并传出其输出。",
        ),
        category="control",
        icon="flow",
        inputs=(Port(name="value", type="any", label=text("Value", "值")),),
        outputs=(Port(name="outputs", type="object", label=text("Outputs", "输出")),),
        config=(
            Field(
                name="flow",
                label=text("Flow", "流程"),
                help=text("Another flow of this workspace.", "本工作区中的另一个流程。"),
                control="flow",
                required=True,
                expression="never",
                max_length=500,
            ),
            Field(
                name="version",
                label=text("Version", "版本"),
                help=text(
                    "A number, or empty for the newest published one.", "版本号；留空则使用最新发布的版本。"
                ),
                default="",
                expression="never",
                max_length=32,
            ),
            Field(
                name="inputs",
                type="object",
                label=text("Inputs", "输入"),
                help=text(
                    "Values for the inputs the flow declares; empty hands over what is connected.",
                    "为该流程声明的输入赋值；留空则传入所连接的值。",
                ),
                control="key_value",
                default={},
            ),
        ),
        effect="idempotent",
        default_timeout_s=MONTH_S,
        summary=text("{flow}", "{flow}"),
        example={
            "flow": {
                "nodes": [
                    {
                        "id": "call",
                        "type": "sub_flow",
                        "config": {"flow": "sample:greet.json", "inputs": {"name": "Ada"}},
                    },
                ],
                "edges": [],
                "outputs": [{"name": "text", "value": "{{ call.outputs.text }}"}],
            },
            "outputs": {"text": "Hello, Ada"},
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        given = settings.mapping("inputs")
        if not given:
            value = inputs.get("value")
            given = dict(value) if isinstance(value, Mapping) else dict(inputs)
        outputs = await ctx.flow(settings.text("flow"), given, version=settings.text("version"))
        return {"outputs": dict(outputs)}
