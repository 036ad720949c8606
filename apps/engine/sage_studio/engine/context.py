"""What one attempt of one node sees of the world: the SDK's ``Context`` over a run's host."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

from sage_studio.engine.host import Host
from sage_studio.engine.masks import Masks
from sage_studio.kernel import Clock, Json, JsonObject
from sage_studio.sdk.context import (
    BlobStore,
    FileStore,
    HttpClient,
    LlmClient,
    Notifier,
    StateMap,
    VectorStore,
)

MAX_LOG_LINE_LENGTH = 8_000
PROGRESS_INTERVAL_S = 0.2


class RunVoice(Protocol):
    """What a context needs of its run."""

    run_id: str
    flow_id: str
    host: Host
    masks: Masks
    clock: Clock
    threads: ThreadPoolExecutor

    @property
    def is_stopping(self) -> bool: ...

    def say(self, type_: str, node_id: str, attempt: int, data: JsonObject) -> None:
        """Append an event of a node."""
        ...


class RunContext:
    """Implements ``sage_studio.sdk.Context``; one per attempt, made cheaply because there are many."""

    __slots__ = ("_deadline_at", "_progress_at", "_run", "attempt", "config", "iteration_path", "node_id")

    def __init__(
        self, run: RunVoice, node_id: str, attempt: int, config: Mapping[str, Any], deadline_at: float
    ) -> None:
        self._run = run
        self._deadline_at = deadline_at
        self._progress_at = float("-inf")
        self.node_id = node_id
        self.attempt = attempt
        self.config = config
        self.iteration_path = ""

    @property
    def run_id(self) -> str:
        return self._run.run_id

    @property
    def flow_id(self) -> str:
        return self._run.flow_id

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt of this node in this run, also on another worker."""
        return f"{self._run.run_id}:{self.node_id}:{self.iteration_path}"

    @property
    def deadline(self) -> datetime | None:
        return datetime.fromtimestamp(self._deadline_at, UTC)

    @property
    def http(self) -> HttpClient:
        return self._run.host.http

    @property
    def files(self) -> FileStore:
        return self._run.host.files

    @property
    def blobs(self) -> BlobStore:
        return self._run.host.blobs

    @property
    def vectors(self) -> VectorStore:
        return self._run.host.vectors

    @property
    def llm(self) -> LlmClient:
        return self._run.host.llm

    @property
    def notifier(self) -> Notifier:
        return self._run.host.notifier

    @property
    def state(self) -> StateMap:
        return self._run.host.state(self._run.flow_id)

    @property
    def cancelled(self) -> bool:
        return self._run.is_stopping

    def log(self, message: str, *, level: str = "info", **fields: Json) -> None:
        masks = self._run.masks
        line = masks.text(str(message)[:MAX_LOG_LINE_LENGTH])
        data: JsonObject = {"level": level, "message": line, "fields": masks.value(fields)}
        self._run.say("log", self.node_id, self.attempt, data)

    def progress(self, done: int, total: int | None = None, message: str = "") -> None:
        """Shown at most five times a second; the last step (``done == total``) always."""
        now = self._run.clock.monotonic()
        if now - self._progress_at < PROGRESS_INTERVAL_S and done != total:
            return
        self._progress_at = now
        data: JsonObject = {"done": done, "total": total, "message": self._run.masks.text(message)}
        self._run.say("node_progress", self.node_id, self.attempt, data)

    async def credential(self, name: str) -> Mapping[str, str]:
        fields = await self._run.host.credential(name)
        self._run.masks.learn(fields.values())
        return fields

    async def in_thread(self, function: Callable[..., Any], *args: Any) -> Any:
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._run.threads, partial(context.run, function, *args))
