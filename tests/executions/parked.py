"""Runs put into a state by hand, as a worker would have left them."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from django.utils import timezone

from apps.accounts.models import Person
from apps.executions.models import NEVER, NodeRun, Run
from apps.flows.models import Flow
from sage_studio.engine import signal_key
from tests.executions.flows import start


def park(person: Person, flow: Flow, node_id: str = "ask_a1", name: str = "approval", **details: Any) -> Run:
    """A run that nobody holds and that waits for the signal ``name`` of ``node_id``."""
    run = start(person, flow)
    wait = {"since": time.time(), "signal": signal_key(node_id, "", name), **details}
    NodeRun.objects.create(
        run=run, node_id=node_id, attempt=1, state="waiting", started_at=timezone.now(), waits={name: wait}
    )
    Run.objects.filter(pk=run.pk).update(
        state="running", owner="", fence=1, lease_until=NEVER, reason="waiting"
    )
    return Run.objects.get(pk=run.pk)


def hold(run: Run, owner: str = "somebody") -> None:
    """As if a worker had the run for the next hour."""
    later = timezone.now() + timedelta(hours=1)
    Run.objects.filter(pk=run.pk).update(state="running", owner=owner, fence=1, lease_until=later)


def child_of(parent: Run, key: str = "sub_a1||flow@1") -> Run:
    """A run the parent has started and waits for."""
    child = start(parent.created_by, parent.flow)  # type: ignore[arg-type]  # our parents have a starter
    Run.objects.filter(pk=child.pk).update(parent_run=parent, parent_path=key, depth=parent.depth + 1)
    return Run.objects.get(pk=child.pk)
