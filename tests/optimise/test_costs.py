"""Which model is asked so that a flow's budget is expected to last."""

from __future__ import annotations

from typing import Any

from sage_studio.engine.optimise.costs import CostReport, cheaper_nodes, costs_of
from sage_studio.flow import parse_plain
from sage_studio.kernel import Json, JsonObject
from sage_studio.plugins.model_prices import listed_price
from sage_studio.sdk import Price

DEAR, CHEAP = "claude-sonnet-4-5", "claude-haiku-4-5"


def asking(tokens: int, cheaper: str = CHEAP) -> dict[str, Any]:
    return {"prompt": "?", "model": DEAR, "cheaper_model": cheaper, "max_tokens": tokens}


def report(cents: int | None, measured: dict[str, dict[str, float]] | None = None) -> CostReport:
    """Two prompts of 1,000 and 3,000 tokens, 15 and 45 thousand micros dear, a third of that cheap."""
    nodes: list[Json] = [
        {"id": "short", "type": "llm", "config": asking(1_000)},
        {"id": "long", "type": "llm", "config": asking(3_000)},
        {"id": "fixed", "type": "llm", "config": asking(1_000, cheaper="")},
    ]
    settings: JsonObject = {} if cents is None else {"budget": {"amount": cents, "currency": "USD"}}
    document = parse_plain({"nodes": nodes, "edges": [], "settings": settings})
    made = costs_of(document, measured or {}, listed_price, default_model=DEAR)
    assert made is not None
    return made


def test_without_a_budget_or_with_a_large_one_every_node_asks_its_own_model() -> None:
    assert cheaper_nodes(report(None)) == set()
    large = report(8)
    assert cheaper_nodes(large) == set()
    assert (large["drawn_micros"], large["chosen_micros"]) == (75_000, 75_000)


def test_the_cheaper_model_is_taken_where_it_saves_most_and_no_further_than_needed() -> None:
    tight = report(5)
    assert cheaper_nodes(tight) == {"long"}
    assert tight["chosen_micros"] == 45_000
    assert cheaper_nodes(report(4)) == {"long", "short"}


def test_a_budget_nothing_fits_takes_every_cheaper_model_and_leaves_the_rest_to_the_run() -> None:
    hopeless = report(1)
    assert cheaper_nodes(hopeless) == {"long", "short"}
    assert hopeless["chosen_micros"] == 35_000


def test_what_runs_really_cost_counts_for_either_model() -> None:
    measured = {"long": {CHEAP: 500.0}, "short": {DEAR: 1_500.0}}
    known = {node["id"]: node for node in report(5, measured)["nodes"]}
    assert (known["long"]["micros"], known["long"]["cheaper_micros"]) == (1_500, 500)
    assert (known["short"]["micros"], known["short"]["cheaper_micros"]) == (1_500, 500)
    assert not known["long"]["is_cheaper"]


def test_a_flow_that_asks_no_model_costs_nothing_anybody_could_choose() -> None:
    document = parse_plain({"nodes": [{"id": "a", "type": "merge"}], "edges": []})
    assert costs_of(document, {}, listed_price, default_model=DEAR) is None


def test_a_price_in_another_currency_is_no_price_and_without_a_budget_the_prices_say_the_currency() -> None:
    def yuan(model: str) -> Price | None:
        listed = listed_price(model)
        return None if listed is None else Price({**listed, "currency": "CNY"})

    body: JsonObject = {"nodes": [{"id": "a", "type": "llm", "config": asking(1_000)}], "edges": []}
    free = costs_of(parse_plain(body), {}, yuan, default_model=DEAR)
    assert free is not None
    assert (free["currency"], free["drawn_micros"]) == ("CNY", 15_000)
    body["settings"] = {"budget": {"amount": 1, "currency": "USD"}}
    bound = costs_of(parse_plain(body), {}, yuan, default_model=DEAR)
    assert bound is not None
    assert (bound["currency"], bound["drawn_micros"], bound["nodes"][0]["micros"]) == ("USD", 0, None)
