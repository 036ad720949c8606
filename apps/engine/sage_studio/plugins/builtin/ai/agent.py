"""Lets a language model work on a task with tools."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sage_studio.plugins.models.errors import NO_MODEL
from sage_studio.plugins.support.agents.tools import Toolbox
from sage_studio.plugins.support.agents.work import Limits, Work
from sage_studio.plugins.support.mcp import McpServer
from sage_studio.plugins.support.models import (
    PREPARES_FROM,
    Asking,
    as_messages,
    model_fields,
    warm_model,
)
from sage_studio.plugins.support.rounds import MONTH_S, RESULT
from sage_studio.sdk import (
    MICROS,
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

_TOOLS_HELP = text(
    "What the model is told of the parts inside: objects with “node” (a part's first node), “name”, "
    "“description”, “parameters” (names with descriptions, or a JSON Schema) and “approval”. Inside, "
    "{{ item.name }} is what the model gave for a parameter.",
    "向模型说明内部各部分：包含“node”（该部分的首个节点）、“name”、“description”、"
    "“parameters”（参数名与说明，或 JSON Schema）和“approval”的对象。"
    "在内部用 {{ item.name }} 读取模型给出的参数。",
)


class Agent(Node):
    """Every unconnected part inside is a tool: nodes, other flows (``sub_flow``), MCP tools. Its calls are
    iterations of this node, on record like those of a loop; inside, ``item`` holds what the model gave.
    """

    prepares_from = PREPARES_FROM
    spec = NodeSpec(
        id="agent",
        name=text("Agent", "智能体"),
        description=text(
            "A language model works on a task with the tools inside, step by step, within limits.",
            "语言模型在设定的限制内，使用内部的工具逐步完成任务。",
        ),
        category="ai",
        icon="robot",
        effect="idempotent",
        gives_all=True,
        inputs=(
            Port(name="messages", type="array<Message>", label=text("Conversation so far", "此前的对话")),
        ),
        outputs=(
            Port(name="answer", type="string", label=text("Answer", "回答")),
            Port(name="steps", type="array<object>", label=text("What it did", "执行步骤")),
            Port(name="plan", type="array<string>", label=text("Plan", "计划")),
            Port(
                name="stopped",
                type="string",
                label=text("Ended by", "结束原因"),
                description=text(
                    "answered, steps, tokens or money", "answered（已回答）、steps、tokens 或 money"
                ),
            ),
            Port(name="messages", type="array<Message>", label=text("Conversation", "对话")),
            Port(name="usage", type="object", label=text("Usage", "用量")),
        ),
        config=(
            Field(
                name="task",
                label=text("Task", "任务"),
                default="",
                required=True,
                control="prompt",
                max_length=200_000,
                shared_text=True,
                wireable=True,
            ),
            Field(
                name="system",
                label=text("Role and rules", "角色与规则"),
                default="",
                control="prompt",
                max_length=100_000,
                shared_text=True,
            ),
            Field(
                name="mode",
                label=text("Way of working", "工作方式"),
                default="react",
                control="select",
                expression="never",
                options=(
                    Choice(value="react", label=text("Step by step", "边想边做（ReAct）")),
                    Choice(value="plan", label=text("A plan first", "先计划后执行")),
                ),
            ),
            Field(
                name="tools",
                type="array",
                label=text("Tools", "工具"),
                help=_TOOLS_HELP,
                default=[],
                control="json",
                expression="never",
            ),
            *model_fields(4_096),
            Field(
                name="max_steps",
                type="integer",
                label=text("Most turns", "最多轮数"),
                help=text("How often the model is asked, at most.", "最多向模型提问的次数。"),
                default=12,
                minimum=2,
                maximum=200,
            ),
            Field(
                name="token_limit",
                type="integer",
                label=text("Most tokens", "词元上限"),
                help=text("In and out together; 0: no limit.", "输入与输出合计；0 表示不限。"),
                default=0,
                minimum=0,
                maximum=100_000_000,
                unit=text("tokens", "词元"),
                expert=True,
            ),
            Field(
                name="cost_limit",
                type="number",
                label=text("Most money", "花费上限"),
                help=text(
                    "In the currency of the model's price; 0: no limit but the flow's budget.",
                    "以模型价格的币种计；0 表示仅受流程预算限制。",
                ),
                default=0.0,
                minimum=0,
                maximum=1_000_000,
                expert=True,
            ),
            Field(
                name="approve",
                type="array",
                label=text("Ask a person before", "需人工批准的工具"),
                help=text("Names of tools; * for all of them.", "工具名称；* 表示全部。"),
                default=[],
                control="list",
                expression="never",
            ),
            Field(
                name="on_tool_error",
                label=text("When a tool fails", "工具失败时"),
                default="tell",
                control="select",
                expression="never",
                expert=True,
                options=(
                    Choice(value="tell", label=text("Tell the model", "告知模型")),
                    Choice(value="fail", label=text("Fail", "失败")),
                ),
            ),
            Field(
                name="longest_result",
                type="integer",
                label=text("Longest result of a tool", "工具结果长度上限"),
                default=20_000,
                minimum=100,
                maximum=1_000_000,
                unit=text("characters", "字符"),
                expert=True,
            ),
            Field(
                name="mcp_address",
                label=text("MCP server", "MCP 服务器"),
                help=text("Its address, for tools beside those inside.", "除内部工具外，还可使用其工具。"),
                default="",
                max_length=2_000,
                expert=True,
            ),
            Field(
                name="mcp_credential",
                label=text("Credential of the MCP server", "MCP 服务器凭据"),
                default="",
                control="credential",
                credential_kinds=("bearer", "oauth2", "api_key", "basic"),
                expression="never",
                expert=True,
            ),
            Field(
                name="mcp_tools",
                type="array",
                label=text("Tools of the MCP server", "MCP 服务器的工具"),
                help=text("Only those named here can be used.", "仅可使用此处列出的工具。"),
                default=[],
                control="list",
                expression="never",
                expert=True,
            ),
        ),
        body=Body(
            gives=(
                Port(name="item", type="object", label=text("Arguments", "参数")),
                Port(name="tool", type="string", label=text("Tool", "工具")),
            ),
            takes=(RESULT,),
            lanes=True,
        ),
        default_timeout_s=MONTH_S,
        summary=text("{task}", "{task}"),
        example={
            "config": {"task": "What is the weather in Berlin?", "max_steps": 5},
            "needs": "model",
        },
    )

    async def prepare(self, ctx: Context) -> None:
        await warm_model(ctx)

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        asking = Asking.of(ctx, settings)
        if not asking.is_possible:
            raise NodeError(NO_MODEL)
        described = settings.raw("tools")
        tools = Toolbox(
            ctx,
            described if isinstance(described, list) else [],
            longest=settings.integer("longest_result"),
        )
        limits = Limits(
            steps=settings.integer("max_steps"),
            tokens=settings.integer("token_limit"),
            micros=int(settings.number("cost_limit") * MICROS),
            tool_errors_fail=settings.text("on_tool_error") == "fail",
        )
        address = settings.text("mcp_address").strip()
        server = McpServer(address, settings.text("mcp_credential")) if address else None
        work = Work(ctx, asking, tools, limits, settings.text("system"))
        try:
            await tools.open(server, settings.texts("mcp_tools"), settings.texts("approve"))
            history = as_messages(inputs.get("messages"))
            return await work.perform(settings.text("task"), history, plans=settings.text("mode") == "plan")
        finally:
            await tools.close()
