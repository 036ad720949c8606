"""Calls one tool of an MCP server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sage_studio.kernel import Json
from sage_studio.plugins.support.mcp import McpServer, mcp_session
from sage_studio.sdk import (
    Choice,
    Context,
    Effect,
    Field,
    Node,
    NodeOutput,
    NodeSpec,
    Port,
    Settings,
    text,
)

_HTTP: dict[str, tuple[Any, ...]] = {"transport": ("http",)}
_STDIO: dict[str, tuple[Any, ...]] = {"transport": ("stdio",)}


class McpTool(Node):
    """Arguments are checked by the schema the server gives for the tool before it is called."""

    spec = NodeSpec(
        id="mcp_tool",
        name=text("MCP tool", "MCP 工具"),
        description=text(
            "Calls a tool of an MCP server, over HTTP or as a program beside the worker.",
            "调用 MCP 服务器的工具：通过 HTTP，或作为本机程序运行。",
        ),
        category="ai",
        icon="plug",
        effect="at_most_once",
        gives_all=True,
        outputs=(
            Port(name="text", type="string", label=text("Text", "文本")),
            Port(name="data", type="any", label=text("Data", "数据")),
            Port(name="content", type="array<object>", label=text("Parts as they came", "原始内容")),
        ),
        config=(
            Field(
                name="transport",
                label=text("Server", "服务器"),
                default="http",
                control="select",
                expression="never",
                options=(
                    Choice(value="http", label=text("At an address", "网络地址")),
                    Choice(value="stdio", label=text("A program beside the worker", "本机程序")),
                ),
            ),
            Field(
                name="address",
                label=text("Address", "地址"),
                default="",
                placeholder=text("https://mcp.example.org/mcp", "https://mcp.example.org/mcp"),
                max_length=2_000,
                show_when=_HTTP,
            ),
            Field(
                name="credential",
                label=text("Credential", "凭据"),
                default="",
                control="credential",
                credential_kinds=("bearer", "oauth2", "api_key", "basic"),
                expression="never",
                show_when=_HTTP,
            ),
            Field(
                name="program",
                label=text("Program", "程序"),
                help=text(
                    "It runs without network and sees no files of this machine but its own.",
                    "程序运行时没有网络，且只能看到自身所需的文件。",
                ),
                default="",
                max_length=500,
                expression="never",
                show_when=_STDIO,
            ),
            Field(
                name="program_arguments",
                type="array",
                label=text("Its arguments", "程序参数"),
                default=[],
                control="list",
                expression="never",
                show_when=_STDIO,
            ),
            Field(name="tool", label=text("Tool", "工具"), default="", required=True, max_length=200),
            Field(
                name="arguments",
                type="object",
                label=text("Arguments", "参数"),
                default={},
                control="key_value",
                wireable=True,
            ),
            Field(
                name="repeatable",
                type="boolean",
                label=text("May be called again", "可重复调用"),
                help=text(
                    "On for tools that only read: after a crash they are simply called once more.",
                    "仅读取数据的工具可开启：崩溃后将直接重新调用。",
                ),
                default=False,
                control="switch",
                expression="never",
                expert=True,
            ),
            Field(
                name="timeout",
                type="number",
                label=text("Answer within", "响应时限"),
                default=60,
                minimum=1,
                maximum=3_600,
                unit=text("seconds", "秒"),
                expert=True,
            ),
        ),
        summary=text("{tool}", "{tool}"),
        default_timeout_s=300,
        example={
            "config": {
                "address": "https://mcp.example.org/mcp",
                "tool": "add",
                "arguments": {"a": 1, "b": 2},
            },
            "needs": "MCP server",
        },
    )

    @classmethod
    def effect(cls, config: Mapping[str, Json]) -> Effect:
        return "idempotent" if config.get("repeatable") is True else "at_most_once"

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        is_program = settings.text("transport") == "stdio"
        raw = settings.raw("program_arguments")
        server = McpServer(
            address="" if is_program else settings.text("address"),
            credential="" if is_program else settings.text("credential"),
            program=settings.text("program") if is_program else "",
            arguments=tuple(str(entry) for entry in raw) if is_program and isinstance(raw, list) else (),
            timeout_s=settings.number("timeout"),
        )
        async with mcp_session(ctx, server) as session:
            answer = await session.call(settings.text("tool"), settings.mapping("arguments"))
        return {"text": answer.text, "data": answer.data, "content": answer.content}
