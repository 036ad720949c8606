"""Reading runs."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Count, DateTimeField, Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from apps.common.errors import NotFound
from apps.executions.models import NodeRun, Run, RunEvent, Signal
from apps.executions.types import ACTIVE_STATES, FINAL_STATES, FLOW_SIGNAL
from apps.files.selectors import blob_get
from sage_studio.engine import Event, iso, signal_key
from sage_studio.engine.records import CHECKPOINT
from sage_studio.kernel import JsonObject, SageError, error_codes
from sage_studio.kernel.errors import Language

_EVENTS_AT_ONCE = 500
PREVIEW_BYTES = 4096
_DAWN = datetime(1970, 1, 1, tzinfo=UTC)


def run_list(
    workspace_id: uuid.UUID,
    *,
    flow_id: uuid.UUID | None = None,
    state: str | None = None,
    reason: str | None = None,
    parent_id: uuid.UUID | None = None,
) -> QuerySet[Run]:
    """Runs of a workspace for a list; the caller pages them. Runs that other runs started are shown
    only where their parent is asked for."""
    runs = Run.objects.filter(workspace_id=workspace_id).select_related("flow", "created_by")
    runs = runs.defer("inputs", "outputs", "flow__description")
    runs = runs.filter(parent_run_id=parent_id) if parent_id else runs.filter(parent_run=None)
    if flow_id is not None:
        runs = runs.filter(flow_id=flow_id)
    if state is not None:
        runs = runs.filter(state=state)
    if reason is not None:
        runs = runs.filter(reason=reason)
    return runs


def run_get(workspace_id: uuid.UUID, run_id: uuid.UUID) -> Run:
    """One run with its definition. Raises NotFound for another workspace's."""
    runs = Run.objects.select_related("flow", "created_by", "definition")
    run = runs.filter(workspace_id=workspace_id, pk=run_id).first()
    if run is None:
        raise NotFound
    return run


def child_list(run: Run, limit: int = 50) -> list[Run]:
    """The newest runs this one started."""
    return list(run.children.select_related("flow").order_by("-created_at", "-id")[:limit])


def run_active_list(flow_id: uuid.UUID) -> list[Run]:
    """Runs of a flow that have not ended, oldest first."""
    return list(Run.objects.filter(flow_id=flow_id, state__in=ACTIVE_STATES).order_by("created_at"))


@dataclass(frozen=True, slots=True)
class NodeFilter:
    """Which rows of a run: those of one level (``path``), of everything (None), or the iterations of a
    ``container`` on that level."""

    path: str | None = ""
    container: str = ""
    node_id: str = ""
    state: str = ""


def node_run_list(run: Run, wanted: NodeFilter = NodeFilter(path=None)) -> QuerySet[NodeRun]:
    """Attempts of nodes, in order of their start; outputs are not loaded. Iterations are rows of their
    own only when their container is asked for."""
    rows = run.node_runs.defer("outputs", "inputs", "waits")
    if wanted.container:
        rows = rows.filter(node_id=wanted.container, outer_path=wanted.path or "")
    elif wanted.path is not None:
        rows = rows.filter(iteration_path=wanted.path, outer_path=None)
    if wanted.node_id:
        rows = rows.filter(node_id=wanted.node_id)
    if wanted.state:
        rows = rows.filter(state=wanted.state)
    began = Coalesce("started_at", "finished_at", Value(_DAWN), output_field=DateTimeField())
    return rows.annotate(began=began).order_by("began", "finished_at", "node_id", "attempt")


def rows_outside(
    run_id: uuid.UUID | str, ended: Sequence[str] = ("completed", "failed")
) -> QuerySet[NodeRun]:
    """Rows of a run without those inside iterations that ``ended``, and without the iterations of
    completed containers: what it takes to go on."""
    home = Coalesce(OuterRef("outer_path"), OuterRef("iteration_path"))
    around = NodeRun.objects.filter(
        run_id=run_id, iteration_path=home, outer_path__isnull=False, state__in=ended
    )
    container = NodeRun.objects.filter(
        run_id=run_id,
        node_id=OuterRef("node_id"),
        iteration_path=OuterRef("outer_path"),
        state="completed",
    )
    is_open = (Q(outer_path="") | ~Exists(around)) & (Q(outer_path=None) | ~Exists(container))
    return NodeRun.objects.filter(Q(iteration_path="") | is_open, run_id=run_id)


def iteration_counts(run: Run, path: str = "") -> dict[str, dict[str, int]]:
    """For every container of a level, how many of its iterations are in which state."""
    rows = run.node_runs.filter(outer_path=path).values_list("node_id", "state").annotate(Count("id"))
    counts: dict[str, dict[str, int]] = {}
    for node_id, state, count in rows:
        counts.setdefault(node_id, {})[state] = count
    return counts


@dataclass(frozen=True, slots=True)
class Wait:
    """One thing a run waits for. ``key`` addresses the signal that ends it (``can_signal``: somebody may
    send it); ``until`` is when the wait ends by itself. ``details`` are for people: what to decide,
    which flow runs."""

    key: str
    node_id: str
    iteration_path: str
    attempt: int
    name: str
    since: datetime | None
    until: datetime | None
    can_signal: bool
    is_answered: bool
    details: JsonObject


