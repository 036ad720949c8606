"""Repeats what is inside for every item of a list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sage_studio.plugins.support.items import is_true
from sage_studio.plugins.support.rounds import (
    INDEX,
    ITEM,
    MONTH_S,
    PREVIOUS,
    RESULT,
    items_field,
    result_field,
    rounds,
)
from sage_studio.sdk import Body, Context, Field, Node, NodeOutput, NodeSpec, Port, Settings, text


class LoopFor(Node):
    """One round after another; each sees the result of the one before."""

    spec = NodeSpec(
        id="loop_for",
        name=text("Loop", "循环"),
        description=text(
            "Runs what is inside once for every item of a list, one after another.",
            "对列表中的每一项依次执行内部节点。",
        ),
        category="control",
        icon="loop",
        outputs=(
            Port(name="results", type="array<any>", label=text("Results", "结果列表")),
            Port(name="last", type="any", label=text("Last result", "最后结果")),
            Port(name="count", type="integer", label=text("Rounds", "轮数")),
        ),
        config=(
            items_field(),
            Field(
                name="break_when",
                type="any",
                label=text("Stop when", "停止条件"),
                help=text(
                    "Checked at the end of every round, inside the loop.", "在每轮结束时于循环内部检查。"
                ),
                expression="body",
                control="code",
                placeholder=text("{{ check.value > 10 }}", "{{ check.value > 10 }}"),
            ),
            result_field(),
        ),
        body=Body(gives=(ITEM, INDEX, PREVIOUS), takes=(RESULT,), is_loop=True),
        default_timeout_s=MONTH_S,
        summary=text("{items}", "{items}"),
        example={
            "flow": {
                "nodes": [
                    {"id": "loop", "type": "loop_for", "config": {"items": [1, 2, 3]}},
                    {
                        "id": "big",
                        "type": "if_else",
                        "parent": "loop",
                        "config": {"condition": "{{ item > 1 }}"},
                    },
                ],
                "edges": [
                    {"source": "loop", "source_port": "item", "target": "big", "target_port": "value"},
                    {"source": "big", "source_port": "true", "target": "loop", "target_port": "result"},
                ],
                "outputs": [{"name": "results", "value": "{{ loop.results }}"}],
            },
            "outputs": {"results": [None, 2, 3]},
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        items = rounds(Settings(self.spec, ctx, inputs).raw("items"))
        results: list[Any] = []
        previous: Any = None
        for index, item in enumerate(items):
            done = await ctx.body(index, {"item": item, "index": index, "previous": previous})
            previous = done.value
            results.append(previous)
            ctx.progress(index + 1, len(items))
            if done.is_break or is_true(done.fields.get("break_when")):
                break
        return {"results": results, "last": previous, "count": len(results)}
