"""What the optimiser does to a flow, on the strength of how its runs went."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache, partial
from statistics import mean, median
from typing import Any

from django.db.models import QuerySet

from apps.catalogue.selectors import registry
from apps.collaboration.selectors import definition_current
from apps.executions.budgets import model_price
from apps.executions.models import NodeRun, Run, RunEvent
from apps.executions.types import BRANCHES_KEY
from apps.files.services import kept_value_get
from apps.flows.models import Definition, Flow
from sage_studio.engine import compile_flow
from sage_studio.engine.optimise import Durations, Report, measured_times, optimise, report_of
from sage_studio.engine.optimise.costs import CostReport, cheaper_nodes, costs_of, counted_in
from sage_studio.flow import parse_plain
from sage_studio.flow.document import Budget, FlowDocument
from sage_studio.plugins.models.client import DEFAULT_MODEL
from sage_studio.sdk import Price, usage_micros

RUNS_READ = 30
ROWS_READ = 20_000
# For a plan the order of magnitude is enough, and a run is waiting for it.
RUNS_READ_TO_PLAN = 5
ROWS_READ_TO_PLAN = 2_000


def flow_optimisation(flow: Flow) -> Report:
    """The optimiser's report on a flow as it stands now. Raises SageError when it cannot be compiled."""
    definition = definition_current(flow)
    plan = compile_flow(parse_plain(definition.body), registry(flow.workspace_id), optimised=False)
    changes = optimise(plan, flow_durations(flow.pk))
    kept = kept_value_get(flow.workspace_id, flow.pk, BRANCHES_KEY)
    card = kept.get("card") if isinstance(kept, dict) else None
    report = report_of(changes, branches=card if isinstance(card, dict) else None)
    optimised, drawn = _run_times(flow, definition)
    report["measured"] = measured_times(optimised, drawn, report["predicted"]["optimised_ms"])
    return report


def flow_durations_to_plan(flow_id: uuid.UUID) -> Durations:
    """``flow_durations`` from a few runs, for who runs first in a run that is about to begin."""
    return flow_durations(flow_id, runs_read=RUNS_READ_TO_PLAN, rows_read=ROWS_READ_TO_PLAN)


def flow_durations(
    flow_id: uuid.UUID, *, runs_read: int = RUNS_READ, rows_read: int = ROWS_READ
) -> Durations:
    """What the nodes of a flow took in its newest completed runs.

    Per run the longest attempt of a node counts (others of a loop may have taken over what the first
    turn gave), over the runs the median.
    """
    runs = list(_completed(flow_id).values_list("pk", flat=True)[:runs_read])
    rows = NodeRun.objects.filter(
        run__in=runs, state="completed", started_at__isnull=False, outer_path__isnull=True, is_reused=False
    ).values_list("run_id", "node_id", "started_at", "finished_at")[:rows_read]
    longest: dict[str, dict[uuid.UUID, float]] = defaultdict(dict)
    for run_id, node_id, started_at, finished_at in rows:
        if started_at is None or finished_at is None:
            continue
        ms = max((finished_at - started_at).total_seconds() * 1000, 0.0)
        longest[node_id][run_id] = max(ms, longest[node_id].get(run_id, 0.0))
    return Durations({node_id: (median(by_run.values()), len(by_run)) for node_id, by_run in longest.items()})


def _completed(flow_id: uuid.UUID) -> QuerySet[Run]:
    """Whole runs that nobody debugged, newest first."""
    runs = Run.objects.filter(
        flow_id=flow_id, state=Run.State.COMPLETED, debug__isnull=True, part__isnull=True
    )
    return runs.order_by("-created_at", "-id")


