"""What a node sees on a worker that does it for another worker's run: the run's workspace, and a place
to leave lines and progress for the run."""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from apps.executions.adapters.host import DjangoHost
from sage_studio.engine.context import MAX_LOG_LINE_LENGTH, PROGRESS_INTERVAL_S
from sage_studio.engine.executors.call import NodeCall
from sage_studio.engine.executors.errors import NOT_OFFERED
from sage_studio.engine.masks import Masks
from sage_studio.engine.spending import MeteredLlm, Reserve, least_left
from sage_studio.kernel import Json, JsonObject, SageError
from sage_studio.sdk import Price


class JobContext:
    """Implements ``sage_studio.sdk.Context`` apart from bodies, waits and sub-flows: nodes that use those
    stay with their run."""

    def __init__(self, call: NodeCall, host: DjangoHost, threads: ThreadPoolExecutor) -> None:
        self._host = host
        self._masks = Masks(host.secrets_seen)
        self._threads = threads
        self._notes: list[JsonObject] = []
        self._progress_at = float("-inf")
        self.config = call.config
        self.run_id = call.run_id
        self.flow_id = call.flow_id
        self.node_id = call.node_id
        self.iteration_path = call.iteration_path
        self.attempt = call.attempt
        self.idempotency_key = call.idempotency_key
        self.deadline: datetime | None = datetime.now(UTC) + timedelta(seconds=call.timeout_s)
        self.cancelled = False
        self.http, self.files, self.blobs, self.vectors = host.http, host.files, host.blobs, host.vectors
        self.llm = MeteredLlm(host.llm, self)
        self.notifier, self.state = host.notifier, host.state(call.flow_id)
        self._spent_here = 0
        self._reserve = Reserve()

    def take_notes(self) -> list[JsonObject]:
        """What was said since the last time."""
        notes, self._notes = self._notes, []
        return notes

    def log(self, message: str, *, level: str = "info", **fields: Json) -> None:
        line = self._masks.text(str(message)[: 2 * MAX_LOG_LINE_LENGTH])[:MAX_LOG_LINE_LENGTH]
        self._notes.append(
            {"kind": "log", "message": line, "level": level, "fields": self._masks.value(fields)}
        )

    def progress(self, done: int, total: int | None = None, message: str = "") -> None:
        now = time.monotonic()
        if now - self._progress_at < PROGRESS_INTERVAL_S and done != total:
            return
        self._progress_at = now
        text = self._masks.text(message)
        self._notes.append({"kind": "progress", "done": done, "total": total, "message": text})

    # Money. The run's own account is with its worker; what this worker is about to spend counts here.

    prefers_cheaper = False

    def cost(self, micros: int, *, currency: str = "USD", what: str = "", **facts: Json) -> None:
        self._spent_here += micros
        note: JsonObject = {"kind": "cost", "micros": micros, "currency": currency, "what": what}
        self._notes.append({**note, "facts": facts})

    async def afford(self, micros: int = 0, *, currency: str = "USD") -> None:
        async with self.reserved(micros, currency=currency):
            return

    def reserved(self, micros: int, *, currency: str) -> AbstractAsyncContextManager[None]:
        return self._reserve.hold(micros, currency, self.left)

    async def left(self, currency: str = "") -> int | None:
        limits = await self._host.allowances(None)
        if not limits:
            return None
        return least_left(
            limits, currency, await self._host.spent() + self._spent_here + self._reserve.micros
        )

    async def price(self, model: str) -> Price | None:
        return await self._host.price(model)

    async def credential(self, name: str, *, host: str = "", port: int | None = None) -> Mapping[str, str]:
        return await self._host.credential(name, host=host, port=port)

    async def in_thread(self, function: Callable[..., Any], *args: Any) -> Any:
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, partial(context.run, function, *args))

    def __getattr__(self, name: str) -> Any:
        if name in ("body", "sections", "wait_until", "wait_for", "flow"):
            raise SageError(NOT_OFFERED, {"method": f"context.{name}"})
        raise AttributeError(name)
