"""``ctx.llm`` of every host: which service a prompt goes to, with which key.

The instance's own model is its operator's: key and address from the environment. A node may name a
credential, an address and a protocol instead. The operator's key goes to the operator's address and
nowhere else; a credential goes where it may; an address without a credential is asked without a key,
which is how servers in one's own network are used.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import Protocol, TypeVar, Unpack

from sage_studio.egress import EgressPolicy, checked_url, host_of, port_of
from sage_studio.kernel import JsonObject, SageError
from sage_studio.plugins.models import anthropic_messages, openai_chat
from sage_studio.plugins.models.anthropic_messages import AnthropicMessages
from sage_studio.plugins.models.asking import Chatting, prompt_of, sdk
from sage_studio.plugins.models.errors import NO_MODEL, NO_MODEL_NAME, TOO_SLOW
from sage_studio.plugins.models.openai_chat import OpenAiChat
from sage_studio.plugins.models.openai_media import OpenAiMedia
from sage_studio.plugins.models.transport import Endpoint
from sage_studio.sdk import (
    Ask,
    Drawn,
    Embedded,
    LlmReply,
    ModelProtocol,
    ModelService,
    NodeError,
    Transcript,
    Where,
)

DEFAULT_MODEL = "claude-haiku-5-5"
DEFAULT_TIMEOUT_S = 600.0
T = TypeVar("T")


class Credentials(Protocol):
    """Where a host keeps its credentials; as ``Context.credential``."""

    async def __call__(self, name: str, *, host: str = "", port: int | None = None) -> Mapping[str, str]: ...


class Models:
    """Stateless between prompts; usable on any event loop."""

    def __init__(
        self,
        *,
        api_key: str,
        address: str = "",
        default_model: str = "",
        policy: EgressPolicy,
        credentials: Credentials,
    ) -> None:
        self._api_key = api_key
        self._address = (address or anthropic_messages.ADDRESS).rstrip("/")
        self._default_model = default_model or DEFAULT_MODEL
        self._policy = policy
        self._credentials = credentials

    @property
    def available(self) -> bool:
        return bool(self._api_key)

    @property
    def default_model(self) -> str:
        return self._default_model

    async def warm(self, protocol: ModelProtocol = "anthropic") -> None:
        """Load the SDK, off the loop: it takes a second or more. Raises NodeError ``llm.not_installed``."""
        await sdk(protocol)

    async def chat(
        self,
        *,
        prompt: str = "",
        model: str | None = None,
        max_tokens: int = 1024,
        cheaper_model: str | None = None,
        **ask: Unpack[Ask],
    ) -> LlmReply:
        """Which of two models to ask is decided by whoever meters it (``engine.spending``). Raises NodeError
        ``llm.*``, and SageError ``credential.*`` and ``http.*``."""
        service = ask.get("service") or ModelService()
        endpoint = await self._endpoint(service, ask.get("credential"))
        speaks_anthropic = service.protocol == "anthropic"
        name = model or (self._default_model if speaks_anthropic else "")
        if not name:
            raise NodeError(NO_MODEL_NAME)
        chatting: Chatting = AnthropicMessages(endpoint) if speaks_anthropic else OpenAiChat(endpoint)
        given = prompt_of(prompt, model=name, max_tokens=max_tokens, ask=ask)
        return await _in_time(chatting.chat(given), ask.get("timeout_s"))

    async def embed(self, texts: Sequence[str], *, model: str, **where: Unpack[Where]) -> Embedded:
        media = await self._media(where)
        return await _in_time(media.embed(texts, model), where.get("timeout_s"))

    async def draw(self, prompt: str, *, model: str, settings: JsonObject, **where: Unpack[Where]) -> Drawn:
        media = await self._media(where)
        return await _in_time(media.draw(prompt, model=model, settings=settings), where.get("timeout_s"))

    async def transcribe(
        self, content: bytes, *, name: str, model: str, settings: JsonObject, **where: Unpack[Where]
    ) -> Transcript:
        media = await self._media(where)
        asked = media.transcribe(content, name=name, model=model, settings=settings)
        return await _in_time(asked, where.get("timeout_s"))

    async def _media(self, where: Where) -> OpenAiMedia:
        service = where.get("service") or ModelService("openai")
        return OpenAiMedia(await self._endpoint(service, where.get("credential")))

    async def _endpoint(self, service: ModelService, credential: str | None) -> Endpoint:
        """Where to ask and with which key."""
        speaks_anthropic = service.protocol == "anthropic"
        standard = self._address if speaks_anthropic else openai_chat.ADDRESS
        address = service.address.rstrip("/")
        fields: dict[str, str] = {}
        if credential:
            address, fields = await self._opened(credential, address, standard)
        address = address or standard
        checked_url(address)
        is_own = speaks_anthropic and address == self._address
        if not credential and (is_own or not service.address):
            # Without an address of its own and without a credential there is only the operator's model.
            if not self._api_key or not speaks_anthropic:
                raise NodeError(NO_MODEL)
            fields = {"api_key": self._api_key}
        key = fields.get("api_key") or fields.get("token", "")
        if speaks_anthropic:
            headers = anthropic_messages.auth_headers(key)
        else:
            headers = openai_chat.auth_headers(key, fields.get("organization", ""))
        return Endpoint(address, self._policy, is_own, headers)

    async def _opened(self, name: str, address: str, standard: str) -> tuple[str, dict[str, str]]:
        """Where a credential leads, and its fields. One that names an address is for that one; any other
        must allow the host that is about to be asked."""
        if not address:
            try:
                fields = dict(await self._credentials(name))
            except SageError:  # bound to hosts: it is asked again with the host below
                fields = {}
            if address := fields.get("base_url", "").rstrip("/"):
                return address, fields
        target = checked_url(address or standard)
        fields = dict(await self._credentials(name, host=host_of(target), port=port_of(target)))
        return address or standard, fields


async def _in_time(answer: Awaitable[T], timeout_s: float | None) -> T:
    limit_s = timeout_s or DEFAULT_TIMEOUT_S
    try:
        async with asyncio.timeout(limit_s):
            return await answer
    except TimeoutError as error:
        raise NodeError(TOO_SLOW, {"timeout_s": limit_s}) from error
