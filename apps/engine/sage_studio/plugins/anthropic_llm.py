"""The chat model behind ``ctx.llm``: Anthropic's, through its own SDK.

The address is the operator's (``ANTHROPIC_BASE_URL``), never a flow's. The SDK is loaded when
the first prompt is sent, because that takes seconds and most runs need no model.
"""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from sage_studio.kernel import define_error
from sage_studio.plugins.builtin.ai.llm import NO_MODEL
from sage_studio.sdk import LlmReply, NodeError

NOT_INSTALLED = define_error(
    "llm.not_installed",
    3212,
    en="The package for language models is not installed.",
    zh="未安装语言模型所需的软件包。",
    hint_en="Install it with: pip install 'sage-studio[models]'",
    hint_zh="请执行：pip install 'sage-studio[models]'",
    status=500,
)
REFUSED = define_error(
    "llm.refused",
    3213,
    en="The model service refused the request: {reason}",
    zh="模型服务拒绝了请求：{reason}",
    hint_en="Check the key, the model's name and the length of the prompt.",
    hint_zh="请检查密钥、模型名称以及提示词长度。",
    status=502,
)
BUSY = define_error(
    "llm.busy",
    3214,
    en="The model service is busy or out of reach: {reason}",
    zh="模型服务繁忙或无法连接：{reason}",
    hint_en="Try again in a while.",
    hint_zh="请稍后重试。",
    status=503,
    retryable=True,
)

DEFAULT_MODEL = "claude-haiku-5-5"
DEFAULT_ADDRESS = "https://api.anthropic.com"
SecretFor = Callable[[str, str], Awaitable[str]]


class AnthropicLlm:
    """``secret_for(credential, host)`` gives a credential's key if it may be sent to that host."""

    def __init__(
        self, *, api_key: str, address: str = "", default_model: str = "", secret_for: SecretFor
    ) -> None:
        self._api_key = api_key
        self._address = address or DEFAULT_ADDRESS
        self._default_model = default_model or DEFAULT_MODEL
        self._secret_for = secret_for

    @property
    def available(self) -> bool:
        return bool(self._api_key)

    @property
    def default_model(self) -> str:
        return self._default_model

    async def warm(self) -> None:
        """Load the SDK, off the loop: it takes a second or more. Raises NodeError ``llm.not_installed``."""
        await asyncio.to_thread(_sdk)

    async def chat(
        self,
        *,
        prompt: str,
        system: str = "",
        model: str | None = None,
        max_tokens: int = 1024,
        temperature: float | None = None,
        credential: str | None = None,
        cheaper_model: str | None = None,
    ) -> LlmReply:
        """One question, one whole answer. Which of two models to ask is decided by whoever meters it
        (``engine.spending``). Raises NodeError ``llm.*``."""
        key = self._api_key
        if credential:
            key = await self._secret_for(credential, urlsplit(self._address).hostname or "")
        if not key:
            raise NodeError(NO_MODEL)
        request: dict[str, Any] = {
            "model": model or self._default_model,
            "max_tokens": max_tokens,
            "messages": [{"role": "user", "content": prompt}],
        }
        if system:
            request["system"] = system
        if temperature is not None:
            # The SDK no longer names it; models that still know it take it from the body.
            request["extra_body"] = {"temperature": temperature}
        return _reply(await self._send(key, request))

    async def _send(self, key: str, request: dict[str, Any]) -> Any:
        sdk = await asyncio.to_thread(_sdk)
        async with sdk.AsyncAnthropic(api_key=key, base_url=self._address, max_retries=2) as client:
            try:
                return await client.messages.create(**request)
            except sdk.APIConnectionError as error:
                raise NodeError(BUSY, {"reason": "no connection"}) from error
            except sdk.APIStatusError as error:
                busy = error.status_code in {408, 409, 429} or error.status_code >= 500
                reason = f"{error.status_code} {_said(error.body)}".strip()
                raise NodeError(BUSY if busy else REFUSED, {"reason": reason}) from error


def _sdk() -> Any:
    try:
        return importlib.import_module("anthropic")
    except ImportError as error:
        raise NodeError(NOT_INSTALLED) from error


def _said(body: Any) -> str:
    """The service's own sentence out of an error body."""
    inner = body.get("error") if isinstance(body, dict) else None
    message = inner.get("message") if isinstance(inner, dict) else None
    return str(message)[:300] if message else ""


def _reply(message: Any) -> LlmReply:
    words = "".join(block.text for block in message.content if block.type == "text")
    return LlmReply(
        text=words,
        model=message.model,
        input_tokens=message.usage.input_tokens,
        output_tokens=message.usage.output_tokens,
        stop_reason=message.stop_reason or "",
    )
