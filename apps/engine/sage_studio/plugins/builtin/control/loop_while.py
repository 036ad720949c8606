"""Repeats what is inside while a condition holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sage_studio.kernel import define_error
from sage_studio.plugins.support.items import is_true
from sage_studio.plugins.support.rounds import INDEX, ITEM, MAX_ITERATIONS, MONTH_S, RESULT, result_field
from sage_studio.sdk import (
    Body,
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

TOO_MANY = define_error(
    "loop.too_many",
    3401,
    en="The loop was still going after {limit} rounds.",
    zh="循环已执行 {limit} 轮仍未结束。",
    hint_en="Check the condition, raise the limit, or let the loop stop quietly there.",
    hint_zh="请检查条件、提高上限，或设置为到达上限时正常结束。",
    status=422,
)


class LoopWhile(Node):
    """Carries a value from round to round while a condition holds; a limit is always set."""

    spec = NodeSpec(
        id="loop_while",
        name=text("Loop while", "条件循环"),
        description=text(
            "Repeats what is inside while a condition holds, handing its result to the next round.",
            "条件成立时重复执行内部节点，并把结果传给下一轮。",
        ),
        category="control",
        icon="loop",
        inputs=(Port(name="initial", type="any", label=text("First value", "初始值")),),
        outputs=(
            Port(name="value", type="any", label=text("Last result", "最后结果")),
            Port(name="count", type="integer", label=text("Rounds", "轮数")),
        ),
        config=(
            Field(
                name="condition",
                type="any",
                label=text("While", "循环条件"),
                help=text(
                    "“item” is the value carried along, “index” the number of the round, from 0.",
                    "item 为传递的值，index 为轮次序号（从 0 起）。",
                ),
                required=True,
                expression="item",
                hands_over=True,
                control="code",
                placeholder=text("{{ item < 100 }}", "{{ item < 100 }}"),
            ),
            Field(
                name="check",
                label=text("Check", "检查时机"),
                default="before",
                control="select",
                expression="never",
                options=(
                    Choice(value="before", label=text("Before each round", "每轮之前")),
                    Choice(value="after", label=text("After each round", "每轮之后")),
                ),
            ),
            Field(
                name="max_iterations",
                type="integer",
                label=text("At most", "最多轮数"),
                default=100,
                minimum=1,
                maximum=MAX_ITERATIONS,
                unit=text("rounds", "轮"),
            ),
            Field(
                name="on_limit",
                label=text("At the limit", "到达上限时"),
                default="fail",
                control="select",
                expression="never",
                options=(
                    Choice(value="fail", label=text("Fail", "报错")),
                    Choice(value="stop", label=text("Stop and go on", "停止并继续")),
                ),
            ),
            result_field(),
        ),
        body=Body(gives=(ITEM, INDEX), takes=(RESULT,), is_loop=True),
        default_timeout_s=MONTH_S,
        summary=text("{condition}", "{condition}"),
        example={
            "flow": {
                "nodes": [
                    {"id": "start", "type": "manual_trigger"},
                    {
                        "id": "loop",
                        "type": "loop_while",
                        "config": {
                            "condition": "{{ (item ?? 1) < 100 }}",
                            "result": "{{ (loop.item ?? 1) * 3 }}",
                        },
                    },
                ],
                "edges": [],
                "outputs": [{"name": "value", "value": "{{ loop.value }}"}],
            },
            "outputs": {"value": 243},
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        holds, limit = settings.over("condition"), settings.integer("max_iterations")
        is_checked_first = settings.text("check") == "before"
        value, count = inputs.get("initial"), 0
        while (count == 0 and not is_checked_first) or is_true((await holds([value], count))[0]):
            if count >= limit:
                if settings.text("on_limit") == "fail":
                    raise NodeError(TOO_MANY, {"limit": limit})
                break
            done = await ctx.body(count, {"item": value, "index": count})
            value = done.value
            count += 1
            ctx.progress(count)
            if done.is_break:
                break
        return {"value": value, "count": count}
