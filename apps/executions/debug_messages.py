"""``debug`` messages of a flow's socket: read, carried out, answered."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from apps.accounts.models import Person
from apps.common.errors import NotFound
from apps.executions.models import Run
from apps.executions.selectors import localised
from apps.executions.services import debugging
from apps.workspaces.policies import require_in_scope
from apps.workspaces.types import Action
from sage_studio.kernel import JsonObject, SageError, json_object
from sage_studio.kernel.errors import Language

_ENVELOPE = frozenset({"type", "run_id", "ref"})


def answer_debug(
    scope: Mapping[str, Any], workspace_id: uuid.UUID, flow_id: uuid.UUID, message: Mapping[str, Any]
) -> JsonObject:
    """Carry a message out for the socket's person. ``ref`` (anything short) comes back with the answer,
    which says that the command is kept (``debug_accepted`` with its number) or why not."""
    ref = message.get("ref")
    told: JsonObject = {
        "run_id": str(message.get("run_id"))[:40],
        "command": str(message.get("command"))[:40],
        "ref": ref if isinstance(ref, (str, int)) else None,
    }
    try:
        run_id = _run_id(message, flow_id)
        require_in_scope(scope, workspace_id, Action.RUN_CONTROL)
        person: Person = scope["user"]
        shape = {key: value for key, value in message.items() if key not in _ENVELOPE}
        command = debugging.debug_command(
            person=person, workspace_id=workspace_id, run_id=run_id, shape=shape
        )
    except SageError as error:
        problem = localised(json_object(error.problem()), language_in(scope))
        return {"type": "debug_refused", **told, "error": problem}
    return {"type": "debug_accepted", **told, "seq": command.seq if command else None}


def _run_id(message: Mapping[str, Any], flow_id: uuid.UUID) -> uuid.UUID:
    """The run a message is about, when it is one of the socket's flow."""
    try:
        run_id = uuid.UUID(str(message.get("run_id")))
    except ValueError:
        raise NotFound from None
    if not Run.objects.filter(pk=run_id, flow_id=flow_id).exists():
        raise NotFound
    return run_id


def language_in(scope: Mapping[str, Any]) -> Language:
    """That of the person behind a socket."""
    return "zh" if getattr(scope.get("user"), "language", "") == "zh" else "en"
