"""Debug sessions of runs: what people command, kept in order until the run's worker has done it.

A command is a row with a number. The worker hears of it by hint or poll and carries it out at the
run's gate (``engine.debugging``); the ``debug_state`` event that follows holds the number, so after a
crash nothing is done twice and nothing is forgotten.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from django.db.models import Max

from apps.accounts.models import Person
from apps.audit import services as audit
from apps.common.db import write_transaction
from apps.executions import errors, events
from apps.executions.debug_selectors import debug_setup, debug_state
from apps.executions.models import DebugCommand, FlowBreakpoints, Run, due_now
from apps.executions.selectors import run_get
from apps.executions.services.cancelling import run_cancel
from apps.executions.types import ACTIVE_STATES
from apps.flows.models import Flow
from apps.workspaces.policies import require
from apps.workspaces.types import Action
from sage_studio.engine.debugging import read_breakpoints, read_command
from sage_studio.engine.debugging.errors import GOING_ON, NO_NODE, NOT_DEBUGGABLE, STOP_GONE
from sage_studio.kernel import Json, JsonObject, SageError

MAX_COMMAND_BYTES = 256 * 1024
# What makes a run leave the stop it is about.
_MOVES = ("continue", "step_over", "step_into", "step_out", "run_to", "set_outputs", "again")
# Steps and breakpoints are seen in the run's log; what changes data is kept in the audit trail as well.
_AUDITED = frozenset({"set_inputs", "set_outputs", "again"})


def debug_command(
    *, person: Person, workspace_id: uuid.UUID, run_id: uuid.UUID, shape: Mapping[str, Any]
) -> DebugCommand | None:
    """Tell a run's debug session something; a run nobody debugs gets a session by it. None for
    ``stop``, which is a cancellation.

    Raises NotFound, Forbidden, and SageError: ``debug.command``, ``debug.breakpoint``,
    ``debug.run_ended``, ``debug.no_node``, ``debug.stop_gone`` when the run has left the stop already, or
    ``debug.going_on`` when somebody else's command is about to make it leave.
    """
    if len(json.dumps(shape)) > MAX_COMMAND_BYTES:
        raise SageError(errors.INPUTS_TOO_LARGE, {"limit_bytes": MAX_COMMAND_BYTES})
    word = read_command(shape).word
    if word == "stop":
        run_cancel(person=person, workspace_id=workspace_id, run_id=run_id)
        return None
    with write_transaction():
        require(person, workspace_id, Action.RUN_CONTROL)
        run_get(workspace_id, run_id)
        run = Run.objects.select_for_update().get(pk=run_id)
        if run.state not in ACTIVE_STATES:
            raise SageError(NOT_DEBUGGABLE, {"state": run.state})
        _check_stop(run, shape.get("stop"))
        if word == "run_to":
            _check_node(run, str(shape.get("node_id")))
        if word in _MOVES and shape.get("stop") is not None:
            _check_nobody_moves(run, shape["stop"])
        if run.debug is None:
            Run.objects.filter(pk=run.pk).update(debug={})
        command = _add_command(run, person, shape)
        _take_up(run)
        if word in _AUDITED:
            after: Json = {"stop": shape.get("stop"), "names": _names_changed(shape)}
            audit.record(person, f"run.debug.{word}", workspace_id, ("run", run.pk), after=after)
        events.hint_wish(run.flow_id)
    return command


def _add_command(run: Run, person: Person, shape: Mapping[str, Any]) -> DebugCommand:
    """The next command of a run; the caller holds the run's row."""
    last = DebugCommand.objects.filter(run=run).aggregate(Max("seq"))["seq__max"] or 0
    return DebugCommand.objects.create(run=run, seq=last + 1, shape=dict(shape), created_by=person)


def _take_up(run: Run) -> None:
    """A run that was put down while nobody commanded it is due now."""
    if Run.objects.filter(pk=run.pk, state="running", owner="").update(lease_until=due_now()):
        events.hint_work(run.flow_id)


def _check_stop(run: Run, stop: Any) -> None:
    """Refuse early what the run has visibly left; the gate itself decides in the end."""
    state = debug_state(run)
    if stop is None or state is None or state["stops_count"] > len(state["stops"]):
        return
    if stop not in {standing["id"] for standing in state["stops"]}:
        raise SageError(STOP_GONE, {"stop": str(stop)[:40]})


def _check_node(run: Run, node_id: str) -> None:
    if all(node["id"] != node_id for node in run.definition.body.get("nodes", ())):
        raise SageError(NO_NODE, {"node_id": node_id[:64]})


def _check_nobody_moves(run: Run, stop: str) -> None:
    """Of several people who move the run on from one stop the first takes effect; the others are told who
    was faster. The caller holds the run's row."""
    state = debug_state(run)
    done = 0 if state is None else state["commands_done"]
    coming = DebugCommand.objects.filter(run=run, seq__gt=done, shape__stop=stop, shape__command__in=_MOVES)
    first = coming.select_related("created_by").order_by("seq").first()
    if first is not None:
        name = first.created_by.name if first.created_by else ""
        raise SageError(GOING_ON, {"name": name, "command": first.shape["command"]})


def _names_changed(shape: Mapping[str, Any]) -> list[Json]:
    """Which ports and fields were given; their values may be anybody's data and stay out of the trail."""
    return [f"{kind}.{name}" for kind in ("inputs", "config", "outputs") for name in shape.get(kind) or ()]


def child_debug(parent: Run, key: str, flow: Flow) -> JsonObject | None:
    """What the session of a sub-flow's run begins with: the breakpoints of its own flow, and a stop when
    somebody is stepping into the node that calls it. None when nobody debugs the parent."""
    if parent.debug is None:
        return None
    state = debug_state(parent)
    passing = {} if state is None else state["passing"]
    caller = f"{passing.get('node_id')}|{passing.get('iteration_path')}|"
    is_stepped_into = passing.get("into") is True and key.startswith(caller)
    return debug_setup(flow, pause_at_start=is_stepped_into)


def flow_breakpoints_set(*, person: Person, flow: Flow, breakpoints: Any) -> FlowBreakpoints:
    """Replace the breakpoints that debug runs of the flow begin with; those under way that began with
    them follow.

    Raises Forbidden or NotFound for the person, SageError ``debug.breakpoint`` or ``debug.command``.
    """
    points: list[Json] = [point.to_json() for point in read_breakpoints(breakpoints)]
    with write_transaction():
        require(person, flow.workspace_id, Action.RUN_CONTROL)
        kept, _ = FlowBreakpoints.objects.update_or_create(
            flow=flow, defaults={"points": points, "changed_by": person}
        )
        following = Run.objects.filter(flow=flow, state__in=ACTIVE_STATES, debug__follows=True)
        for run in following.select_for_update():
            _add_command(run, person, {"command": "set_breakpoints", "breakpoints": points})
        events.hint_wish(flow.pk)
    return kept
