"""Reading runs."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import QuerySet

from apps.common.errors import NotFound
from apps.executions.models import NodeRun, Run, RunEvent
from apps.executions.types import ACTIVE_STATES
from apps.files.selectors import blob_get
from sage_studio.engine import Event, iso
from sage_studio.kernel import JsonObject, SageError, error_codes
from sage_studio.kernel.errors import Language

_EVENTS_AT_ONCE = 500
PREVIEW_BYTES = 4096


def run_list(
    workspace_id: uuid.UUID, *, flow_id: uuid.UUID | None = None, state: str | None = None
) -> QuerySet[Run]:
    """Runs of a workspace for a list; the caller pages them."""
    runs = Run.objects.filter(workspace_id=workspace_id).select_related("flow", "created_by")
    runs = runs.defer("inputs", "outputs", "flow__description")
    if flow_id is not None:
        runs = runs.filter(flow_id=flow_id)
    if state is not None:
        runs = runs.filter(state=state)
    return runs


def run_get(workspace_id: uuid.UUID, run_id: uuid.UUID) -> Run:
    """One run with its definition. Raises NotFound for another workspace's."""
    runs = Run.objects.select_related("flow", "created_by", "definition")
    run = runs.filter(workspace_id=workspace_id, pk=run_id).first()
    if run is None:
        raise NotFound
    return run


def run_active_list(flow_id: uuid.UUID) -> list[Run]:
    """Runs of a flow that have not ended, oldest first."""
    return list(Run.objects.filter(flow_id=flow_id, state__in=ACTIVE_STATES).order_by("created_at"))


def node_run_list(run: Run) -> QuerySet[NodeRun]:
    """Every attempt of every node, in order of their start; outputs are not loaded."""
    return run.node_runs.defer("outputs").order_by("started_at", "finished_at", "node_id", "attempt")


def node_run_get(run: Run, node_run_id: uuid.UUID) -> NodeRun:
    """One attempt with its outputs. Raises NotFound."""
    found = run.node_runs.filter(pk=node_run_id).first()
    if found is None:
        raise NotFound
    return found


def node_run_inputs(run: Run, node_run: NodeRun) -> JsonObject:
    """What reached the node's ports, read back from the outputs of the nodes wired to it.

    A port with several edges shows a list of ``{node_id, value}``; a node without edges shows the
    inputs of the run.
    """
    edges = [edge for edge in run.definition.body.get("edges", ()) if edge["target"] == node_run.node_id]
    if not edges:
        return dict(run.inputs)
    outputs = _outputs_of(run, {edge["source"] for edge in edges})
    wired: dict[str, list[Any]] = {}
    for edge in edges:
        given = outputs.get(edge["source"], {})
        if edge["source_port"] in given:
            value = {"node_id": edge["source"], "value": given[edge["source_port"]]}
            wired.setdefault(edge["target_port"], []).append(value)
    return {port: values[0]["value"] if len(values) == 1 else values for port, values in wired.items()}


def _outputs_of(run: Run, node_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    rows = run.node_runs.filter(node_id__in=node_ids).order_by("attempt")
    given: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row.state == "completed" and row.outputs:
            given[row.node_id] = row.outputs
        elif row.state == "failed" and row.error:
            given[row.node_id] = {"error": row.error}
    return given


def with_previews(run: Run, values: JsonObject | None) -> JsonObject | None:
    """Values of ports with the beginning of those that live in blobs, as ``preview`` in the reference."""
    if values is None:
        return None
    return {port: _with_preview(run, value) for port, value in values.items()}


def _with_preview(run: Run, value: Any) -> Any:
    if not (isinstance(value, dict) and isinstance(value.get("$blob"), str)):
        return value
    try:
        text = blob_get(run.workspace_id, value["$blob"])[:PREVIEW_BYTES].decode("utf-8", "replace")
    except SageError:
        return {**value, "gone": True}
    return {**value, "preview": text}


def event_list(run_id: uuid.UUID, *, after: int, limit: int) -> list[JsonObject]:
    """Events of a run as CONTRACTS shows them, oldest first."""
    rows = RunEvent.objects.filter(run_id=run_id, seq__gt=after).order_by("seq")[:limit]
    return [event_json(row) for row in rows]


def event_json(row: RunEvent) -> JsonObject:
    event = Event(
        row.type, row.seq, row.at.timestamp(), row.node_id or None, row.iteration_path, row.attempt, row.data
    )
    return event.to_json(str(row.run_id))


def run_log_lines(run: Run, language: Language) -> Iterator[str]:
    """The run's log as text, a line per event, without loading it whole."""
    after = 0
    while rows := list(
        RunEvent.objects.filter(run_id=run.pk, seq__gt=after).order_by("seq")[:_EVENTS_AT_ONCE]
    ):
        for row in rows:
            yield _log_line(row, language) + "\n"
        after = rows[-1].seq


def _log_line(row: RunEvent, language: Language) -> str:
    words = [iso(row.at.timestamp()), row.type.ljust(16)]
    if row.node_id:
        words.append(row.node_id if row.attempt <= 1 else f"{row.node_id} (attempt {row.attempt})")
    data = row.data
    if row.type == "log":
        fields = " ".join(f"{key}={value}" for key, value in (data.get("fields") or {}).items())
        words += [str(data.get("level", "info")).upper(), str(data.get("message", "")), fields]
    elif isinstance(error := data.get("error"), dict):
        words.append(f"[{error.get('code')}] {localised(error, language)['message']}")
    else:
        words += [f"{key}={value}" for key, value in data.items() if value is not None and key != "ports"]
    return " ".join(word for word in words if word).replace("\n", " ⏎ ")


def localised(error: JsonObject, language: Language) -> JsonObject:
    """A stored problem with its message and hint in ``language``, when its code is known here."""
    entry = error_codes().get(str(error.get("code")))
    details = error.get("details")
    if entry is None or language == "en":
        return error
    facts = _Facts(details if isinstance(details, dict) else {})
    changed = {**error, "message": entry.message[language].format_map(facts)}
    if entry.hint[language]:
        changed["hint"] = entry.hint[language].format_map(facts)
    return changed


class _Facts(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"
