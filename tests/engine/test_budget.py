"""What runs cost, what stops when a budget is used up, and how it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, ClassVar

import pytest

from sage_studio.engine import (
    Allowance,
    FlowState,
    MemoryRunStore,
    RunOptions,
    RunResult,
    SpendingPlan,
    compile_flow,
    run_flow,
)
from sage_studio.flow import parse_plain
from sage_studio.flow.document import Budget
from sage_studio.plugins.registry import NodeRegistry
from sage_studio.sdk import Context, LlmReply, Node, NodeOutput, Port, StreamNode, text
from tests.engine.nodes import NODES, FakeHost, config, flow, node, spec

DEAR, CHEAP = "claude-sonnet-4-5", "claude-haiku-4-5"
# 1,000 tokens out at 15 dollars a million.
ONE_CALL = 15_000


class Prompting(Node):
    """Asks a model for exactly 1,000 tokens; nothing in."""

    spec: ClassVar = spec(
        "prompting",
        effect="idempotent",
        config=(config("model", default=DEAR), config("cheaper", default="")),
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        reply = await ctx.llm.chat(
            prompt="",
            model=ctx.config["model"],
            max_tokens=1_000,
            cheaper_model=ctx.config["cheaper"] or None,
        )
        return {"value": reply["model"]}


class Buying(Node):
    """Spends without asking first, in a thread."""

    spec: ClassVar = spec("buying", effect="idempotent", blocking=True, config=(config("micros"),))

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        await ctx.afford()
        ctx.cost(int(ctx.config["micros"]), what="a map")
        return {"value": "bought"}


class Goods(StreamNode):
    """Two items as a stream."""

    spec: ClassVar = spec(
        "goods", inputs=(), outputs=(Port(name="items", type="stream<any>", label=text("", "")),)
    )

    async def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[NodeOutput]:
        for number in range(2):
            yield {"items": number}


class BuyingStream(StreamNode):
    """Buys every item of a stream."""

    spec: ClassVar = spec(
        "buying_stream",
        inputs=(Port(name="items", type="stream<any>", label=text("", "")),),
        outputs=(Port(name="items", type="stream<any>", label=text("", "")),),
    )

    async def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[NodeOutput]:
        async for item in inputs["items"]:
            await ctx.afford(6_000)
            ctx.cost(6_000, what="a map")
            yield {"items": item}


class Abroad(Node):
    """Spends in another currency than anybody asked about."""

    spec: ClassVar = spec("abroad", effect="idempotent")

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        ctx.cost(1, currency="CNY", what="a map")
        return {"value": "bought"}


class Model:
    """A model that answers at once and writes down what it was asked."""

    available = True
    default_model = DEAR

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def chat(self, *, model: str, max_tokens: int, **_: Any) -> LlmReply:
        self.asked.append(model)
        await asyncio.sleep(0)
        return LlmReply(text="", model=model, input_tokens=0, output_tokens=max_tokens, stop_reason="")


class MoneyHost(FakeHost):
    """``raised`` is what a person has made of the flow's budget, in cents."""

    def __init__(self, raised: int | None = None, looks_up_for: int = 0) -> None:
        super().__init__()
        self.llm = Model()
        self._raised = raised
        self._looks_up_for = looks_up_for

    async def allowances(self, budget: Budget | None) -> Sequence[Allowance]:
        for _turn in range(self._looks_up_for):
            await asyncio.sleep(0)
        if budget is not None and self._raised is not None:
            budget = Budget(amount=self._raised, currency=budget.currency)
        return await super().allowances(budget)


CLASSES: dict[str, type[Node]] = {
    **NODES,
    "prompting": Prompting,
    "buying": Buying,
    "goods": Goods,
    "buying_stream": BuyingStream,
    "abroad": Abroad,
}


async def spend(
    body: dict[str, Any],
    host: MoneyHost,
    *,
    store: MemoryRunStore | None = None,
    before: SpendingPlan | None = None,
) -> RunResult:
    with ThreadPoolExecutor(2) as threads:
        return await run_flow(
            compile_flow(parse_plain(body), NodeRegistry(CLASSES.values())),
            run_id="run-1",
            inputs={},
            store=store or MemoryRunStore(),
            host=host,
            threads=threads,
            options=RunOptions(spending=before),
        )


def chain(count: int, cents: int | None, currency: str = "USD", **settings: Any) -> dict[str, Any]:
    names = [f"p{number}" for number in range(count)]
    nodes = [node(name, "prompting", **settings) for name in names]
    wires = [f"{before}>{after}" for before, after in pairwise(names)]
    budget = {} if cents is None else {"budget": {"amount": cents, "currency": currency}}
    return flow(nodes, wires, settings=budget)


