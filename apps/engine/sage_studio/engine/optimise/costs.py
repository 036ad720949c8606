"""What a run of a flow is expected to cost, and where a cheaper model is asked so that the budget lasts.

Nodes that ask a language model take part, with their ``cheaper_model``. What it took in earlier runs
counts, by model; for a model it never asked the other's cost in proportion of their prices; without any
the whole of ``max_tokens``. Amounts are in one currency: a price in another is no price here. When the
flow's budget is less than what all is expected to cost, the cheaper model is taken where that saves
most, for as few nodes as it needs. A run looks again before every prompt (``engine.spending``): a
prediction that was wrong costs quality or a pause, never money.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypedDict

from sage_studio.flow.document import FlowDocument, FlowNode
from sage_studio.sdk.money import Price, minor_to_micros, usage_micros

PriceOf = Callable[[str], Price | None]
# Node → model → micros per run, mean over the runs that asked it.
Measured = Mapping[str, Mapping[str, float]]
ASKS_A_MODEL = "llm"
_DEFAULT_TOKENS = 1_024


class CostChoice(TypedDict):
    """What a node is expected to cost with either model (micros per run; None: nobody knows), and which
    it asks."""

    id: str
    model: str
    cheaper_model: str
    micros: float | None
    cheaper_micros: float | None
    is_measured: bool
    is_cheaper: bool


class CostReport(TypedDict):
    """Of the nodes that ask models, in micros: as drawn, as chosen, and what runs really cost (mean, None
    without any). ``budget_micros`` is None without a budget."""

    currency: str
    budget_micros: int | None
    drawn_micros: float
    chosen_micros: float
    measured_micros: float | None
    nodes: list[CostChoice]


def costs_of(
    document: FlowDocument,
    measured: Measured,
    price_of: PriceOf,
    *,
    default_model: str,
    measured_micros: float | None = None,
) -> CostReport | None:
    """The report; None for a flow that asks no model."""
    asking = _asking(document)
    if not asking:
        return None
    currency = counted_in(document, price_of, default_model=default_model)

    def price_here(model: str) -> Price | None:
        price = price_of(model)
        return price if price is not None and price["currency"] == currency else None

    choices = [_choice(node, measured.get(node.id, {}), price_here, default_model) for node in asking]
    budget = document.settings.budget
    limit = None if budget is None else minor_to_micros(budget.amount, budget.currency)
    drawn = sum(choice["micros"] or 0 for choice in choices)
    return CostReport(
        currency=currency,
        budget_micros=limit,
        drawn_micros=drawn,
        chosen_micros=drawn if limit is None else _fit(choices, drawn, limit),
        measured_micros=measured_micros,
        nodes=choices,
    )


def counted_in(document: FlowDocument, price_of: PriceOf, *, default_model: str) -> str:
    """The currency of the report: the budget's, else that of the first price anybody knows."""
    if document.settings.budget is not None:
        return document.settings.budget.currency
    prices = (price_of(str(node.config.get("model") or default_model)) for node in _asking(document))
    return next((price["currency"] for price in prices if price is not None), "USD")


def _asking(document: FlowDocument) -> list[FlowNode]:
    return [node for node in document.nodes if node.type == ASKS_A_MODEL and not node.disabled]


def cheaper_nodes(report: CostReport | None) -> frozenset[str]:
    """The nodes that are to ask their cheaper model."""
    return frozenset() if report is None else frozenset(n["id"] for n in report["nodes"] if n["is_cheaper"])


def _fit(choices: list[CostChoice], total: float, limit: int) -> float:
    """Choose cheaper models until ``total`` fits; the new total."""
    for choice in sorted(choices, key=_saving, reverse=True):
        if total <= limit or _saving(choice) <= 0:
            break
        choice["is_cheaper"] = True
        total -= _saving(choice)
    return total


def _saving(choice: CostChoice) -> float:
    if choice["micros"] is None or choice["cheaper_micros"] is None:
        return 0.0
    return choice["micros"] - choice["cheaper_micros"]


def _choice(
    node: FlowNode, measured: Mapping[str, float], price_of: PriceOf, default_model: str
) -> CostChoice:
    config = node.config
    model = str(config.get("model") or default_model)
    cheaper = str(config.get("cheaper_model") or "")
    tokens = config.get("max_tokens")
    most = tokens if isinstance(tokens, int) else _DEFAULT_TOKENS
    return CostChoice(
        id=node.id,
        model=model,
        cheaper_model=cheaper,
        micros=_expected(model, cheaper, measured, price_of, most),
        cheaper_micros=_expected(cheaper, model, measured, price_of, most) if cheaper else None,
        is_measured=bool(measured),
        is_cheaper=False,
    )


def _expected(
    model: str, other: str, measured: Mapping[str, float], price_of: PriceOf, most_tokens: int
) -> float | None:
    if model in measured:
        return measured[model]
    price = price_of(model)
    if price is None:
        return None
    whole = usage_micros(price, 0, most_tokens)
    other_price = price_of(other) if other in measured else None
    if other_price is None or other_price["currency"] != price["currency"]:
        return float(whole)
    other_whole = usage_micros(other_price, 0, most_tokens)
    return measured[other] * whole / other_whole if other_whole else float(whole)
