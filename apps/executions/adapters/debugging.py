"""Debug sessions of the runs a worker holds: read at the claim, told of commands while they last.
Synchronous; the caller uses a thread and connection of its own."""

from __future__ import annotations

import structlog

from apps.common import failpoints
from apps.common.db import write_transaction
from apps.executions.debug_selectors import commands_after, debug_state, who
from apps.executions.models import DebugCommand as CommandRow, Run
from sage_studio.engine.debugging import (
    DebugCommand,
    DebugSession,
    DebugState,
    read_breakpoints,
    read_command,
)
from sage_studio.kernel import JsonObject, SageError

logger = structlog.get_logger(__name__)


def debug_session(run: Run) -> DebugSession | None:
    """The session of a claimed run: what was asked for at the start or where an earlier worker left it,
    told of the commands nobody has carried out. None for a run nobody debugs."""
    if run.debug is None:
        return None
    left = debug_state(run)
    try:
        session = DebugSession(_begun(run.debug) if left is None else DebugState.from_json(left))
    except (SageError, KeyError, TypeError):  # of another release: the run goes on without its breakpoints
        logger.exception("debug_session_unreadable", run_id=str(run.pk))
        session = DebugSession()
    for command in _engine_commands(commands_after(run.pk, session.gate.state.commands_done)):
        session.tell(command)
    return session


def _begun(setup: JsonObject) -> DebugState:
    points = read_breakpoints(setup.get("breakpoints", []))
    return DebugState.begun(points, pause_at_start=setup.get("pause_at_start") is True)


def take_debug_commands(owner: str) -> list[tuple[str, DebugCommand]]:
    """Commands for runs the owner holds as (run id, command), each once per holder, in order."""
    untold = CommandRow.objects.filter(is_told=False, run__owner=owner, run__state="running")
    found = list(untold.select_related("created_by").order_by("run_id", "seq"))
    if not found:
        return []
    with write_transaction():
        # The owner is asked again: a command of a run that was taken over meanwhile is another worker's.
        mine = CommandRow.objects.filter(pk__in=[row.pk for row in found], run__owner=owner)
        mine_ids = set(mine.values_list("pk", flat=True))
        CommandRow.objects.filter(pk__in=mine_ids).update(is_told=True)
        failpoints.hit("debug.take")
    failpoints.hit("debug.taken")
    rows = [row for row in found if row.pk in mine_ids]
    return [(str(row.run_id), command) for row in rows for command in _engine_commands([row])]


def _engine_commands(rows: list[CommandRow]) -> list[DebugCommand]:
    commands = []
    for row in rows:
        try:
            commands.append(read_command(row.shape, seq=row.seq, by=who(row)))
        except SageError as error:  # kept by an older release that took other words
            logger.warning("debug_command_unreadable", run_id=str(row.run_id), seq=row.seq, error=str(error))
    return commands
