"""Reading debug sessions: a session is the fold of its run's log."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import Max

from apps.executions.models import DebugCommand, FlowBreakpoints, Run, RunEvent
from apps.executions.selectors import event_json
from apps.flows.models import Flow
from sage_studio.engine.debugging import read_breakpoints
from sage_studio.kernel import Json, JsonObject

COMMANDS_SHOWN = 20


def debug_state(run: Run | uuid.UUID) -> dict[str, Any] | None:
    """Where the session stands: the newest ``debug_state``; None for a run nobody has debugged yet."""
    newest = RunEvent.objects.filter(run=run, type="debug_state").order_by("-seq").first()
    return None if newest is None else newest.data


def debug_session(run: Run) -> JsonObject:
    """The session as people see it: its state, what stands at each stop, the last commands."""
    state = debug_state(run)
    standing = {stop["id"] for stop in state["stops"]} if state else set()
    hits = RunEvent.objects.filter(run=run, type="breakpoint_hit").order_by("-seq")[:200]
    shown: dict[str, Json] = {}
    for hit in hits:
        stop_id = hit.data["stop"]["id"]
        if stop_id in standing:
            shown.setdefault(stop_id, event_json(hit))
    commands = DebugCommand.objects.filter(run=run).select_related("created_by").order_by("-seq")
    return {
        "is_debugged": run.debug is not None,
        "run_state": run.state,
        "state": state,
        "hits": shown,
        "commands": [_command_json(command) for command in commands[:COMMANDS_SHOWN]],
    }


def _command_json(command: DebugCommand) -> JsonObject:
    return {
        "seq": command.seq,
        "command": command.shape.get("command"),
        "stop": command.shape.get("stop"),
        "by": who(command),
        "at": command.created_at.isoformat(),
    }


def who(command: DebugCommand) -> JsonObject:
    """The person behind a command, as events show them."""
    person = command.created_by
    if person is None:
        return {}
    return {"id": str(person.pk), "name": person.name, "color": person.color}


def flow_breakpoints(flow: Flow) -> list[JsonObject]:
    """The breakpoints debug runs of the flow begin with."""
    kept = FlowBreakpoints.objects.filter(flow=flow).first()
    return list(kept.points) if kept else []


def commands_after(run_id: uuid.UUID, seq: int) -> list[DebugCommand]:
    """Commands of a run in order, from the one after ``seq``."""
    commands = DebugCommand.objects.filter(run_id=run_id, seq__gt=seq).select_related("created_by")
    return list(commands.order_by("seq"))


def is_commanded(run_id: uuid.UUID) -> bool:
    """Whether somebody told the run's debug session something that is not carried out yet, as far as its
    log says."""
    last = DebugCommand.objects.filter(run_id=run_id).aggregate(Max("seq"))["seq__max"]
    if last is None:
        return False
    state = debug_state(run_id)
    return state is None or state["commands_done"] < last


def debug_setup(flow: Flow, *, breakpoints: Any = None, pause_at_start: bool = False) -> JsonObject:
    """What a new debug run begins with; without ``breakpoints`` those of the flow."""
    if breakpoints is None:
        kept = FlowBreakpoints.objects.filter(flow=flow).first()
        points: list[Json] = list(kept.points) if kept else []
    else:
        points = [point.to_json() for point in read_breakpoints(breakpoints)]
    return {"breakpoints": points, "pause_at_start": pause_at_start, "follows": breakpoints is None}


def debug_again(flow: Flow, debug: JsonObject | None) -> JsonObject | None:
    """What the session of a run begins with that repeats a debugged one (``debug``): the breakpoints it
    had been given, or those of the flow as they are now. None for a run nobody debugged."""
    if debug is None:
        return None
    own = None if debug.get("follows", True) else debug.get("breakpoints")
    return debug_setup(flow, breakpoints=own)
