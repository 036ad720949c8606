"""Run a plan from its first event to its last, or go on where another worker stopped."""

from __future__ import annotations

import asyncio
from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from sage_studio.engine.controls import Controls
from sage_studio.engine.executors.placing import NOWHERE
from sage_studio.engine.host import Host
from sage_studio.engine.inputs import flow_inputs
from sage_studio.engine.journal import Journal
from sage_studio.engine.options import RunOptions
from sage_studio.engine.pipeline_limits import wants_of_pipelines
from sage_studio.engine.plan import Plan
from sage_studio.engine.records import FlowState, NodeRecord, RunOutcome, RunResult, as_json_error, iso
from sage_studio.engine.restore import close_what_is_left
from sage_studio.engine.run import ActiveRun
from sage_studio.engine.scope import Scope
from sage_studio.engine.store import RunStore
from sage_studio.kernel import Clock, JsonObject, SystemClock


async def run_flow(
    plan: Plan,
    *,
    run_id: str,
    inputs: Mapping[str, Any],
    store: RunStore,
    host: Host,
    threads: ThreadPoolExecutor,
    flow_id: str = "",
    controls: Controls | None = None,
    clock: Clock | None = None,
    options: RunOptions | None = None,
) -> RunResult:
    """Run until the flow ends, fails, pauses, is parked or stopped; every ending is a result.

    Raises FenceLost when another worker has taken the run over, and CancelledError when the
    caller is cancelled (nothing more is recorded then). Raises ``executor.unavailable`` when the flow is
    to run where it cannot here, and ``run.needs_too_much`` when a node asks for more than there is.
    """
    options = options or RunOptions()
    _check_that_it_can_run(plan, options)
    given = flow_inputs(plan.document, inputs)
    progress = await store.load(run_id)
    try:
        async with asyncio.TaskGroup() as writers:
            journal = Journal(store, run_id, progress, writers)
            run = ActiveRun(
                plan=plan,
                run_id=run_id,
                flow_id=flow_id,
                inputs=given,
                host=host,
                journal=journal,
                controls=controls or Controls(),
                threads=threads,
                clock=clock or SystemClock(),
                progress=progress,
                options=options,
            )
            try:
                return await _perform(run)
            finally:
                journal.close()
    except BaseExceptionGroup as failures:
        # There is never more than one: that of the journal (FenceLost), or the engine's own.
        raise failures.exceptions[0] from None


def _check_that_it_can_run(plan: Plan, options: RunOptions) -> None:
    """Whether every node can run where it is to run, with what it needs."""
    (options.executors or NOWHERE).check(plan)
    pool = options.resources
    if pool is None:
        return
    known = plan.kept.get("wants")
    if known is None:
        nodes = [node for node in plan.whole() if not node.disabled]
        wants = [(node.name or node.id, node.needs) for node in nodes if node.needs is not None]
        known = plan.kept["wants"] = wants, any(node.pipeline is not None for node in nodes)
    wants, has_pipelines = known
    pool.check(wants)
    if has_pipelines:
        pool.check_amounts(wants_of_pipelines(plan, pool.budget))


class RecordsOf(Mapping[str, NodeRecord]):
    """The records of a level, spelled out when somebody looks."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def __getitem__(self, node_id: str) -> NodeRecord:
        return self._scope.records[node_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._scope.records)

    def __len__(self) -> int:
        return len(self._scope.records)

    def values(self) -> ValuesView[NodeRecord]:
        return self._scope.records.values()

    def items(self) -> ItemsView[str, NodeRecord]:
        return self._scope.records.items()


async def _perform(run: ActiveRun) -> RunResult:
    is_new = run.progress.started_at is None
    if is_new:
        run.journal.event("run_started", run.started_at)
    else:
        run.journal.event("run_resumed", run.now())
    await run.perform()
    outcome = await run.conclude()
    finished_at = run.now()
    if outcome.state.is_final:
        close_what_is_left(run)
    _say_ending(run.journal, outcome, finished_at, finished_at - run.started_at)
    is_told_as_is = not outcome.outputs or not run.masks.has_any
    told = outcome if is_told_as_is else replace(outcome, outputs=run.masks.value(outcome.outputs))
    run.journal.outcome(told)
    await run.journal.end()
    return RunResult(
        run_id=run.run_id,
        state=outcome.state,
        outputs=outcome.outputs or {},
        error=outcome.error,
        nodes=RecordsOf(run.root),
        duration_ms=round((finished_at - run.started_at) * 1000),
        reason=outcome.reason,
        cost_micros=run.spending.micros,
        currency=run.spending.currency,
    )


def _say_ending(journal: Journal, outcome: RunOutcome, at: float, duration_s: float) -> None:
    """The closing events; ``flow_*`` are the roadmap's names for its subscribers."""
    duration: JsonObject = {"duration": round(duration_s, 3), "duration_ms": round(duration_s * 1000)}
    error: JsonObject = {"error": as_json_error(outcome.error)} if outcome.error else {}
    node_id = outcome.error.get("node_id") if outcome.error else None
    if outcome.state is FlowState.COMPLETED:
        journal.event("run_completed", at, data=dict(duration))
        journal.event("flow_completed", at, data=dict(duration))
    elif outcome.state is FlowState.FAILED:
        journal.event("run_failed", at, data={**duration, **error})
        journal.event("flow_failed", at, data={**duration, **error})
    elif outcome.state is FlowState.CANCELLED:
        journal.event("run_cancelled", at, data={**duration, "reason": outcome.reason})
    elif outcome.state is FlowState.PAUSED:
        journal.event("run_paused", at, data={"reason": outcome.reason, "node_id": node_id, **error})
    elif outcome.state is FlowState.RUNNING:
        wake_at = None if outcome.wake_at is None else iso(outcome.wake_at)
        journal.event("run_waiting", at, data={"reason": outcome.reason, "wake_at": wake_at})
