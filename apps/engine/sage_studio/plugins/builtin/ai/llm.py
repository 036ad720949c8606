"""Asks a language model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

from sage_studio.kernel import JsonObject
from sage_studio.plugins.models.errors import NO_MODEL
from sage_studio.plugins.models.schemas import Shape
from sage_studio.plugins.support.documents import Document, as_documents
from sage_studio.plugins.support.models import (
    PREPARES_FROM,
    Asking,
    as_messages,
    model_fields,
    warm_model,
)
from sage_studio.plugins.support.passages import with_passages
from sage_studio.plugins.support.pictures import pictures_of
from sage_studio.sdk import (
    Choice,
    Context,
    Field,
    LlmReply,
    NodeError,
    NodeOutput,
    NodeSpec,
    Port,
    Settings,
    StreamNode,
    text,
)

_SHOWN = 200


class Llm(StreamNode):
    """Without a model it fails, or takes the ``unavailable`` port so that another node answers."""

    prepares_from = PREPARES_FROM
    spec = NodeSpec(
        id="llm",
        name=text("Language model", "语言模型"),
        description=text(
            "Sends a prompt, with passages, pictures and a conversation if connected, to a language model; "
            "gives its answer as text or as data of a given shape.",
            "将提示词（及所连接的段落、图片和对话）发送给语言模型，输出其回答：文本，或符合指定结构的数据。",
        ),
        category="ai",
        icon="sparkle",
        effect="idempotent",
        inputs=(
            Port(
                name="documents",
                type="array<Document>",
                label=text("Passages", "段落"),
                description=text(
                    "Put before the prompt, numbered and marked as source material.",
                    "置于提示词之前，编号并标明为参考资料。",
                ),
            ),
            Port(
                name="messages",
                type="array<Message>",
                label=text("Conversation so far", "此前的对话"),
                description=text(
                    "Turns of user and assistant, before the prompt.",
                    "用户与助手此前的对话，置于提示词之前。",
                ),
            ),
            Port(
                name="images",
                type="any",
                label=text("Pictures", "图片"),
                description=text("Files the model looks at.", "提供给模型查看的图片文件。"),
            ),
        ),
        outputs=(
            Port(name="text", type="string", label=text("Answer", "回答")),
            Port(name="usage", type="object", label=text("Usage", "用量")),
            Port(
                name="data",
                type="any",
                label=text("Data", "数据"),
                description=text(
                    "The answer as data, when a shape is set.", "设置结构后，以数据形式给出的回答。"
                ),
            ),
            Port(
                name="messages",
                type="array<Message>",
                label=text("Conversation", "对话"),
                description=text(
                    "What came before, the prompt and the answer.", "此前的对话、提示词以及回答。"
                ),
            ),
            Port(
                name="tokens",
                type="array<string>",
                label=text("Answer as it is written", "逐字输出"),
                description=text(
                    "Its pieces, one after another, in flows that stream.", "在流式流程中逐段输出的回答。"
                ),
                streams=True,
            ),
            Port(
                name="unavailable",
                type="array<Document>",
                label=text("No model", "无模型"),
                description=text(
                    "Taken instead when no model is configured; carries the passages on.",
                    "未配置模型时改走此端口，并传递段落。",
                ),
            ),
        ),
        config=(
            Field(
                name="prompt",
                label=text("Prompt", "提示词"),
                default="",
                required=True,
                control="prompt",
                max_length=200_000,
                shared_text=True,
            ),
            Field(
                name="system",
                label=text("Role and rules", "角色与规则"),
                default="",
                control="prompt",
                max_length=100_000,
                shared_text=True,
            ),
            *model_fields(),
            Field(
                name="schema",
                type="object",
                label=text("Shape of the answer", "回答的结构"),
                help=text(
                    "A JSON Schema; the answer is checked against it and comes out as data. Empty: text.",
                    "JSON Schema；回答将按其校验并以数据形式输出。留空则输出文本。",
                ),
                default={},
                control="json",
                expert=True,
            ),
            Field(
                name="top_p",
                type="number",
                label=text("Top-p", "Top-p"),
                minimum=0,
                maximum=1,
                expert=True,
            ),
            Field(
                name="stop",
                type="array",
                label=text("Stop at", "停止于"),
                help=text("The answer ends before any of these texts.", "回答将在出现这些文本之前结束。"),
                default=[],
                control="list",
                expert=True,
            ),
            Field(
                name="show",
                type="boolean",
                label=text("Show while it is written", "边写边显示"),
                help=text(
                    "The end of the text is shown on the node while the model writes.",
                    "模型生成期间在节点上显示文本末尾。",
                ),
                default=False,
                control="switch",
                expert=True,
            ),
            Field(
                name="when_unavailable",
                label=text("Without a model", "没有模型时"),
                default="fail",
                control="select",
                expression="never",
                options=(
                    Choice(value="fail", label=text("Fail", "失败")),
                    Choice(value="branch", label=text("Take the port “No model”", "走“无模型”端口")),
                ),
            ),
        ),
        summary=text("{prompt}", "{prompt}"),
        default_timeout_s=600,
        example={"config": {"prompt": "Say hello.", "when_unavailable": "branch"}, "inputs": {}},
    )

    async def prepare(self, ctx: Context) -> None:
        await warm_model(ctx)

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        asked = _Question(ctx, Settings(self.spec, ctx, inputs), inputs)
        return await asked.answered(asked.shown if ctx.config.get("show") else None)

    async def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[NodeOutput]:
        asked = _Question(ctx, Settings(self.spec, ctx, inputs), inputs)
        pieces: asyncio.Queue[str | None] = asyncio.Queue()

        async def ask() -> NodeOutput:
            try:
                return await asked.answered(pieces.put)
            finally:
                pieces.put_nowait(None)

        try:
            async with asyncio.TaskGroup() as group:
                answer = group.create_task(ask())
                while (piece := await pieces.get()) is not None:
                    yield {"tokens": piece}
        except ExceptionGroup as failures:
            # The group has one child: its error is the node's.
            raise failures.exceptions[0] from None
        yield answer.result()


class _Question:
    """One prompt of the node, put together from its fields and inputs."""

    def __init__(self, ctx: Context, settings: Settings, inputs: Mapping[str, Any]) -> None:
        self._ctx = ctx
        self._settings = settings
        self._inputs = inputs
        self._asking = Asking.of(ctx, settings)
        self._written = ""
        self._pieces = 0

    async def shown(self, piece: str) -> None:
        """Show the end of what is written so far."""
        self._written = (self._written + piece)[-_SHOWN:]
        self._pieces += 1
        self._ctx.progress(self._pieces, None, self._written)

    async def answered(self, on_text: Any) -> NodeOutput:
        documents = as_documents(self._inputs.get("documents"), "documents")
        if not self._asking.is_possible:
            return self._without_a_model(documents)
        settings = self._settings
        prompt = settings.text("prompt")
        history = as_messages(self._inputs.get("messages"))
        more: dict[str, Any] = {
            "system": settings.text("system"),
            "messages": history,
            "stop": settings.texts("stop"),
            "on_text": on_text,
        }
        if images := await pictures_of(self._ctx, self._inputs.get("images")):
            more["images"] = images
        if (top_p := settings.optional_number("top_p")) is not None:
            more["top_p"] = top_p
        whole = with_passages(prompt, documents)
        schema = settings.mapping("schema")
        turns = [*history, {"role": "user", "content": prompt}]
        if schema:
            data = await self._asking.shaped(whole, Shape(cast(JsonObject, schema)), **more)
            said = data if isinstance(data, str) else _json(data)
            turns.append({"role": "assistant", "content": said})
            return {"text": said, "data": data, "usage": self._asking.usage(), "messages": turns}
        reply = await self._asking.chat(whole, **more)
        turns.append({"role": "assistant", "content": reply["text"]})
        return {"text": reply["text"], "usage": _usage(reply), "messages": turns}

    def _without_a_model(self, documents: list[Document]) -> NodeOutput:
        if self._settings.text("when_unavailable") != "branch":
            raise NodeError(NO_MODEL)
        self._ctx.log("no_model", message_en=NO_MODEL.message["en"])
        return {"unavailable": documents}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _usage(reply: LlmReply) -> dict[str, Any]:
    return {name: value for name, value in reply.items() if name not in {"text", "tool_calls"}}