async def test_what_prompts_cost_adds_up_and_is_told_per_attempt() -> None:
    store = MemoryRunStore()
    result = await spend(chain(2, None), MoneyHost(), store=store)
    assert (result.cost_micros, result.currency) == (2 * ONE_CALL, "USD")
    records = store.nodes["run-1"]
    assert records["p1", "", 1].resources == {"cost": {"micros": ONE_CALL, "currency": "USD"}}
    costs = [event.data for event in store.events["run-1"] if event.type == "node_cost"]
    assert [(cost["what"], cost["output_tokens"]) for cost in costs] == [(DEAR, 1_000)] * 2


async def test_a_run_pauses_before_the_step_its_budget_does_not_cover_and_goes_on_when_raised() -> None:
    store, host = MemoryRunStore(), MoneyHost()
    result = await spend(chain(3, 4), host, store=store)
    assert result.state is FlowState.PAUSED
    assert result.reason == "budget"
    assert result.error is not None
    assert result.error["code"] == "budget.reached"
    assert result.error["details"] == {"left": "0.01 USD", "next": "0.015 USD"}
    assert (len(host.llm.asked), result.cost_micros) == (2, 2 * ONE_CALL)

    again = MoneyHost(raised=5)
    done = await spend(chain(3, 4), again, store=store, before=SpendingPlan(result.cost_micros, "USD"))
    assert done.state is FlowState.COMPLETED
    assert (len(again.llm.asked), done.cost_micros) == (1, 3 * ONE_CALL)
    assert all(attempt == 1 for _, _, attempt in store.nodes["run-1"])


@pytest.mark.parametrize("looks_up_for", [0, 50])
async def test_prompts_side_by_side_never_spend_the_same_money(looks_up_for: int) -> None:
    """Nor does one that is refused, however long the look into the budget takes, cost another its place."""
    host = MoneyHost(looks_up_for=looks_up_for)
    body = flow([node(f"p{i}", "prompting") for i in range(8)], settings={"budget": {"amount": 5}})
    result = await spend(body, host)
    assert result.state is FlowState.PAUSED
    assert len(host.llm.asked) == 3
    assert result.error is not None
    assert result.error["details"] == {"left": "0.005 USD", "next": "0.015 USD"}


async def test_the_cheaper_model_is_asked_when_the_budget_does_not_cover_the_other() -> None:
    host = MoneyHost()
    result = await spend(chain(3, 4, cheaper=CHEAP), host)
    assert result.state is FlowState.COMPLETED
    assert host.llm.asked == [DEAR, DEAR, CHEAP]
    assert result.cost_micros == 2 * ONE_CALL + 5_000


async def test_the_cheaper_model_is_asked_where_the_plan_says_so() -> None:
    host = MoneyHost()
    await spend(chain(2, None, cheaper=CHEAP), host, before=SpendingPlan(cheaper={"p0"}))
    assert host.llm.asked == [CHEAP, DEAR]


async def test_with_a_budget_a_model_without_a_price_is_not_asked() -> None:
    host = MoneyHost()
    result = await spend(chain(1, 100, model="nobodys-model"), host)
    assert (result.state, result.reason) == (FlowState.PAUSED, "budget")
    assert result.error is not None
    assert result.error["code"] == "budget.no_price"
    assert not host.llm.asked
    assert (await spend(chain(1, None, model="nobodys-model"), host)).state is FlowState.COMPLETED


async def test_a_budget_in_another_currency_is_refused_in_its_own_words() -> None:
    result = await spend(chain(1, 100, currency="EUR"), MoneyHost())
    assert result.error is not None
    assert result.error["code"] == "budget.currency"


async def test_any_node_reports_what_it_has_spent_and_asks_before() -> None:
    names = ["a", "b", "c"]
    body = flow([node(name, "buying", micros=6_000) for name in names], ["a>b", "b>c"])
    body["settings"] = {"budget": {"amount": 1, "currency": "USD"}}
    result = await spend(body, MoneyHost())
    assert (result.state, result.reason) == (FlowState.PAUSED, "budget")
    assert result.cost_micros == 12_000
    assert result.node_state("b") == "completed"


async def test_a_run_pauses_for_a_node_inside_of_a_pipeline_as_for_any_other() -> None:
    store = MemoryRunStore()
    body = flow([node("all", "goods"), node("buy", "buying_stream")], ["all:items>buy:items"])
    body["settings"] = {"budget": {"amount": 1, "currency": "USD"}}
    result = await spend(body, MoneyHost(), store=store)
    assert (result.state, result.reason) == (FlowState.PAUSED, "budget")
    before = SpendingPlan(result.cost_micros, "USD")
    ended = await spend(body, MoneyHost(raised=100), store=store, before=before)
    assert ended.state is FlowState.COMPLETED, ended.error


async def test_what_is_spent_in_another_currency_does_not_hide_what_the_budget_counts() -> None:
    body = flow([node("a", "abroad"), node("b", "prompting"), node("c", "prompting")], ["a>b", "b>c"])
    body["settings"] = {"budget": {"amount": 2, "currency": "USD"}}
    result = await spend(body, MoneyHost())
    assert (result.state, result.reason) == (FlowState.PAUSED, "budget")
    assert result.cost_micros == ONE_CALL
