"""Decides what becomes of an error: go on with another value, or fail after all."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from sage_studio.kernel import define_error
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

HANDED_ON = define_error(
    "error_handler.failed",
    3921,
    en="{message}",
    zh="{message}",
    hint_en="The error handler has no rule for “{code}”, so the run fails with it.",
    hint_zh="错误处理节点没有针对“{code}”的规则，因此运行以该错误结束。",
    status=422,
)


class ErrorHandler(Node):
    """Stands behind the error port of another node. A code may end in a star: ``http.*``."""

    spec = NodeSpec(
        id="error_handler",
        name=text("Handle error", "处理错误"),
        description=text(
            "Sorts errors by their kind: some are answered with a value, the others go on.",
            "按错误类型处理：部分错误以指定值继续，其余继续抛出。",
        ),
        category="utility",
        icon="shield",
        deterministic=True,
        inputs=(Port(name="error", type="any", label=text("Error", "错误"), required=True),),
        outputs=(
            Port(name="handled", type="any", label=text("Go on with", "继续")),
            Port(name="unhandled", type="any", label=text("Other errors", "其他错误")),
        ),
        config=(
            Field(
                name="codes",
                type="array",
                label=text("Errors to handle", "要处理的错误代码"),
                help=text(
                    "Such as http.refused or http.*; empty: all of them.",
                    "例如 http.refused 或 http.*；留空表示全部。",
                ),
                default=[],
                control="list",
                expression="never",
                placeholder=text("http.*", "http.*"),
            ),
            Field(
                name="only_passing",
                type="boolean",
                label=text("Only errors that may pass", "仅处理可重试的错误"),
                help=text("Such as a service that is down.", "例如服务暂时不可用。"),
                default=False,
                control="switch",
            ),
            Field(
                name="value",
                type="any",
                label=text("Value to go on with", "继续使用的值"),
                control="json",
            ),
            Field(
                name="others",
                label=text("Other errors", "其他错误"),
                default="fail",
                control="select",
                expression="never",
                options=(
                    Choice(value="fail", label=text("Fail", "失败")),
                    Choice(value="route", label=text("Go to “Other errors”", "走“其他错误”端口")),
                ),
            ),
        ),
        summary=text("{codes}", "{codes}"),
        example={
            "config": {"codes": ["http.*"], "value": []},
            "inputs": {"error": {"code": "http.refused", "message": "Refused", "retryable": True}},
            "outputs": {"handled": []},
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        given = inputs["error"]
        error: Mapping[str, Any] = given if isinstance(given, Mapping) else {"message": str(given)}
        code, codes = str(error.get("code") or ""), settings.texts("codes")
        is_known = not codes or any(fnmatchcase(code, pattern) for pattern in codes)
        if is_known and (error.get("retryable") is True or not settings.flag("only_passing")):
            ctx.log("error handled", level="warning", code=code, error=str(error.get("message"))[:500])
            return {"handled": settings.raw("value")}
        if settings.text("others") == "route":
            return {"unhandled": given}
        message = str(error.get("message") or code or "?")
        raise NodeError(HANDED_ON, {"message": message[:1_000], "code": code, "error": dict(error)})
