"""Taking a run up where its records leave it.

State is the fold of what is recorded. Settled nodes never run again. A node that was under way
when its worker stopped runs again with the next attempt number, unless nobody may repeat it.
"""

from __future__ import annotations

from sage_studio.engine.errors import OUTCOME_UNKNOWN, WORKER_LOST
from sage_studio.engine.plan import PlanNode
from sage_studio.engine.records import FlowState, NodeRecord, RunOutcome, RunProgress, as_json_error
from sage_studio.engine.run import ActiveRun
from sage_studio.kernel import SageError

_UNDER_WAY = frozenset({"running", "waiting", "paused"})


def restore(run: ActiveRun, progress: RunProgress) -> None:
    """Settle what is settled and fill the run's ready queue; may stop the run (outcome unknown,
    or a failure whose run had no time to say so)."""
    settled = [False] * len(run.plan.nodes)
    for i in run.plan.order:
        node = run.plan.nodes[i]
        record = progress.nodes.get(node.id)
        if record is not None:
            run.records[node.id] = record
            settled[i] = _restore_node(run, node, record)
    if not run.is_stopping:
        run.ready.clear()
        run.ready.extend(i for i in run.plan.order if run.waits[i] == 0 and not settled[i])


def _restore_node(run: ActiveRun, node: PlanNode, record: NodeRecord) -> bool:
    """Whether the node needs no further attempt."""
    if record.state in {"completed", "skipped"}:
        run.settle_quietly(node, record.outputs)
        return True
    if record.state == "failed" and record.error is not None:
        if record.error["retryable"] and record.attempt <= node.retry.count:
            return False
        if record.error["code"] == WORKER_LOST.code:
            return False
        run.settle_failed(node, record.error)
        return True
    if record.state in _UNDER_WAY:
        if node.is_at_most_once:
            _pause_unknown(run, node, record)
        else:
            _give_up_attempt(run, node, record)
    return False


def _pause_unknown(run: ActiveRun, node: PlanNode, record: NodeRecord) -> None:
    problem = SageError(OUTCOME_UNKNOWN).problem(node_id=node.id)
    run.record(node, record.attempt, "paused", record.started_at, error=problem)
    run.stop(RunOutcome(FlowState.PAUSED, error=problem, reason="outcome_unknown"))


def _give_up_attempt(run: ActiveRun, node: PlanNode, record: NodeRecord) -> None:
    now = run.now()
    problem = SageError(WORKER_LOST).problem(node_id=node.id)
    run.record(node, record.attempt, "failed", record.started_at, now, error=problem)
    facts = {"error": as_json_error(problem), "wait_s": 0, "next": record.attempt + 1}
    run.journal.event("node_retrying", now, node.id, record.attempt, facts)
