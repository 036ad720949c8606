"""What a run costs and what it may cost.

Nodes say what they are about to spend (``ctx.afford``) and what they have spent (``ctx.cost``); prompts to
a language model are metered here on their behalf. Budgets are those of the run's own flow and of the runs
it was started by. When the next step would go beyond one, the run pauses (``budget``) before the money is
spent: raised, it goes on at that step.

A budget holds within one run. Runs that one run starts count towards it as soon as their costs are on
record, so several of them on different workers may each have one call under way more than it covers.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, Unpack

from sage_studio.engine.errors import BUDGET_CURRENCY, BUDGET_NO_PRICE, BUDGET_REACHED
from sage_studio.engine.host import Allowance
from sage_studio.engine.records import FlowState, RunOutcome
from sage_studio.kernel import JsonObject, SageError
from sage_studio.sdk.llm import (
    Ask,
    Drawn,
    Embedded,
    LlmClient,
    LlmReply,
    ModelProtocol,
    Transcript,
    Usage,
    Where,
    usage_json,
    usage_of,
)
from sage_studio.sdk.money import MICROS, Price, tokens_in, usage_micros

if TYPE_CHECKING:
    from sage_studio.engine.run import ActiveRun

T = TypeVar("T")
PAUSED_FOR_BUDGET = "budget"
_PAUSING = frozenset({BUDGET_REACHED.code, BUDGET_NO_PRICE.code, BUDGET_CURRENCY.code})


@dataclass(frozen=True, slots=True)
class SpendingPlan:
    """What a run begins with: what it spent before it was taken up, and the nodes that use their cheaper
    model so that the budget is expected to last (``optimise.costs``)."""

    spent_micros: int = 0
    currency: str = ""
    cheaper: Collection[str] = ()


class Meter(Protocol):
    """What metering a call asks of a context."""

    @property
    def prefers_cheaper(self) -> bool: ...

    async def price(self, model: str) -> Price | None: ...

    async def left(self, currency: str = "") -> int | None:
        """What may still be spent, in micros; None without a budget."""
        ...

    async def afford(self, micros: int = 0, *, currency: str = "USD") -> None: ...

    def cost(self, micros: int, *, currency: str = "USD", what: str = "", **facts: Any) -> None: ...

    def reserved(self, micros: int, *, currency: str) -> AbstractAsyncContextManager[None]:
        """``afford``, and nobody else of this run may spend it meanwhile."""
        ...

    def log(self, message: str, *, level: str = "info", **fields: Any) -> None: ...


class Reserve:
    """What is promised to work under way, in micros."""

    def __init__(self) -> None:
        self.micros = 0
        self._deciding = asyncio.Lock()

    @asynccontextmanager
    async def hold(
        self, micros: int, currency: str, left: Callable[[str], Awaitable[int | None]]
    ) -> AsyncIterator[None]:
        """Promise ``micros`` for as long as the block lasts, if ``left``, which counts the reserve, covers
        them. One after the other: what is asked for later and refused must not count against who asked
        first. Raises SageError ``budget.reached``."""
        is_counted = False
        try:
            async with self._deciding:
                self.micros += micros
                is_counted = True
                refuse_beyond(await left(currency), micros, currency)
            yield
        finally:
            if is_counted:
                self.micros -= micros


class Spending:
    """The account of one run."""

    def __init__(self, run: ActiveRun, begun: SpendingPlan) -> None:
        self._run = run
        self.micros = begun.spent_micros
        budget = run.plan.document.settings.budget
        # What is reported in another currency first must not keep the budget's from being counted.
        self.currency = begun.currency or ("" if budget is None else budget.currency)
        self.cheaper = frozenset(begun.cheaper)
        self._reserve = Reserve()

    def note(self, micros: int, currency: str) -> bool:
        """Add a cost; False when the run counts in another currency."""
        if self.currency and self.currency != currency:
            return False
        self.currency = currency
        self.micros += micros
        self._run.journal.spent(self.micros, currency)
        return True

    async def left(self, currency: str = "") -> int | None:
        """What may still be spent under every budget, in micros; None without one.

        Raises SageError ``budget.currency`` when a budget is in another currency.
        """
        limits = await self._run.host.allowances(self._run.plan.document.settings.budget)
        return least_left(limits, currency, self.micros + self._reserve.micros)

    async def afford(self, micros: int, currency: str) -> None:
        """Raises SageError ``budget.reached`` when the budget does not cover ``micros`` more."""
        async with self.reserved(micros, currency):
            return

    def reserved(self, micros: int, currency: str) -> AbstractAsyncContextManager[None]:
        """``afford``, and nobody else of this run may spend it meanwhile."""
        return self._reserve.hold(micros, currency, self.left)

    def stops_run(self, error: BaseException, node_id: str, path: str) -> bool:
        """Whether a node's error is that there is no money for it: the run then pauses."""
        if not isinstance(error, SageError) or error.code.code not in _PAUSING:
            return False
        problem = error.problem(node_id=node_id, iteration_path=path)
        outcome = RunOutcome(FlowState.PAUSED, error=problem, reason=PAUSED_FOR_BUDGET)
        self._run.stop(outcome, lets_finish=True)
        return True


