"""What an agent has said and done so far, kept so that a crash costs nothing twice.

It is written before every tool is called and after every answer of the model. Taken up again, the model is
not asked once more for what it has said, and a tool of the body that has finished answers from its record.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any

from sage_studio.kernel import SageError
from sage_studio.sdk import Context, LlmMessage, ToolCall, Usage


@dataclass
class Memory:
    """``turns`` is the conversation, ``wishes`` the calls of its last turn that are still to be done,
    ``begun`` the number of a server's tool that was being called: nobody knows what became of it."""

    turns: list[LlmMessage] = field(default_factory=list)
    wishes: list[ToolCall] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    plan: list[str] = field(default_factory=list)
    at: int = 0
    asked: int = 0
    called: int = 0
    begun: int = -1
    used: dict[str, int] = field(default_factory=dict)
    model: str = ""

    def usage(self) -> Usage:
        return Usage(**self.used)


class MemoryKeeper:
    """Where the memory of one attempt is kept."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        digest = hashlib.sha256(f"{ctx.idempotency_key}@{ctx.attempt}".encode()).hexdigest()
        self._name = f"agent:{digest[:32]}"

    async def recall(self) -> Memory | None:
        """What was kept; None at the beginning."""
        key = await self._ctx.state.get(self._name)
        if not isinstance(key, str):
            return None
        try:
            return Memory(**json.loads(await self._ctx.blobs.get(key)))
        except SageError:
            return None

    async def keep(self, memory: Memory) -> None:
        content = json.dumps(asdict(memory), ensure_ascii=False).encode()
        await self._ctx.state.set(self._name, await self._ctx.blobs.put(content, mime="application/json"))

    async def forget(self) -> None:
        await self._ctx.state.set(self._name, None)