_OWN_WORDS = frozenset({"since", "until", "signal", "done", "payload", "run_id"})


def wait_list(run: Run) -> list[Wait]:
    """What a run that has not ended waits for, those first that began first."""
    if run.state in FINAL_STATES:
        return []
    rows = run.node_runs.filter(state="waiting").order_by("started_at", "iteration_path", "node_id")
    answered = set(Signal.objects.filter(run=run).values_list("key", flat=True)) if rows else set()
    return [wait for row in rows for wait in waits_of(row, answered)]


def waits_of(row: NodeRun, answered: Collection[str]) -> list[Wait]:
    """What one attempt waits for; ``answered`` are the keys of its run's signals."""
    waits: dict[str, JsonObject] = row.waits or {}
    return [_wait(row, name, entry, answered) for name, entry in waits.items() if not entry.get("done")]


def _wait(row: NodeRun, name: str, entry: JsonObject, answered: Collection[str]) -> Wait:
    key = signal_key(row.node_id, row.iteration_path, name)
    return Wait(
        key=key,
        node_id=row.node_id,
        iteration_path=row.iteration_path,
        attempt=row.attempt,
        name=name,
        since=_moment(entry.get("since")),
        until=_moment(entry.get("until")),
        # A child's end is told by the child alone.
        can_signal="signal" in entry and not name.startswith(f"{FLOW_SIGNAL}@"),
        is_answered=key in answered,
        details={word: value for word, value in entry.items() if word not in _OWN_WORDS},
    )


def _moment(at: Any) -> datetime | None:
    return datetime.fromtimestamp(at, UTC) if isinstance(at, int | float) else None


def node_run_get(run: Run, node_run_id: uuid.UUID) -> NodeRun:
    """One attempt with its outputs. Raises NotFound."""
    found = run.node_runs.filter(pk=node_run_id).first()
    if found is None:
        raise NotFound
    return found


def node_run_inputs(run: Run, node_run: NodeRun) -> JsonObject:
    """What reached the node's ports, read back from the outputs of the nodes wired to it, on its own
    level or around it. What a container gave to its body, an item say, is not kept.

    A port with several edges shows a list of ``{node_id, value}``; a node of the top level without
    edges shows the inputs of the run.
    """
    body = run.definition.body
    inside = {node["id"] for node in body.get("nodes", ()) if node.get("parent") == node_run.node_id}
    edges = [
        edge
        for edge in body.get("edges", ())
        if edge["target"] == node_run.node_id and edge["source"] not in inside
    ]
    if not edges or node_run.outer_path is not None:
        return {} if node_run.iteration_path else dict(run.inputs)
    outputs = outputs_of(run, {edge["source"] for edge in edges}, node_run.iteration_path)
    wired: dict[str, list[Any]] = {}
    for edge in edges:
        given = outputs.get(edge["source"], {})
        if edge["source_port"] in given:
            value = {"node_id": edge["source"], "value": given[edge["source_port"]]}
            wired.setdefault(edge["target_port"], []).append(value)
    return {port: values[0]["value"] if len(values) == 1 else values for port, values in wired.items()}


def outputs_of(run: Run, node_ids: Iterable[str], path: str) -> dict[str, dict[str, Any]]:
    """What these nodes gave on the level ``path`` or the nearest one around it."""
    levels = [path]
    while levels[-1]:
        levels.append(levels[-1].rpartition("/")[0])
    rows = run.node_runs.filter(node_id__in=node_ids, iteration_path__in=levels, outer_path=None)
    given: dict[str, dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: (len(row.iteration_path), row.attempt)):
        if row.state == "completed" and row.outputs:
            given[row.node_id] = row.outputs
        elif row.state == "failed" and row.error:
            given[row.node_id] = {"error": row.error}
    return given


def with_previews(run: Run, values: JsonObject | None) -> JsonObject | None:
    """Values of ports with the beginning of those that live in blobs, as ``preview`` in the reference."""
    if values is None:
        return None
    return {port: _with_preview(run, value) for port, value in values.items() if port != CHECKPOINT}


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
    elif row.type in {"debug_state", "breakpoint_hit"}:
        words += _debug_words(data)
    elif isinstance(error := data.get("error"), dict):
        words.append(f"[{error.get('code')}] {localised(error, language)['message']}")
    else:
        words += [f"{key}={value}" for key, value in data.items() if value is not None and key != "ports"]
    return " ".join(word for word in words if word).replace("\n", " ⏎ ")


def _debug_words(data: JsonObject) -> list[str]:
    """Of a debug session: where it stands, who did what; the whole is in the event."""
    stop, command = data.get("stop"), data.get("command")
    if isinstance(stop, dict):
        return [f"{stop.get('reason')} {stop.get('id')}"]
    words = [str(data.get("mode"))]
    if isinstance(command, dict):
        by = command.get("by")
        words += [str(command.get("word")), f"by {by.get('name')}" if isinstance(by, dict) else ""]
    return words


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


def packages_pinned() -> set[str]:
    """The plug-in packages that runs which go on were accepted with."""
    pinned = Run.objects.filter(state__in=ACTIVE_STATES, plugins__isnull=False)
    return {key for keys in pinned.values_list("plugins", flat=True) for key in keys or ()}