class MeteredLlm:
    """A language model whose prompts are afforded before they are sent and counted when answered."""

    __slots__ = ("_llm", "_meter")

    def __init__(self, llm: LlmClient, meter: Meter) -> None:
        self._llm = llm
        self._meter = meter

    @property
    def available(self) -> bool:
        return self._llm.available

    @property
    def default_model(self) -> str:
        return self._llm.default_model

    async def warm(self, protocol: ModelProtocol = "anthropic") -> None:
        await self._llm.warm(protocol)

    async def chat(
        self,
        *,
        prompt: str = "",
        model: str | None = None,
        max_tokens: int = 1024,
        cheaper_model: str | None = None,
        **ask: Unpack[Ask],
    ) -> LlmReply:
        """As the client's; ``cheaper_model`` is asked instead when the plan or what is left of the budget
        says so. Raises SageError ``budget.*`` before anything is sent."""
        meter = self._meter
        is_own = not ask.get("service")
        asked = model or (self._llm.default_model if is_own else "")
        tokens = prompt_tokens(prompt, ask)
        if cheaper_model and cheaper_model != asked and await self._is_too_dear(asked, tokens, max_tokens):
            meter.log("cheaper_model", model=cheaper_model, instead_of=asked)
            asked = cheaper_model
        used = ask.setdefault("usage", Usage())

        async def send() -> LlmReply:
            reply = await self._llm.chat(prompt=prompt, model=asked, max_tokens=max_tokens, **ask)
            # Whoever answers tells; what it has noted on the way counts when it breaks off.
            used.take(usage_of(reply))
            return reply

        return await self._paid(asked, used, most=(tokens, max_tokens), send=send)

    async def embed(self, texts: Sequence[str], *, model: str, **where: Unpack[Where]) -> Embedded:
        used = Usage()

        async def send() -> Embedded:
            made = await self._llm.embed(texts, model=model, **where)
            used.input_tokens = made.usage.input_tokens
            return made

        return await self._paid(model, used, most=(tokens_in(*texts), 0), send=send)

    async def draw(self, prompt: str, *, model: str, settings: JsonObject, **where: Unpack[Where]) -> Drawn:
        """Services that count by picture are paid for by the node, which knows how many it wants."""
        made = await self._llm.draw(prompt, model=model, settings=settings, **where)
        await self._note(model, made.usage)
        return made

    async def transcribe(
        self, content: bytes, *, name: str, model: str, settings: JsonObject, **where: Unpack[Where]
    ) -> Transcript:
        """Services that count by the minute are paid for by the node, which hears how long it was."""
        made = await self._llm.transcribe(content, name=name, model=model, settings=settings, **where)
        await self._note(model, made.usage)
        return made

    async def _note(self, model: str, used: Usage) -> None:
        """Count what a service has said it used."""
        price = await self._meter.price(model) if used.input_tokens or used.output_tokens else None
        if price is not None:
            self._charge(model, price, used)

    async def _paid(
        self, model: str, used: Usage, *, most: tuple[int, int], send: Callable[[], Awaitable[T]]
    ) -> T:
        """``send``, afforded before (``most`` tokens in and out) and counted after, also when it breaks off
        or is cancelled in the middle."""
        price = await self._meter.price(model)
        if price is None:
            if await self._meter.left() is not None:
                raise SageError(BUDGET_NO_PRICE, {"model": model})
            return await send()
        currency = price["currency"]
        async with self._meter.reserved(usage_micros(price, *most), currency=currency):
            try:
                return await send()
            finally:
                if used != Usage():
                    self._charge(model, price, used)

    def _charge(self, model: str, price: Price, used: Usage) -> None:
        micros = usage_micros(
            price,
            used.input_tokens,
            used.output_tokens,
            cache_read=used.cache_read_tokens,
            cache_write=used.cache_write_tokens,
        )
        self._meter.cost(micros, currency=price["currency"], what=model, **usage_json(used))

    async def _is_too_dear(self, model: str, tokens: int, max_tokens: int) -> bool:
        if self._meter.prefers_cheaper:
            return True
        price = await self._meter.price(model)
        if price is None:
            return await self._meter.left() is not None
        left = await self._meter.left(price["currency"])
        return left is not None and left < usage_micros(price, tokens, max_tokens)


# What a picture counts about as much as, with the services that say.
_TOKENS_PER_IMAGE = 1_600


def prompt_tokens(prompt: str, ask: Ask) -> int:
    """About how many tokens a prompt has, with all that is sent along."""
    turns = ask.get("messages", ())
    texts = [prompt, ask.get("system", ""), *(turn["content"] for turn in turns)]
    extras = [ask.get("schema"), ask.get("tools"), *(turn.get("tool_calls") for turn in turns)]
    texts.extend(json.dumps(extra, default=str) for extra in extras if extra)
    images = len(ask.get("images", ())) + sum(len(turn.get("images", ())) for turn in turns)
    return tokens_in(*texts) + _TOKENS_PER_IMAGE * images


def least_left(limits: Sequence[Allowance], currency: str, spent_micros: int) -> int | None:
    """What the tightest of the budgets leaves; None without any. Without ``currency`` none is asked for.

    Raises SageError ``budget.currency`` when one is in another currency.
    """
    for limit in limits:
        if currency and limit.currency != currency:
            raise SageError(BUDGET_CURRENCY, {"budget": limit.currency, "price": currency})
    lefts = [limit.limit_micros - limit.elsewhere_micros - spent_micros for limit in limits]
    return min(lefts) if lefts else None


def refuse_beyond(left: int | None, micros: int, currency: str) -> None:
    """``left`` is what is left once ``micros`` are spent. Raises SageError ``budget.reached`` when that is
    less than nothing, or when nothing is left for a step whose price is not known before."""
    if left is None or left > 0 or (left == 0 and micros):
        return
    facts = {"left": money(max(left + micros, 0), currency), "next": money(micros, currency)}
    raise SageError(BUDGET_REACHED, dict(facts))


def money(micros: int, currency: str) -> str:
    """An amount in words every language reads: ``0.0123 USD``."""
    whole = f"{micros / MICROS:.6f}".rstrip("0")
    return f"{whole}{'0' * max(0, 2 - len(whole.partition('.')[2]))} {currency}"
