"""Accepting a run: what may run, and the rows that promise it."""

from __future__ import annotations

import json
import threading
import uuid
from datetime import datetime

from django.db import connection
from django.utils import timezone

from apps.accounts.models import Person
from apps.catalogue.selectors import instance_registry, pins_of, registry
from apps.common import failpoints
from apps.common.db import as_id, fetch_one, insert_row, write_transaction
from apps.common.errors import NotFound
from apps.executions import errors, events
from apps.executions.models import Run, RunEvent
from apps.executions.types import Trigger
from apps.flows.models import Definition, Flow
from apps.flows.services import flow_run_noted
from apps.workspaces.policies import require
from apps.workspaces.types import Action
from sage_studio.engine import compile_flow, typed_inputs
from sage_studio.flow import Issue, parse_plain, validate
from sage_studio.flow.document import FlowDocument, FlowSettings
from sage_studio.kernel import ErrorCode, JsonObject, SageError, Text
from sage_studio.plugins.registry import NodeRegistry

MAX_INPUT_BYTES = 1 << 20
MAX_PROBLEMS_TOLD = 100
# A node of a kept document takes about 5 KB.
MAX_NODES_KEPT = 20_000
_kept: dict[tuple[uuid.UUID, NodeRegistry], FlowDocument] = {}
_kept_lock = threading.Lock()


def run_accept(
    *,
    person: Person,
    flow: Flow,
    definition: Definition,
    inputs: JsonObject,
    trigger: Trigger = Trigger.MANUAL,
    version: int | None = None,
    retry_of: uuid.UUID | None = None,
) -> Run:
    """Promise a run of ``definition``: when this returns (and its transaction is committed) the run
    exists after any crash.

    Raises Forbidden or NotFound for the person, SageError when the flow cannot run or an input
    is missing or too big.
    """
    given = checked_inputs(definition, inputs, registry(flow.workspace_id))
    with write_transaction():
        run = run_promise(
            person=person,
            flow=flow,
            definition=definition,
            given=given,
            trigger=trigger,
            version=version,
            retry_of=retry_of,
        )
    failpoints.hit("run.accepted")
    return run


def run_promise(
    *,
    person: Person,
    flow: Flow,
    definition: Definition,
    given: JsonObject,
    trigger: Trigger,
    version: int | None,
    retry_of: uuid.UUID | None = None,
) -> Run:
    """What ``run_accept`` writes, inside the caller's transaction; ``given`` are ``checked_inputs``. The
    caller passes the fail point ``run.accepted`` behind its commit. Raises Forbidden or NotFound."""
    require(person, flow.workspace_id, Action.RUN_START)
    run = add_run(
        Run(
            workspace_id=flow.workspace_id,
            flow=flow,
            definition=definition,
            trigger=trigger.value,
            version=version,
            retry_of=retry_of,
            inputs=given,
            created_by=person,
        )
    )
    failpoints.hit("run.accept")
    return run


def checked_inputs(
    definition: Definition, inputs: JsonObject, types: NodeRegistry, limit_bytes: int = MAX_INPUT_BYTES
) -> JsonObject:
    """The inputs with defaults filled in. Raises SageError when they are too big, one is missing or of
    another type than declared, or when the definition cannot run."""
    if len(json.dumps(inputs)) > limit_bytes:
        raise SageError(errors.INPUTS_TOO_LARGE, {"limit_bytes": limit_bytes}, path="inputs")
    return typed_inputs(runnable(definition.pk, types), inputs)


def add_run(run: Run, **facts: object) -> Run:
    """Row, first event (with ``facts``), the flow's newest run and the hints; inside the caller's
    transaction. A child run is its parent's affair and does not become the flow's newest.

    From here on the run belongs to the code of plug-ins that it was accepted with.
    """
    types = registry(run.workspace_id)
    if types is not instance_registry():
        run.plugins = pins_of(parse_plain(run.definition.body), types)
    if run.budget is None:
        run.budget = _flow_budget(run, types)
    run.number = _next_number(run.flow_id)
    run.last_seq = 1
    insert_row(run)
    append_event(run, "run_queued", {"trigger": run.trigger, **facts})  # type: ignore[dict-item]
    if run.parent_run_id is None:
        flow_run_noted(flow_id=run.flow_id, run_id=run.pk, state=run.state, is_new=True)
    events.hint_work(run.flow_id)
    return run


