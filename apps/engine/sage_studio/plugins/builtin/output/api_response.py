"""Answers whoever called the flow's webhook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sage_studio.plugins.support.triggers import choice
from sage_studio.sdk import Context, Field, Node, NodeOutput, NodeSpec, Port, Settings, text


class ApiResponse(Node):
    """The caller gets the answer as soon as the node is done, while the rest of the flow goes on."""

    spec = NodeSpec(
        id="api_response",
        name=text("Answer the call", "响应请求"),
        description=text(
            "Answers the call that started the flow; the webhook must be set to wait for it.",
            "响应触发流程的请求；Webhook 的响应方式需设为由此节点返回。",
        ),
        category="output",
        icon="reply",
        gives_all=True,
        inputs=(Port(name="body", type="any", label=text("Body", "正文")),),
        outputs=(
            Port(name="body", type="any", label=text("Body", "正文")),
            Port(name="response", type="object", label=text("Answer", "响应")),
        ),
        config=(
            Field(
                name="status",
                type="integer",
                label=text("Status", "状态码"),
                default=200,
                minimum=200,
                maximum=599,
            ),
            Field(
                name="kind",
                label=text("Kind", "内容类型"),
                default="auto",
                control="select",
                options=(
                    choice("auto", "JSON, or text for a text", "自动（JSON 或文本）"),
                    choice("json", "JSON", "JSON"),
                    choice("text", "Text", "纯文本"),
                    choice("html", "HTML", "HTML"),
                    choice("file", "A file", "文件"),
                ),
            ),
            Field(
                name="headers",
                type="object",
                label=text("Headers", "响应头"),
                default={},
                control="key_value",
                expert=True,
            ),
        ),
        summary=text("{status}", "{status}"),
        example={
            "config": {"status": 201},
            "inputs": {"body": {"ok": True}},
            "outputs": {"body": {"ok": True}},
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        headers = {str(name): str(value) for name, value in settings.mapping("headers").items()}
        response = {"status": settings.integer("status"), "kind": settings.text("kind"), "headers": headers}
        return {"body": inputs.get("body"), "response": response}
