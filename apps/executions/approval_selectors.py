"""Approvals that the runs of a workspace wait for."""

from __future__ import annotations

import uuid
from collections import defaultdict
from dataclasses import dataclass

from django.db.models import TextField
from django.db.models.functions import Cast

from apps.executions.models import NodeRun, Run, Signal
from apps.executions.selectors import Wait, waits_of
from apps.executions.types import ACTIVE_STATES
from apps.flows.models import Definition

APPROVAL = "approval"
MOST_ROWS = 500


@dataclass(frozen=True, slots=True)
class Approval:
    """A question of a run that nobody has answered. ``node_name`` is the node's as it ran."""

    wait: Wait
    run: Run
    node_name: str


def approval_list(workspace_id: uuid.UUID) -> list[Approval]:
    """What people are asked in this workspace, the oldest first; of the ``MOST_ROWS`` oldest waits."""
    waiting = NodeRun.objects.filter(
        state="waiting", run__workspace_id=workspace_id, run__state__in=ACTIVE_STATES
    )
    # Cheap and a little too wide: most waits are for times and for other flows.
    waiting = waiting.annotate(words=Cast("waits", TextField())).filter(words__contains=f'"{APPROVAL}"')
    waiting = waiting.select_related("run__flow").defer("outputs", "inputs", "run__inputs")
    rows = list(waiting.order_by("started_at", "id")[:MOST_ROWS])
    answered: dict[uuid.UUID, set[str]] = defaultdict(set)
    signals = Signal.objects.filter(run_id__in={row.run_id for row in rows})
    for run_id, key in signals.values_list("run_id", "key"):
        answered[run_id].add(key)
    asked = [
        (row, wait)
        for row in rows
        for wait in waits_of(row, answered[row.run_id])
        if wait.details.get("kind") == APPROVAL and wait.can_signal and not wait.is_answered
    ]
    names = _node_names({row.run.definition_id for row, _ in asked})
    return [
        Approval(wait, row.run, names.get((row.run.definition_id, row.node_id), "")) for row, wait in asked
    ]


def _node_names(definition_ids: set[uuid.UUID]) -> dict[tuple[uuid.UUID, str], str]:
    bodies = Definition.objects.filter(pk__in=definition_ids).values_list("pk", "body")
    return {
        (pk, node["id"]): node.get("name") or ""
        for pk, body in bodies.iterator(chunk_size=10)
        for node in body.get("nodes", ())
    }