def _run_times(flow: Flow, definition: Definition) -> tuple[Sequence[float], Sequence[float]]:
    """Milliseconds of completed runs of this very definition, and of the same flow in drawn order (where
    only the setting differs)."""
    rows = _completed(flow.pk).select_related("definition")[:RUNS_READ]
    twin = _without_setting(definition)
    optimised: list[float] = []
    drawn: list[float] = []
    for run in rows:
        if run.started_at is None or run.finished_at is None:
            continue
        ms = (run.finished_at - run.started_at).total_seconds() * 1000
        body = run.definition.body
        if run.definition_id != definition.pk and _without_setting(run.definition) != twin:
            continue
        is_off = body.get("settings", {}).get("optimise") == "off"
        (drawn if is_off else optimised).append(ms)
    return optimised, drawn


def _without_setting(definition: Definition) -> dict[str, object]:
    """The flow's meaning apart from whether it is optimised."""
    body = dict(definition.body)
    settings = {key: value for key, value in body.get("settings", {}).items() if key != "optimise"}
    nodes = [{key: value for key, value in node.items() if key != "pos"} for node in body.get("nodes", ())]
    return {
        "nodes": nodes,
        "edges": body.get("edges", []),
        "settings": settings,
        "outputs": body.get("outputs"),
    }


def flow_costs(flow: Flow, document: FlowDocument) -> CostReport | None:
    """What a run of the flow is expected to cost at today's prices, and which model its nodes ask within the
    budget."""
    price_of = cache(partial(model_price, flow.workspace_id))
    currency = counted_in(document, price_of, default_model=DEFAULT_MODEL)
    runs = list(_completed(flow.pk).values_list("pk", flat=True)[:RUNS_READ])
    events = RunEvent.objects.filter(run__in=runs, type="node_cost")
    spent: dict[str, dict[str, dict[uuid.UUID, int]]] = defaultdict(lambda: defaultdict(dict))
    whole: dict[uuid.UUID, int] = defaultdict(int)
    rows = events.order_by("-run__created_at", "run_id").values_list("run_id", "node_id", "data")
    for run_id, node_id, data in _of_whole_runs(list(rows[:ROWS_READ_TO_PLAN])):
        model = str(data.get("what"))
        micros = _micros_today(data, price_of(model), currency)
        if micros is not None:
            by_run = spent[node_id][model]
            by_run[run_id] = by_run.get(run_id, 0) + micros
        if data.get("currency") == currency:
            whole[run_id] += int(data["micros"])
    measured = {
        node_id: {model: mean(by_run.values()) for model, by_run in models.items()}
        for node_id, models in spent.items()
    }
    return costs_of(
        document,
        measured,
        price_of,
        default_model=DEFAULT_MODEL,
        measured_micros=mean(whole.values()) if whole else None,
    )


def _of_whole_runs(rows: list[tuple[uuid.UUID, str, Any]]) -> list[tuple[uuid.UUID, str, Any]]:
    """Without the run that the limit cut in two, unless it is the only one."""
    last = rows[-1][0] if len(rows) == ROWS_READ_TO_PLAN else None
    return [row for row in rows if row[0] != last] or rows


def _micros_today(data: Mapping[str, Any], price: Price | None, currency: str) -> int | None:
    """What was counted in an earlier run, at the price of today; None when that is in another currency."""
    if price is not None and price["currency"] == currency and "input_tokens" in data:
        return usage_micros(price, int(data["input_tokens"]), int(data["output_tokens"]))
    return int(data["micros"]) if data.get("currency") == currency else None


def run_cheaper_nodes(run_id: uuid.UUID, document: FlowDocument) -> frozenset[str]:
    """The nodes of a run that is about to begin or to go on that ask their cheaper model, under its budget as
    it has been raised; none without a budget."""
    if document.settings.budget is None or not any(n.config.get("cheaper_model") for n in document.nodes):
        return frozenset()
    run = Run.objects.select_related("flow").get(pk=run_id)
    if run.budget is not None:
        settings = document.settings.model_copy(update={"budget": Budget(**run.budget)})
        document = document.model_copy(update={"settings": settings})
    return cheaper_nodes(flow_costs(run.flow, document))
