"""What one attempt of one node sees of the world: the SDK's ``Context`` over a run's host."""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast

from sage_studio.engine.attempt import Attempt, Slots
from sage_studio.engine.bodies import Bodies
from sage_studio.engine.chunks import bulk_of, chunk_place, chunk_size
from sage_studio.engine.errors import CHILD_CANCELLED, NO_BODY
from sage_studio.engine.records import signal_key
from sage_studio.engine.spending import MeteredLlm
from sage_studio.kernel import Json, JsonObject, Problem, SageError
from sage_studio.sandbox import CodeRunner, code_runner
from sage_studio.sdk import BodyFailed, BodyResult
from sage_studio.sdk.context import (
    BlobStore,
    Context,
    FileStore,
    HttpClient,
    LlmClient,
    Notifier,
    StateMap,
    VectorStore,
)
from sage_studio.sdk.money import Price

FLOW_SIGNAL = "flow"
MAX_LOG_LINE_LENGTH = 8_000
PROGRESS_INTERVAL_S = 0.2


class RunContext:
    """Implements ``sage_studio.sdk.Context``; one per attempt, made cheaply because there are many."""

    __slots__ = (
        "_attempt", "_deadline_at", "_progress_at", "_run", "attempt", "config", "iteration_path", "node_id",
    )  # fmt: skip

    def __init__(self, attempt: Attempt, config: Mapping[str, Any], deadline_at: float) -> None:
        scope = attempt.scope
        self._attempt = attempt
        self._run = scope.run
        self._deadline_at = deadline_at
        self._progress_at = float("-inf")
        self.node_id = attempt.node.id
        self.attempt = attempt.number
        self.config = config
        self.iteration_path = scope.path

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
        return MeteredLlm(self._run.host.llm, self)

    @property
    def notifier(self) -> Notifier:
        return self._run.host.notifier

    @property
    def state(self) -> StateMap:
        return self._run.host.state(self._run.flow_id)

    @property
    def code(self) -> CodeRunner:
        return code_runner()

    @property
    def cancelled(self) -> bool:
        return self._attempt.scope.is_stopping

    def log(self, message: str, *, level: str = "info", **fields: Json) -> None:
        masks = self._run.masks
        line = masks.text(str(message)[: 2 * MAX_LOG_LINE_LENGTH])[:MAX_LOG_LINE_LENGTH]
        data: JsonObject = {"level": level, "message": line, "fields": masks.value(fields)}
        self._attempt.scope.say("log", self.node_id, self.attempt, data)

    def progress(self, done: int, total: int | None = None, message: str = "") -> None:
        """Shown at most five times a second; the last step (``done == total``) always."""
        now = self._run.clock.monotonic()
        if now - self._progress_at < PROGRESS_INTERVAL_S and done != total:
            return
        self._progress_at = now
        data: JsonObject = {"done": done, "total": total, "message": self._run.masks.text(message)}
        self._attempt.scope.say("node_progress", self.node_id, self.attempt, data)

    # Money

    def cost(self, micros: int, *, currency: str = "USD", what: str = "", **facts: Json) -> None:
        scope = self._attempt.scope
        is_counted = self._run.spending.note(micros, currency)
        scope.note_cost(self.node_id, micros, currency)
        data: JsonObject = {"micros": micros, "currency": currency, "what": what, "counted": is_counted}
        scope.say("node_cost", self.node_id, self.attempt, {**data, **facts})

    async def afford(self, micros: int = 0, *, currency: str = "USD") -> None:
        async with self._run.spending.reserved(micros, currency):
            return

    def reserved(self, micros: int, *, currency: str) -> AbstractAsyncContextManager[None]:
        """``afford``, and nobody else of this run may spend it while the block lasts."""
        return self._run.spending.reserved(micros, currency)

    async def left(self, currency: str = "") -> int | None:
        """What may still be spent, in micros; None without a budget."""
        return await self._run.spending.left(currency)

    async def price(self, model: str) -> Price | None:
        return await self._run.host.price(model)

    @property
    def prefers_cheaper(self) -> bool:
        """Whether the run was planned with this node's cheaper model."""
        return self.node_id in self._run.spending.cheaper

    async def credential(self, name: str, *, host: str = "", port: int | None = None) -> Mapping[str, str]:
        return await self._run.host.credential(name, host=host, port=port)

    def blot(self, secrets: Iterable[str]) -> None:
        """Secrets another worker has used on this node's behalf."""
        self._run.masks.learn(secrets)

    @property
    def is_resting(self) -> bool:
        """Whether the run stops only for a while: what is under way elsewhere will be asked for again."""
        return self._run.is_resting

    # Bodies, waits and other flows

    @property
    def sections(self) -> Sequence[str]:
        body = self._attempt.node.body
        return () if body is None else tuple(body.sections)

    async def body(
        self, index: int, given: Mapping[str, Any] | None = None, *, section: str = ""
    ) -> BodyResult:
        return await self._bodies(section).run(index, given or {}, section)

    async def chunk_size(self, count: int, *, at_once: int, wished: int = 0) -> int:
        attempt = self._attempt
        place = await chunk_place(attempt.scope, attempt.node)
        if place is None or attempt.node.body is None:
            return 0
        return chunk_size(bulk_of(attempt.node.body, place), count, at_once, wished)

    async def bodies(
        self, rounds: Sequence[tuple[int, Mapping[str, Any]]], *, stops_at_failure: bool = False
    ) -> Sequence[BodyResult | BodyFailed]:
        place = await chunk_place(self._attempt.scope, self._attempt.node)
        if place is None:
            raise SageError(NO_BODY, {"section": "chunks"})
        context = cast(Context, self)
        return await self._bodies("").run_chunk(rounds, place, context, stops_at_failure=stops_at_failure)

    def _bodies(self, section: str) -> Bodies:
        attempt = self._attempt
        if attempt.node.body is None:
            raise SageError(NO_BODY, {"section": section})
        if attempt.bodies is None:
            attempt.bodies = Bodies(attempt, attempt.node.body)
        return attempt.bodies

    @property
    def waits(self) -> dict[str, Any]:
        """The recorded waits of this attempt, by name."""
        return self._attempt.load_waits()

    async def wait_until(self, at: float, *, name: str = "time") -> None:
        await self._run.waiting.wait(self, name, at, {}, for_signal=False)

    async def wait_for(
        self, name: str, *, details: JsonObject | None = None, timeout_s: float | None = None
    ) -> Json:
        until = None if timeout_s is None else self._run.now() + timeout_s
        return await self._run.waiting.wait(self, name, until, details or {}, for_signal=True)

    async def flow(self, ref: str, inputs: Mapping[str, Any], *, version: str = "") -> Mapping[str, Any]:
        run = self._run
        # An attempt that was lost with its worker may have started the child: the next one must find it.
        name = f"{FLOW_SIGNAL}@{self.attempt - self._attempt.scope.lost.get(self.node_id, 0)}"
        key = signal_key(self.node_id, self.iteration_path, name)
        if run.debugger is not None:
            # Whether somebody steps into this node is in the log; the child's run begins accordingly.
            await run.journal.flush()
        child_id = await run.host.start_flow(
            ref,
            inputs,
            version=version,
            key=key,
            deliver=partial(run.controls.signal, key),
        )
        try:
            answer = await self.wait_for(name, details={"run_id": child_id, "flow": ref})
        except asyncio.CancelledError:
            if not run.is_resting:
                await run.host.cancel_flow(child_id, is_let_go=run.is_let_go or run.journal.is_closed)
            raise
        self._note_child(answer)
        return _child_outputs(answer)

    def _note_child(self, answer: Json) -> None:
        """Count what a child has spent, where its end tells (on the server its row does)."""
        spent = answer.get("cost") if isinstance(answer, dict) else None
        if isinstance(spent, dict) and spent.get("micros"):
            self._run.spending.note(int(cast(int, spent["micros"])), str(spent["currency"]))

    @property
    def slots(self) -> Slots | None:
        return self._attempt.slots

    def note_cpu(self, seconds: float) -> None:
        """Add processor time this attempt took in threads of the pool; its record will tell."""
        used = self._attempt.scope.cpu_s
        used[self.node_id] = used.get(self.node_id, 0.0) + seconds

    def note_waiting(self, name: str, shown: JsonObject) -> None:
        """Record that the attempt waits."""
        attempt = self._attempt
        attempt.scope.record(
            attempt.node, attempt.number, "waiting", attempt.began, waits=attempt.recorded_waits
        )
        self.tell_waiting(name, shown)

    def tell_waiting(self, name: str, shown: JsonObject) -> None:
        """Tell those who watch that the attempt waits."""
        self._attempt.scope.say("node_waiting", self.node_id, self.attempt, {"name": name, **shown})

    def note_working(self) -> None:
        """Record that the attempt goes on, with what its wait has brought."""
        attempt = self._attempt
        attempt.scope.record(
            attempt.node, attempt.number, "running", attempt.began, waits=attempt.recorded_waits
        )

    @contextmanager
    def clock_stopped(self) -> Iterator[None]:
        """The node's time limit does not run while it waits for somebody else."""
        attempt = self._attempt
        attempt.is_waiting = True
        attempt.scope.step_aside()
        if attempt.limit is not None:
            attempt.limit.reschedule(None)
        try:
            yield
        finally:
            attempt.is_waiting = False
            attempt.scope.step_back()
            if attempt.limit is not None and not attempt.limit.expired():
                attempt.limit.reschedule(self._run.loop.time() + attempt.node.timeout_s)

    async def in_thread(self, function: Callable[..., Any], *args: Any) -> Any:
        variables = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        work = partial(variables.run, function, *args)
        return await loop.run_in_executor(self._run.threads, measured, work, loop, self.note_cpu)


def measured(work: Callable[[], Any], loop: asyncio.AbstractEventLoop, note: Callable[[float], None]) -> Any:
    """Do ``work`` in this thread; ``note`` hears of its processor time on the loop, before the loop hears
    of the result, which takes the same way."""
    began_s = time.thread_time()
    try:
        return work()
    finally:
        with suppress(RuntimeError):  # the loop is gone, and with it whoever would listen
            loop.call_soon_threadsafe(note, time.thread_time() - began_s)


def _child_outputs(answer: Json) -> Mapping[str, Any]:
    """What a child that has ended gave. Raises BodyFailed with its problem when it failed."""
    assert isinstance(answer, dict), "a child's end is an object"
    if answer.get("state") == "completed":
        return cast("Mapping[str, Any]", answer.get("outputs") or {})
    problem = answer.get("error") or SageError(CHILD_CANCELLED).problem()
    raise BodyFailed(cast(Problem, problem))
