"""Ends the run, the loop around it or the round it is in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

from sage_studio.sdk import (
    Choice,
    Context,
    Field,
    Leave,
    Node,
    NodeError,
    NodeOutput,
    NodeSpec,
    Port,
    Settings,
    text,
)


class Stop(Node):
    """Everything else that is under way there is cancelled."""

    spec = NodeSpec(
        id="stop",
        name=text("Stop", "停止"),
        description=text(
            "Ends the run, the loop around it, or only this round, with a result or an error.",
            "以结果或错误结束整个运行、外层循环或当前这一轮。",
        ),
        category="control",
        icon="stop",
        inputs=(Port(name="value", type="any", label=text("Value", "值")),),
        config=(
            Field(
                name="what",
                label=text("What ends", "结束范围"),
                default="run",
                control="select",
                expression="never",
                options=(
                    Choice(value="run", label=text("The whole run", "整个运行")),
                    Choice(value="loop", label=text("The loop around it", "外层循环")),
                    Choice(value="iteration", label=text("This round of the loop", "循环的这一轮")),
                ),
            ),
            Field(
                name="ends_with",
                label=text("With", "结束方式"),
                default="result",
                control="select",
                expression="never",
                options=(
                    Choice(value="result", label=text("A result", "结果")),
                    Choice(value="error", label=text("An error", "错误")),
                ),
            ),
            Field(
                name="value",
                type="any",
                label=text("Result", "结果"),
                default="{{ inputs?.value }}",
                control="code",
                show_when={"ends_with": ("result",)},
            ),
            Field(
                name="message",
                label=text("Message", "错误信息"),
                default="",
                max_length=2_000,
                show_when={"ends_with": ("error",)},
            ),
        ),
        summary=text("{what}", "{what}"),
        example={
            "flow": {
                "nodes": [{"id": "end", "type": "stop", "config": {"value": {"answer": 42}}}],
                "edges": [],
            },
            "outputs": {"answer": 42},
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        what = cast(Literal["run", "loop", "iteration"], settings.text("what"))
        if settings.text("ends_with") == "error":
            error = NodeError.plain(settings.text("message") or "stopped")
            if what != "run":
                raise error
            raise Leave("run", problem=error.problem(node_id=ctx.node_id, iteration_path=ctx.iteration_path))
        raise Leave(what, settings.raw("value"))
