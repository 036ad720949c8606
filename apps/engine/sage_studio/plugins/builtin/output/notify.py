"""Tells the people of the workspace something, inside the product."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sage_studio.sdk import Choice, Context, Field, Node, NodeOutput, NodeSpec, Port, Settings, text


class Notify(Node):
    """A repeat after a crash does not tell twice: the notice carries the attempt's key."""

    spec = NodeSpec(
        id="notify",
        name=text("Notify", "站内通知"),
        description=text("Shows a notice to everyone in the workspace.", "向工作区的所有成员显示一条通知。"),
        category="output",
        icon="bell",
        gives_all=True,
        effect="idempotent",
        inputs=(Port(name="value", type="any", label=text("After", "前置"), required=False),),
        outputs=(Port(name="value", type="any", label=text("Value", "值")),),
        config=(
            Field(
                name="title",
                label=text("Title", "标题"),
                default="",
                required=True,
                max_length=200,
                placeholder=text("The site is down", "网站无法访问"),
            ),
            Field(
                name="body",
                label=text("Message", "内容"),
                default="",
                control="textarea",
                max_length=4_000,
            ),
            Field(
                name="level",
                label=text("Kind", "类别"),
                default="info",
                control="select",
                options=(
                    Choice(value="info", label=text("Information", "信息")),
                    Choice(value="success", label=text("Good news", "成功")),
                    Choice(value="warning", label=text("Warning", "警告")),
                    Choice(value="error", label=text("Problem", "问题")),
                ),
            ),
        ),
        summary=text("{title}", "{title}"),
        example={"config": {"title": "Done"}, "inputs": {"value": 1}, "outputs": {"value": 1}},
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        await ctx.notifier.notify(
            title=settings.text("title"),
            body=settings.text("body"),
            level=settings.text("level"),
            key=ctx.idempotency_key,
        )
        return {"value": inputs.get("value")}