def _flow_budget(run: Run, types: NodeRegistry) -> JsonObject | None:
    """What the run may spend. A flow of which a part runs need not be runnable as a whole."""
    if run.part is not None:
        body: JsonObject = run.definition.body
        return FlowSettings.model_validate(body.get("settings", {})).budget_json
    return runnable(run.definition_id, types).settings.budget_json


def _next_number(flow_id: uuid.UUID) -> int:
    """The number of the flow's next run. The flow's row is the lock under which its runs are numbered.
    Raises NotFound for an archived flow."""
    lock = "FOR UPDATE" if connection.features.has_select_for_update else ""
    statement = f"SELECT 1 FROM flows_flow WHERE id = %s AND archived_at IS NULL {lock}"  # noqa: S608 - our own words
    if fetch_one(statement, [as_id(flow_id)]) is None:
        raise NotFound
    newest = fetch_one("SELECT MAX(number) FROM executions_run WHERE flow_id = %s", [as_id(flow_id)])
    assert newest is not None
    return (newest[0] or 0) + 1


def append_event(run: Run, type_: str, data: JsonObject) -> None:
    """An event of a run no worker holds; ``run.last_seq`` is its number."""
    insert_row(RunEvent(run_id=run.pk, seq=run.last_seq, type=type_, at=timezone.now(), data=data))


def note_state(run: Run, finished_at: datetime | None = None) -> None:
    """Tell the flow's entry in lists what became of a run; a child is its parent's affair."""
    if run.parent_run_id is None:
        flow_run_noted(flow_id=run.flow_id, run_id=run.pk, state=run.state, finished_at=finished_at)


def runnable(definition_id: uuid.UUID, types: NodeRegistry) -> FlowDocument:
    """The document of a definition that may run with these node types. Neither ever changes, so answers are
    kept, as many as ``MAX_NODES_KEPT`` allows. Raises SageError with every place."""
    key = definition_id, types
    with _kept_lock:
        kept = _kept.pop(key, None)
        if kept is not None:
            _kept[key] = kept
            return kept
    document = parse_plain(Definition.objects.get(pk=definition_id).body)
    check_runnable(document, types)
    with _kept_lock:
        _kept[key] = document
        size = sum(len(each.nodes) + 1 for each in _kept.values())
        while size > MAX_NODES_KEPT and len(_kept) > 1:
            size -= len(_kept.pop(next(iter(_kept))).nodes) + 1
    return document


def check_runnable(document: FlowDocument, types: NodeRegistry, *, ignored: str | None = None) -> None:
    """Raises SageError with every place unless there is no error among the flow's issues (but those whose
    path begins with ``ignored``) and it compiles."""
    if not document.nodes:
        raise SageError(errors.FLOW_EMPTY)
    issues = [issue for issue in validate(document, types) if issue.severity == "error"]
    faults = [issue for issue in issues if ignored is None or not issue.path.startswith(ignored)]
    if faults:
        listed = [_as_error(issue) for issue in faults[:MAX_PROBLEMS_TOLD]]
        raise SageError(errors.FLOW_INVALID, {"count": len(faults)}, errors=listed)
    compile_flow(document, types)


def _as_error(issue: Issue) -> SageError:
    """An issue in the shape of an error; its texts are finished, so their braces are no templates."""
    message, hint = (Text(en=_literal(t["en"]), zh=_literal(t["zh"])) for t in (issue.message, issue.hint))
    return SageError(ErrorCode(issue.code, issue.number, message, hint, status=422), path=issue.path)


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
