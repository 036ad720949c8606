"""What runs cost and may cost, and what models cost a workspace.

A run's row holds what its own nodes have spent; with the runs it started, and those they started, it is
what people see and what a budget bounds.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from apps.common.db import as_id, fetch_all, read_id
from apps.executions.models import ModelPrice, Run
from sage_studio.engine import Allowance
from sage_studio.plugins.model_prices import listed_price, with_cache
from sage_studio.sdk import Price
from sage_studio.sdk.money import minor_to_micros

_AT_ONCE = 500
_COST = "_family_cost"
_MONEY = ("budget", "cost_micros", "cost_currency", "parent_run_id")


def model_price(workspace_id: uuid.UUID, model: str) -> Price | None:
    """What a model costs the workspace: its own entry, else the list price; None when nobody knows."""
    own = ModelPrice.objects.filter(workspace_id=workspace_id, model=model).first()
    if own is None:
        return listed_price(model)
    price = Price(
        model=model,
        currency=own.currency,
        input_micros=own.input_micros,
        output_micros=own.output_micros,
    )
    return with_cache(price)


def run_spent(run_id: uuid.UUID) -> int:
    """What a run's own nodes have spent, as far as it is on record."""
    return Run.objects.values_list("cost_micros", flat=True).get(pk=run_id)


def run_allowances(run_id: uuid.UUID) -> list[Allowance]:
    """The budgets of a run and of those above it, each with what others than the run itself have spent of
    it."""
    run = Run.objects.only(*_MONEY).get(pk=run_id)
    found: list[Allowance] = []
    for holder, budget in _budgets_over(run):
        limit, currency = minor_to_micros(budget["amount"], budget["currency"]), budget["currency"]
        own = run.cost_micros if run.cost_currency == currency else 0
        found.append(Allowance(limit, currency, _spent_in(holder.pk, currency) - own))
    return found


def budget_holder(run: Run) -> Run | None:
    """Of the run and those above it that have a budget, the one whose budget leaves least, for that one
    stops the run first; the nearest of several."""
    over = list(_budgets_over(run))
    if len(over) > 1:
        over.sort(key=lambda pair: _left_of(*pair))
    return over[0][0] if over else None


def _budgets_over(run: Run) -> Iterator[tuple[Run, dict[str, Any]]]:
    """The run and those above it that have a budget, the nearest first."""
    found: Run | None = run
    while found is not None:
        if found.budget is not None:
            yield found, found.budget
        above = found.parent_run_id
        found = None if above is None else Run.objects.only(*_MONEY).get(pk=above)


def _left_of(holder: Run, budget: dict[str, Any]) -> int:
    limit = minor_to_micros(budget["amount"], budget["currency"])
    return limit - _spent_in(holder.pk, budget["currency"])


def _spent_in(run_id: uuid.UUID, currency: str) -> int:
    """What a run and all it started have spent in one currency."""
    return sum(
        int(micros) for _root, spent_in, micros, _own in _family_costs([run_id]) if spent_in == currency
    )


def costs_of(run_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, tuple[int, str]]:
    """Run → what it and all it started have spent, in micros, and the currency (empty: nothing). Amounts in
    different currencies are not added up: the run's own currency counts, else that of the largest."""
    wanted = list(run_ids)
    costs: dict[uuid.UUID, tuple[int, str]] = dict.fromkeys(wanted, (0, ""))
    for start in range(0, len(wanted), _AT_ONCE):
        for root, currency, micros, _own in _family_costs(wanted[start : start + _AT_ONCE]):
            costs[read_id(root)] = (int(micros), currency)
    return costs


def _family_costs(run_ids: Sequence[uuid.UUID]) -> list[Any]:
    """(run, currency, micros, whether the run itself spent in it) by run and currency; what counts most comes
    last."""
    if not run_ids:
        return []
    places = ", ".join(["%s"] * len(run_ids))
    statement = f"""
        WITH RECURSIVE family (root, id) AS (
            SELECT id, id FROM executions_run WHERE id IN ({places})
            UNION ALL
            SELECT f.root, r.id FROM executions_run AS r JOIN family AS f ON r.parent_run_id = f.id
        )
        SELECT f.root, r.cost_currency, SUM(r.cost_micros), MAX(CASE WHEN r.id = f.root THEN 1 ELSE 0 END)
        FROM family AS f JOIN executions_run AS r ON r.id = f.id
        WHERE r.cost_currency <> '' GROUP BY f.root, r.cost_currency ORDER BY 4, 3
    """  # noqa: S608 - places only
    return list(fetch_all(statement, [as_id(run_id) for run_id in run_ids]))


def cost_of(run: Run) -> tuple[int, str]:
    """What a run and all it started have spent; read by ``costs_attach`` for many at once."""
    known: tuple[int, str] | None = run.__dict__.get(_COST)
    if known is None:
        is_alone = run.last_seq <= 1 or not run.children.exists()
        known = (run.cost_micros, run.cost_currency) if is_alone else costs_of([run.pk])[run.pk]
    return known


def costs_attach(runs: Sequence[Run]) -> None:
    """Read the costs of the runs of a page in one statement."""
    costs = costs_of(run.pk for run in runs)
    for run in runs:
        run.__dict__[_COST] = costs[run.pk]


def price_list(workspace_id: uuid.UUID) -> list[ModelPrice]:
    """The workspace's own prices by model."""
    return list(ModelPrice.objects.filter(workspace_id=workspace_id).order_by("model"))
