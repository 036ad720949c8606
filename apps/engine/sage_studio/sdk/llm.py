"""Language models as nodes see them: one face over the services, whichever protocol they speak.

``ctx.llm.chat`` takes what it asks as keywords (``Ask``); what every service counts and answers is the
same ``LlmReply``. Everything sent through it is paid for from the flow's budget.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NotRequired, Protocol, TypeAlias, Unpack

from typing_extensions import TypedDict

from sage_studio.kernel.json import Json, JsonObject

ModelProtocol: TypeAlias = Literal["anthropic", "openai"]
OnText: TypeAlias = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ModelService:
    """Where a model is asked. Without an ``address`` it is the protocol's own service; the key of the
    instance is only ever sent to the address its operator has set, never to one that a flow names."""

    protocol: ModelProtocol = "anthropic"
    address: str = ""


@dataclass(frozen=True, slots=True)
class LlmImage:
    """A picture to be looked at; ``mime`` is ``image/png``, ``image/jpeg``, ``image/gif`` or
    ``image/webp``."""

    mime: str
    content: bytes


class ToolCall(TypedDict):
    """What a model wants done. ``arguments`` is what it wrote: nobody has checked it; None when it is no
    JSON object at all."""

    id: str
    name: str
    arguments: JsonObject | None


class LlmTool(TypedDict):
    """What a model may ask for; ``parameters`` is a JSON Schema of an object."""

    name: str
    description: str
    parameters: JsonObject


class LlmMessage(TypedDict):
    """A turn of a conversation. A ``tool`` turn answers the call ``tool_call_id``."""

    role: Literal["user", "assistant", "tool"]
    content: str
    images: NotRequired[Sequence[LlmImage]]
    tool_calls: NotRequired[Sequence[ToolCall]]
    tool_call_id: NotRequired[str]
    is_error: NotRequired[bool]


@dataclass(slots=True)
class Usage:
    """Tokens as the service counts them. ``input_tokens`` are those at the full price: what was read from
    a cache or written to it is counted apart."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0

    def take(self, other: Usage) -> None:
        """Become what another one says."""
        self.input_tokens, self.output_tokens = other.input_tokens, other.output_tokens
        self.cache_read_tokens = other.cache_read_tokens
        self.cache_write_tokens = other.cache_write_tokens


class LlmReply(TypedDict):
    """A whole answer; token counts are the service's (see ``Usage``)."""

    text: str
    model: str
    input_tokens: int
    output_tokens: int
    stop_reason: str
    cache_read_tokens: NotRequired[int]
    cache_write_tokens: NotRequired[int]
    tool_calls: NotRequired[list[ToolCall]]


class Ask(TypedDict, total=False):
    """What else a prompt may say.

    ``messages`` come before ``prompt``. ``on_text`` gets the answer piece by piece while it is written.
    ``schema`` asks the service for JSON of that shape; whether it kept to it is for the caller to check.
    ``must_call`` names the tool that has to be used, or is ``*`` for any of them and ``-`` for none.
    ``cache`` asks the service to remember the conversation so far for the next turn. ``usage`` is filled
    while the answer comes, also of one that breaks off. ``timeout_s`` bounds the whole answer.
    """

    system: str
    messages: Sequence[LlmMessage]
    images: Sequence[LlmImage]
    temperature: float | None
    top_p: float | None
    stop: Sequence[str]
    schema: JsonObject
    tools: Sequence[LlmTool]
    must_call: str
    cache: bool
    on_text: OnText | None
    usage: Usage
    timeout_s: float
    credential: str | None
    service: ModelService | None


class Where(TypedDict, total=False):
    """Where a service other than chat is asked."""

    credential: str | None
    service: ModelService | None
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors in the order of their texts, and the tokens the service counted."""

    vectors: list[list[float]]
    model: str
    usage: Usage


@dataclass(frozen=True, slots=True)
class Drawn:
    """Pictures, and what the service counted (nothing where it counts by picture)."""

    images: list[LlmImage]
    model: str
    usage: Usage


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said. ``segments`` are ``{start, end, text}`` in seconds, where the service gives them."""

    text: str
    language: str
    duration_s: float
    segments: list[JsonObject]
    model: str
    usage: Usage


class LlmClient(Protocol):
    """The models a run may ask."""

    @property
    def available(self) -> bool:
        """Whether the instance has a model of its own; with a credential or an address any can be asked."""
        ...

    @property
    def default_model(self) -> str: ...

    async def warm(self, protocol: ModelProtocol = "anthropic") -> None:
        """Load what the first prompt needs; sends nothing."""
        ...

    async def chat(
        self,
        *,
        prompt: str = "",
        model: str | None = None,
        max_tokens: int = 1024,
        cheaper_model: str | None = None,
        **ask: Unpack[Ask],
    ) -> LlmReply:
        """One turn; it is paid for from the flow's budget. ``cheaper_model`` is asked instead when the
        budget asks for it. Raises NodeError ``llm.*`` and SageError ``budget.*``."""
        ...

    async def embed(self, texts: Sequence[str], *, model: str, **where: Unpack[Where]) -> Embedded:
        """Vectors by a service that speaks OpenAI's protocol."""
        ...

    async def draw(self, prompt: str, *, model: str, settings: JsonObject, **where: Unpack[Where]) -> Drawn:
        """Pictures by a service that speaks OpenAI's protocol; ``settings`` are fields of its request."""
        ...

    async def transcribe(
        self, content: bytes, *, name: str, model: str, settings: JsonObject, **where: Unpack[Where]
    ) -> Transcript:
        """The words of a recording, by a service that speaks OpenAI's protocol."""
        ...


def usage_of(reply: LlmReply) -> Usage:
    """What an answer has used."""
    return Usage(
        reply["input_tokens"],
        reply["output_tokens"],
        reply.get("cache_read_tokens", 0),
        reply.get("cache_write_tokens", 0),
    )


def usage_json(usage: Usage) -> dict[str, Json]:
    """Usage as nodes give it out: caches only where there were any."""
    told: dict[str, Json] = {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
    if usage.cache_read_tokens:
        told["cache_read_tokens"] = usage.cache_read_tokens
    if usage.cache_write_tokens:
        told["cache_write_tokens"] = usage.cache_write_tokens
    return told
