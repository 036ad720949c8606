"""Tries a part of a flow, deals with its failure, and tidies up in any case."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sage_studio.plugins.support.rounds import MONTH_S, result_field
from sage_studio.sdk import (
    Body,
    BodyFailed,
    BodyResult,
    Context,
    Node,
    NodeOutput,
    NodeSpec,
    Port,
    text,
)


class TryCatch(Node):
    """What hangs on the inner port “catch” runs only after a failure, what hangs on “finally” always."""

    spec = NodeSpec(
        id="try_catch",
        name=text("Try / catch", "异常捕获"),
        description=text(
            "Runs what is inside; when it fails, the catch part takes over. The finally part always runs.",
            "执行内部节点；失败时由捕获部分接手，最终部分总会执行。",
        ),
        category="control",
        icon="shield",
        inputs=(Port(name="value", type="any", label=text("Value", "值")),),
        outputs=(
            Port(name="result", type="any", label=text("Result", "结果")),
            Port(name="caught", type="Error", label=text("Caught error", "捕获的错误")),
        ),
        config=(result_field(),),
        body=Body(
            gives=(
                Port(name="try", type="any", label=text("Try", "尝试")),
                Port(name="catch", type="Error", label=text("Catch", "捕获")),
                Port(name="finally", type="object", label=text("Finally", "最终")),
            ),
            takes=(Port(name="result", type="any", label=text("Result", "结果")),),
            sections=("try", "catch", "finally"),
        ),
        default_timeout_s=MONTH_S,
        example={
            "flow": {
                "nodes": [
                    {"id": "safe", "type": "try_catch"},
                    {
                        "id": "breaks",
                        "type": "stop",
                        "parent": "safe",
                        "config": {"what": "iteration", "ends_with": "error", "message": "no luck"},
                    },
                    {
                        "id": "instead",
                        "type": "if_else",
                        "parent": "safe",
                        "config": {"condition": "{{ inputs.value.message == 'no luck' }}"},
                    },
                ],
                "edges": [
                    {"source": "safe", "source_port": "catch", "target": "instead", "target_port": "value"},
                    {"source": "instead", "source_port": "true", "target": "safe", "target_port": "result"},
                ],
                "outputs": [{"name": "message", "value": "{{ safe.result.message }}"}],
            },
            "outputs": {"message": "no luck"},
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        value = inputs.get("value")
        outputs: dict[str, Any] = {}
        done: BodyResult | None = None
        failure: BodyFailed | None = None
        try:
            done = await ctx.body(0, {"try": value}, section="try")
        except BodyFailed as error:
            outputs["caught"] = error.problem
            if "catch" in ctx.sections:
                try:
                    done = await ctx.body(1, {"catch": error.problem}, section="catch")
                except BodyFailed as second:
                    failure = second
        if "finally" in ctx.sections:
            facts = {"value": value, "error": outputs.get("caught")}
            tidied = await ctx.body(2, {"finally": facts}, section="finally")
            if tidied.left is not None:
                # As in programming languages: the last word is that of “finally”.
                raise tidied.left
        if failure is not None:
            raise failure
        if done is not None:
            if done.left is not None:
                raise done.left
            outputs["result"] = done.value
        return outputs
