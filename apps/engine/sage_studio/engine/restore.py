"""Taking a level up where its records leave it.

State is the fold of what is recorded. Settled nodes never run again. A node that was under way
when its worker stopped runs again with the next attempt number, unless nobody may repeat it; a wait
and a container go on with the attempt they were at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sage_studio.engine.errors import DEAD_LETTER, OUTCOME_UNKNOWN, WORKER_LOST
from sage_studio.engine.plan import Plan, PlanNode
from sage_studio.engine.records import (
    FlowState,
    NodeRecord,
    RunOutcome,
    as_json_error,
    has_checkpoint,
)
from sage_studio.kernel import SageError
from sage_studio.sdk import Leave

if TYPE_CHECKING:
    from sage_studio.engine.run import ActiveRun
    from sage_studio.engine.scope import Scope

# A node whose worker went down with it this often is not tried again by itself.
MAX_LOST_ATTEMPTS = 3
LEFT = "$left"
_UNDER_WAY = frozenset({"running", "waiting", "paused"})


def is_taken_up(node: PlanNode, held: NodeRecord | None) -> bool:
    """Whether an attempt that was under way goes on rather than being repeated: a wait, a container,
    whose finished iterations are known, and what was given back before it had begun (``queued``)."""
    if held is None:
        return False
    if node.body is not None and held.state == "cancelled":
        # A lane that had lost, in a container that had no time to say so: what is finished in it stays.
        return True
    return held.state in {"waiting", "queued"} or (
        held.state == "running" and (node.body is not None or held.waits is not None)
    )


def restore(scope: Scope) -> None:
    """Settle what is settled and fill the level's ready queue; may stop the run (outcome unknown, a
    dead letter, or an ending there was no time to record)."""
    plan = scope.plan
    settled = [False] * len(plan.nodes)
    known = scope.run.progress.nodes
    if known:
        for i in plan.order:
            node = plan.nodes[i]
            record = known.get((node.id, scope.path))
            if record is not None:
                scope.records[node.id] = record
                if (count := scope.run.progress.lost.get((node.id, scope.path))) is not None:
                    scope.lost[node.id] = count
                settled[i] = _restore_node(scope, node, record)
    if not scope.is_stopping:
        scope.ready.clear()
        scope.ready.extend(i for i in plan.order if scope.waits[i] == 0 and not settled[i])


def _restore_node(scope: Scope, node: PlanNode, record: NodeRecord) -> bool:
    """Whether the node needs no further attempt."""
    if record.state in {"completed", "skipped"}:
        if record.outputs is not None and LEFT in record.outputs:
            scope.unsettled -= 1
            scope.leave(Leave.from_json(record.outputs[LEFT]))
        else:
            scope.settle_quietly(node, record.outputs)
        return True
    if record.state == "failed" and record.error is not None:
        if record.error["retryable"] and record.attempt - scope.lost.get(node.id, 0) <= node.retry.count:
            return False
        if record.error["code"] == WORKER_LOST.code:
            return False
        scope.settle_failed(node, record.error)
        return True
    if record.state in _UNDER_WAY and not is_taken_up(node, record) and not has_checkpoint(record):
        if node.is_at_most_once:
            _pause(scope, node, record, SageError(OUTCOME_UNKNOWN), "outcome_unknown")
        else:
            _give_up_attempt(scope, node, record)
    return False


def close_what_is_left(run: ActiveRun, within: str = "") -> None:
    """At the end of a run, or of a container (``within`` is how the paths of its iterations begin), nothing
    is under way there any more. What a lost worker was at, in a level nobody came back to, is cancelled, or
    its outcome is unknown."""
    at = run.now()
    for record in run.journal.under_way(within):
        if record.state == "running" and not _may_be_repeated(run.plan, record.node_id):
            problem = SageError(OUTCOME_UNKNOWN).problem(
                node_id=record.node_id, iteration_path=record.iteration_path
            )
            run.journal.node(record._replace(state="paused", error=problem))
        else:
            run.journal.node(record._replace(state="cancelled", finished_at=at))


def _may_be_repeated(plan: Plan, node_id: str) -> bool:
    for node in plan.nodes:
        if node.id == node_id:
            return not node.is_at_most_once
        bodies = node.body.sections.values() if node.body is not None else ()
        if not all(_may_be_repeated(body, node_id) for body in bodies):
            return False
    return True


def _pause(scope: Scope, node: PlanNode, record: NodeRecord, error: SageError, reason: str) -> None:
    problem = error.problem(node_id=node.id, iteration_path=scope.path)
    scope.record(node, record.attempt, "paused", record.started_at, error=problem)
    scope.run.stop(RunOutcome(FlowState.PAUSED, error=problem, reason=reason))


def _give_up_attempt(scope: Scope, node: PlanNode, record: NodeRecord) -> None:
    run = scope.run
    now = run.now()
    lost = run.progress.lost.get((node.id, scope.path), 0) + 1
    if lost >= MAX_LOST_ATTEMPTS:
        _pause(scope, node, record, SageError(DEAD_LETTER, {"times": lost}), "dead_letter")
        return
    scope.lost[node.id] = lost
    problem = SageError(WORKER_LOST).problem(node_id=node.id, iteration_path=scope.path)
    scope.record(node, record.attempt, "failed", record.started_at, now, error=problem)
    facts = {"error": as_json_error(problem), "wait_s": 0, "next": record.attempt + 1}
    run.journal.event("node_retrying", now, node.id, record.attempt, facts, scope.path)
