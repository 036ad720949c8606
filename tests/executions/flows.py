"""Small flows for tests."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from typing import Any

import pytest

from apps.accounts.models import Person
from apps.executions.models import Run
from apps.executions.services import run_accept
from apps.flows.models import Flow
from apps.flows.services import flow_create
from apps.workspaces.models import Workspace
from sage_studio.plugins.registry import builtin_registry
from sage_studio.sdk import Node

WAIT_S = 90.0


def definition(nodes: list[dict[str, Any]], edges: list[str] | None = None, **more: Any) -> dict[str, Any]:
    """A flow document; an edge is written ``a:out>b:in``."""
    wires = []
    for edge in edges or []:
        source, target = edge.split(">")
        (source_id, source_port), (target_id, target_port) = source.split(":"), target.split(":")
        wires.append(
            {"source": source_id, "source_port": source_port, "target": target_id, "target_port": target_port}
        )
    return {"schema": "sage-studio/flow@1", "nodes": nodes, "edges": wires, **more}


def make_flow(person: Person, workspace: Workspace, body: dict[str, Any], name: str = "Test") -> Flow:
    return flow_create(person=person, workspace=workspace, name=name, definition=body)


def start(person: Person, flow: Flow, **inputs: Any) -> Run:
    return run_accept(person=person, flow=flow, definition=flow.definition, inputs=inputs)


def wait_for(run_id: uuid.UUID, *states: str, wait_s: float = WAIT_S) -> Run:
    """The run once it is in one of ``states`` (any ending by default)."""
    wanted = states or ("completed", "failed", "cancelled", "paused")
    give_up_at = time.monotonic() + wait_s
    while time.monotonic() < give_up_at:
        run = Run.objects.get(pk=run_id)
        if run.state in wanted:
            return run
        time.sleep(0.02)
    raise AssertionError(f"the run is still {Run.objects.get(pk=run_id).state} after {wait_s} s")


def add_for_this_test(patch: pytest.MonkeyPatch, nodes: Iterable[type[Node]]) -> None:
    """Makes nodes known to this process for as long as the test lasts."""
    library = builtin_registry()
    for name in ("_types", "_newest", "_ids"):
        patch.setattr(library, name, dict(getattr(library, name)))
    for node in nodes:
        library.add(node)
