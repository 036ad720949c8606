"""One prompt with everything it says, as the providers take it."""

from __future__ import annotations

import asyncio
import importlib
from dataclasses import dataclass
from typing import Any, Protocol

from sage_studio.plugins.models.errors import NOT_INSTALLED
from sage_studio.sdk import Ask, Embedded, LlmMessage, LlmReply, NodeError, Usage


@dataclass(frozen=True, slots=True)
class Prompt:
    """``turns`` ends with what is asked; ``ask`` holds the rest; ``usage`` is filled as it becomes known."""

    model: str
    turns: list[LlmMessage]
    max_tokens: int
    ask: Ask
    usage: Usage


class Chatting(Protocol):
    """A service that can be talked to."""

    async def chat(self, prompt: Prompt) -> LlmReply: ...


class Embedding(Protocol):
    async def embed(self, texts: list[str], model: str) -> Embedded: ...


def prompt_of(prompt: str, *, model: str, max_tokens: int, ask: Ask) -> Prompt:
    turns = list(ask.get("messages", ()))
    if prompt or not turns:
        turn = LlmMessage(role="user", content=prompt)
        if images := ask.get("images"):
            turn["images"] = images
        turns.append(turn)
    usage = ask.get("usage")
    return Prompt(model, turns, max_tokens, ask, Usage() if usage is None else usage)


async def sdk(name: str) -> Any:
    """An SDK, loaded off the loop: that takes a second or more. Raises NodeError ``llm.not_installed``."""
    try:
        return await asyncio.to_thread(importlib.import_module, name)
    except ImportError as error:
        raise NodeError(NOT_INSTALLED) from error
