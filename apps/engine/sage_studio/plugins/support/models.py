"""What nodes that ask a language model share: the fields for which one, and asking for a shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from sage_studio.kernel import Json
from sage_studio.plugins.models.errors import NOT_IN_SHAPE
from sage_studio.plugins.models.schemas import Shape, ShapeProblem
from sage_studio.sdk import (
    Ask,
    Choice,
    Context,
    Field,
    LlmMessage,
    LlmReply,
    ModelProtocol,
    ModelService,
    NodeError,
    Settings,
    Usage,
    text,
    usage_json,
    usage_of,
)

CREDENTIAL_KINDS = ("anthropic", "openai", "api_key", "bearer")

PROTOCOL_FIELD = Field(
    name="protocol",
    label=text("Service", "服务"),
    default="anthropic",
    control="select",
    expression="never",
    options=(
        Choice(value="anthropic", label=text("Anthropic", "Anthropic")),
        Choice(
            value="openai", label=text("OpenAI, or a server that speaks like it", "OpenAI 或兼容其协议的服务")
        ),
    ),
)
ADDRESS_FIELD = Field(
    name="address",
    label=text("Address", "服务地址"),
    help=text(
        "Empty: that of the credential or of the service itself. For a server of your own for example "
        "http://localhost:11434/v1 (Ollama); private networks must be allowed by the administrator.",
        "留空则使用凭据或服务自身的地址。自建服务可填写例如 "
        "http://localhost:11434/v1（Ollama）；内网地址须由管理员允许。",
    ),
    default="",
    max_length=500,
    expert=True,
)
MODEL_FIELD = Field(
    name="model",
    label=text("Model", "模型"),
    help=text("Empty: the default of the instance.", "留空则使用实例的默认模型。"),
    default="",
    max_length=200,
)
CHEAPER_FIELD = Field(
    name="cheaper_model",
    label=text("Cheaper model", "更便宜的模型"),
    help=text(
        "Asked instead when the flow's budget would not last with the other one. Empty: the run "
        "pauses when the budget is used up.",
        "流程预算不足以使用上述模型时改用此模型。留空则在预算用完时暂停运行。",
    ),
    default="",
    max_length=200,
    expert=True,
)
TEMPERATURE_FIELD = Field(
    name="temperature",
    type="number",
    label=text("Temperature", "随机性"),
    help=text(
        "0 is steady, 1 is lively. Empty: the model's own; some models do not take it.",
        "0 表示稳定，1 表示发散。留空则使用模型默认值；部分模型不支持此项。",
    ),
    minimum=0,
    maximum=2,
    expert=True,
)
CREDENTIAL_FIELD = Field(
    name="credential",
    label=text("Credential", "凭据"),
    help=text("Empty: the key of the instance.", "留空则使用实例的密钥。"),
    default="",
    control="credential",
    credential_kinds=CREDENTIAL_KINDS,
    expression="never",
)


def max_tokens_field(default: int) -> Field:
    return Field(
        name="max_tokens",
        type="integer",
        label=text("Longest answer", "回答长度上限"),
        default=default,
        minimum=1,
        maximum=64_000,
        unit=text("tokens", "词元"),
        expert=default != 1_024,
    )


def model_fields(max_tokens: int = 1_024) -> tuple[Field, ...]:
    """Which model, how long its answer may be, and with which key."""
    fields = (PROTOCOL_FIELD, MODEL_FIELD, CREDENTIAL_FIELD, max_tokens_field(max_tokens))
    return (*fields, TEMPERATURE_FIELD, CHEAPER_FIELD, ADDRESS_FIELD)


def service_of(settings: Settings, prefix: str = "") -> ModelService | None:
    """Where to ask; None for the instance's own model."""
    protocol = cast(ModelProtocol, settings.text(f"{prefix}protocol"))
    address = settings.text(f"{prefix}address").strip()
    return None if protocol == "anthropic" and not address else ModelService(protocol, address)


