"""Taking a run up again from a node, on what is recorded: of the same definition or of a newer one.

The new run copies the records of all nodes that neither changed nor come after a node that is to run
again; the engine finds them settled and goes on from there.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db import connection
from django.db.models import Max
from django.utils import timezone

from apps.accounts.models import Person
from apps.catalogue.selectors import registry, registry_pinned
from apps.common import failpoints
from apps.common.db import write_transaction
from apps.executions import errors
from apps.executions.debug_selectors import debug_again
from apps.executions.models import NodeRun, Run, RunEvent
from apps.executions.selectors import run_get
from apps.executions.services.accept import add_run, checked_inputs, runnable
from apps.executions.services.iterations import containers_carry_over
from apps.executions.types import FINAL_STATES, Trigger
from apps.flows.models import Definition
from apps.workspaces.policies import require
from apps.workspaces.types import Action
from sage_studio.engine import Plan, compile_flow
from sage_studio.flow.document import FlowDocument, FlowNode
from sage_studio.kernel import JsonObject, SageError
from sage_studio.plugins.registry import NodeRegistry

# Fields of a node that change how it looks, not what it does.
_LOOKS = frozenset({"name", "pos", "size", "notes"})
_SETTLED = ("completed", "skipped")
_COPIED = (
    "node_id", "iteration_path", "attempt", "state", "started_at", "finished_at", "outputs", "error", "ports",
    "inputs", "waits", "resources", "outer_path",
)  # fmt: skip


def run_redrive(
    *,
    person: Person,
    workspace_id: uuid.UUID,
    run_id: uuid.UUID,
    from_node: str | None = None,
    definition: Definition | None = None,
    version: int | None = None,
) -> Run:
    """A new run that goes on where ``run_id`` failed, or from ``from_node``; of another ``definition``
    (of ``version``) if one is given. Nodes that changed since run again, and all that come after. A run that
    was debugged is so again, with its breakpoints.

    Raises NotFound, Forbidden, or SageError when the run has not ended or was of a part of its flow,
    when the flow as it is now cannot run, when there is no such node, or when there is nothing to go on from.
    """
    require(person, workspace_id, Action.RUN_START)
    base = _base(workspace_id, run_id)
    target = definition or base.definition
    types = registry(workspace_id)
    given = checked_inputs(target, base.inputs, types)
    again = _what_runs_again(base, runnable(target.pk, types), types, given, from_node)
    with write_transaction():
        run = add_run(
            Run(
                workspace_id=workspace_id,
                flow=base.flow,
                definition=target,
                trigger=Trigger.REDRIVE.value,
                version=base.version if definition is None else version,
                retry_of=base.pk,
                inputs=given,
                debug=debug_again(base.flow, base.debug),
                created_by=person,
            ),
            **{"from": from_node, "of": str(base.pk), "reused": len(again.reused)},
        )
        records_copy(run, base, again.reused)
        containers_carry_over(run, base, again.document, again.going_on)
        failpoints.hit("run.redrive")
    failpoints.hit("run.redriven")
    return run


def _base(workspace_id: uuid.UUID, run_id: uuid.UUID) -> Run:
    """The run to take up. Raises NotFound, or SageError when it cannot be."""
    base = run_get(workspace_id, run_id)
    if base.state not in FINAL_STATES:
        raise SageError(errors.REDRIVE_ACTIVE, {"state": base.state})
    if base.part is not None:
        raise SageError(errors.REDRIVE_PART)
    return base


@dataclass(frozen=True, slots=True)
class _Again:
    """What becomes of the nodes of the top level: those whose records are ``reused``, the containers that
    are ``going_on`` where they stopped; all others run again."""

    document: FlowDocument
    reused: set[str]
    going_on: list[str]


def _what_runs_again(
    base: Run, document: FlowDocument, types: NodeRegistry, inputs: JsonObject, from_node: str | None
) -> _Again:
    """Raises SageError when there is no such node, or when there is nothing to go on from."""
    plan = compile_flow(document, types, optimised=False)
    if from_node is not None and from_node not in plan.index:
        raise SageError(errors.REDRIVE_NODE, {"node": from_node[:100]})
    changed = _changed(base, document, inputs)
    again = _unsettled(plan, base) | changed
    if from_node is not None:
        again.add(from_node)
        changed.add(from_node)
    elif not again and base.state == Run.State.COMPLETED:
        raise SageError(errors.REDRIVE_NOTHING)
    reused = set(plan.index) - _after(plan, again)
    return _Again(document, reused, _going_on(plan, again, changed))


def _going_on(plan: Plan, again: set[str], changed: set[str]) -> list[str]:
    """Containers that did not end and are as they were, as is all before them: what they finished
    inside stays finished."""
    return [
        node_id
        for node_id in again - changed
        if plan.nodes[plan.index[node_id]].body is not None and node_id not in _after(plan, again - {node_id})
    ]


def _unsettled(plan: Plan, base: Run) -> set[str]:
    """Nodes of the top level without a result to go on from."""
    rows = base.node_runs.filter(iteration_path="").order_by("attempt")
    newest = dict(rows.values_list("node_id", "state"))
    return {
        node.id
        for node in plan.nodes
        # A failure the flow itself dealt with is a result like any other.
        if newest.get(node.id) not in _SETTLED
        and not (newest.get(node.id) == "failed" and node.on_error != "fail")
    }


def _changed(base: Run, after: FlowDocument, given: JsonObject) -> set[str]:
    """Nodes of the top level whose settings, type, wires, contents or flow inputs are not what they
    were."""
    before = runnable(base.definition_id, registry_pinned(base.workspace_id, base.plugins))
    old, new = _meaning(before), _meaning(after)
    changed = {node_id for node_id, shape in new.items() if old.get(node_id) != shape}
    for is_other, word in (
        (before.variables != after.variables, "vars"),
        (given != base.inputs, "flow.inputs"),
    ):
        if is_other:
            changed |= {node_id for node_id, shape in new.items() if word in str(shape)}
    return changed


def _meaning(document: FlowDocument) -> dict[str, list[JsonObject]]:
    """For every node of the top level, what it and all inside it say and read."""
    parents = {node.id: node.parent for node in document.nodes}
    shapes: dict[str, list[JsonObject]] = {}
    for node in sorted(document.nodes, key=lambda node: node.id):
        shapes.setdefault(_top(node.id, parents), []).append(_shape(node))
    for edge in sorted(document.edges, key=lambda edge: (edge.target, edge.target_port, edge.source)):
        ends = (edge.source, edge.source_port, edge.target, edge.target_port)
        shapes.setdefault(_top(edge.target, parents), []).append({"edge": list(ends)})
    return shapes


def _shape(node: FlowNode) -> JsonObject:
    return {key: value for key, value in node.model_dump(mode="json").items() if key not in _LOOKS}


def _top(node_id: str, parents: dict[str, str | None]) -> str:
    seen = {node_id}
    while (parent := parents.get(node_id)) and parent not in seen:
        seen.add(parent)
        node_id = parent
    return node_id


def _after(plan: Plan, first: Iterable[str]) -> set[str]:
    """``first`` and every node that waits for one of them, by wire or by expression."""
    reached = {plan.index[node_id] for node_id in first if node_id in plan.index}
    todo = list(reached)
    while todo:
        for successor in plan.nodes[todo.pop()].successors:
            if successor not in reached:
                reached.add(successor)
                todo.append(successor)
    return {plan.nodes[i].id for i in reached}


def records_copy(run: Run, base: Run, node_ids: Collection[str]) -> None:
    """Give ``run`` the newest top-level records of these nodes of ``base``, marked as reused, and the
    events that tell of them; inside the caller's transaction."""
    if not node_ids:
        return
    rows = NodeRun.objects.filter(run=base, iteration_path="", node_id__in=node_ids)
    newest = rows.values("node_id").annotate(newest=Max("attempt"))
    chosen, parameters = newest.query.sql_with_params()
    new_id = "gen_random_uuid()" if connection.vendor == "postgresql" else "lower(hex(randomblob(16)))"
    listed = ", ".join(f"n.{name}" for name in _COPIED)
    statement = f"""
        INSERT INTO executions_noderun (id, run_id, {", ".join(_COPIED)}, is_lost, is_reused)
        SELECT {new_id}, %s, {listed}, FALSE, TRUE
        FROM executions_noderun AS n
        JOIN ({chosen}) AS c ON c.node_id = n.node_id AND c.newest = n.attempt
        WHERE n.run_id = %s AND n.iteration_path = ''
    """  # noqa: S608 - only our own words are put in
    with connection.cursor() as cursor:
        cursor.execute(statement, [run.pk.hex, *parameters, base.pk.hex])
    _tell_copied(run)


def _tell_copied(run: Run) -> None:
    now = timezone.now()
    rows = NodeRun.objects.filter(run=run, iteration_path="").order_by("finished_at", "node_id")
    told = [
        RunEvent(
            run=run,
            seq=run.last_seq + i,
            type=f"node_{row.state}",
            at=now,
            node_id=row.node_id,
            attempt=row.attempt,
            data={"reused": True, "duration_ms": 0, "ports": row.ports, "error": row.error},
        )
        for i, row in enumerate(rows.only("node_id", "state", "attempt", "ports", "error"), 1)
    ]
    RunEvent.objects.bulk_create(told, batch_size=1000)
    run.last_seq += len(told)
    run.save(update_fields=["last_seq"])