async def warm_model(ctx: Context) -> None:
    """``prepare`` of nodes with these fields: load the SDK while the nodes before still work."""
    protocol = ctx.config.get("protocol") or "anthropic"
    if ctx.config.get("credential") or protocol != "anthropic" or ctx.llm.available:
        await ctx.llm.warm("openai" if protocol == "openai" else "anthropic")


PREPARES_FROM = frozenset({"credential", "protocol"})


@dataclass
class Asking:
    """A node's model: ``ctx.llm`` with the fields filled in, and what was used so far."""

    ctx: Context
    model: str | None
    cheaper_model: str | None
    max_tokens: int
    ask: Ask
    used: Usage = field(default_factory=Usage)
    model_name: str = ""
    calls: int = 0

    @classmethod
    def of(cls, ctx: Context, settings: Settings) -> Asking:
        """By the node's fields."""
        ask = Ask(credential=settings.text("credential") or None, service=service_of(settings))
        if (value := settings.optional_number("temperature")) is not None:
            ask["temperature"] = value
        model, cheaper = settings.text("model"), settings.text("cheaper_model")
        return cls(ctx, model or None, cheaper or None, settings.integer("max_tokens"), ask)

    @property
    def is_possible(self) -> bool:
        """Whether there is a model to ask at all."""
        return bool(self.ask.get("credential") or self.ask.get("service") or self.ctx.llm.available)

    async def chat(self, prompt: str = "", *, max_tokens: int | None = None, **more: Any) -> LlmReply:
        """One turn. Raises what ``ctx.llm.chat`` raises."""
        ask = cast(Ask, {**self.ask, **more})
        ask["usage"] = Usage()
        reply = await self.ctx.llm.chat(
            prompt=prompt,
            model=self.model,
            cheaper_model=self.cheaper_model,
            max_tokens=max_tokens or self.max_tokens,
            **ask,
        )
        self._add(usage_of(reply))
        self.model_name = reply["model"]
        self.calls += 1
        return reply

    async def shaped(self, prompt: str, shape: Shape, **more: Any) -> Json:
        """A value of that shape; an answer that does not fit is asked for once more, with what was wrong.
        Raises NodeError ``llm.not_in_shape``."""
        reply = await self.chat(prompt, schema=shape.schema, **more)
        try:
            return shape.read(reply["text"])
        except ShapeProblem as problem:
            wrong = str(problem)
        self.ctx.log("answer_repaired", level="warning", problem=wrong)
        turns = [
            *more.pop("messages", ()),
            LlmMessage(role="user", content=prompt),
            LlmMessage(role="assistant", content=reply["text"] or "-"),
        ]
        if images := more.pop("images", None):
            turns[-2]["images"] = images
        again = (
            f"That does not fit the schema: {wrong}. Answer again, with the corrected JSON and nothing else."
        )
        reply = await self.chat(again, schema=shape.schema, messages=turns, **more)
        try:
            return shape.read(reply["text"])
        except ShapeProblem as problem:
            raise NodeError(NOT_IN_SHAPE, {"reason": str(problem), "answer": reply["text"][:2_000]}) from None

    def _add(self, used: Usage) -> None:
        self.used.input_tokens += used.input_tokens
        self.used.output_tokens += used.output_tokens
        self.used.cache_read_tokens += used.cache_read_tokens
        self.used.cache_write_tokens += used.cache_write_tokens

    def usage(self) -> dict[str, Json]:
        """What was used, as nodes give it out."""
        return {"model": self.model_name, "calls": self.calls, **usage_json(self.used)}


Role = Literal["user", "assistant", "tool"]


def as_messages(value: Any) -> list[LlmMessage]:
    """A conversation from a port: messages, or texts that a person has said. Anything else is left out:
    only user and assistant turns can come from outside."""
    entries = value if isinstance(value, list) else [] if value in (None, "") else [value]
    turns: list[LlmMessage] = []
    for entry in entries:
        if isinstance(entry, str) and entry:
            turns.append(LlmMessage(role="user", content=entry))
        elif isinstance(entry, Mapping) and entry.get("role") in {"user", "assistant"}:
            said = entry.get("content")
            if isinstance(said, str) and said:
                turns.append(LlmMessage(role=entry["role"], content=said))
    return turns
