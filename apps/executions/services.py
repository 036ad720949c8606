"""Operations on runs: accept, cancel, retry. Workers do the rest (``adapters``)."""

from __future__ import annotations

import json
import uuid
from functools import lru_cache

from django.db.models import F, Max
from django.utils import timezone

from apps.accounts.models import Person
from apps.common import failpoints
from apps.common.db import write_transaction
from apps.common.errors import NotFound
from apps.common.events import emit
from apps.executions import errors, events
from apps.executions.models import NodeRun, Run, RunEvent
from apps.executions.selectors import localised, run_get
from apps.executions.types import FINAL_STATES, Trigger
from apps.flows.models import Definition, Flow
from apps.flows.services import flow_run_noted
from apps.notifications.services import notify
from apps.workspaces.policies import require
from apps.workspaces.types import Action
from sage_studio.engine import compile_flow, flow_inputs
from sage_studio.flow import Issue, parse_plain, validate
from sage_studio.flow.document import FlowDocument
from sage_studio.kernel import ErrorCode, JsonObject, SageError, Text
from sage_studio.plugins.registry import builtin_registry

MAX_INPUT_BYTES = 1 << 20
MAX_PROBLEMS_TOLD = 100


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
    if len(json.dumps(inputs)) > MAX_INPUT_BYTES:
        raise SageError(errors.INPUTS_TOO_LARGE, {"limit_bytes": MAX_INPUT_BYTES}, path="inputs")
    given = flow_inputs(_runnable(definition.pk), inputs)
    with write_transaction():
        require(person, flow.workspace_id, Action.RUN_START)
        run = _do_accept(
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
    failpoints.hit("run.accepted")
    return run


def _do_accept(run: Run) -> Run:
    """Row, first event, the flow's newest run and the hints; inside the caller's transaction."""
    # The flow's row is the lock under which its runs are numbered.
    if not Flow.objects.select_for_update().filter(pk=run.flow_id, archived_at=None).exists():
        raise NotFound
    newest = Run.objects.filter(flow_id=run.flow_id).aggregate(Max("number"))["number__max"]
    run.number = (newest or 0) + 1
    run.last_seq = 1
    run.save(force_insert=True)
    _append_event(run, "run_queued", {"trigger": run.trigger})
    flow_run_noted(flow_id=run.flow_id, run_id=run.pk, state=run.state, is_new=True)
    events.hint_work(run.flow_id)
    return run


def _append_event(run: Run, type_: str, data: JsonObject) -> None:
    """An event of a run no worker holds; ``run.last_seq`` is its number."""
    RunEvent.objects.create(run=run, seq=run.last_seq, type=type_, at=timezone.now(), data=data)


@lru_cache(maxsize=256)
def _runnable(definition_id: uuid.UUID) -> FlowDocument:
    """The document of a definition that may run: no error among its issues, and it compiles.
    Definitions never change, so the answer is kept. Raises SageError with every place."""
    document = parse_plain(Definition.objects.get(pk=definition_id).body)
    if not document.nodes:
        raise SageError(errors.FLOW_EMPTY)
    faults = [issue for issue in validate(document, builtin_registry()) if issue.severity == "error"]
    if faults:
        listed = [_as_error(issue) for issue in faults[:MAX_PROBLEMS_TOLD]]
        raise SageError(errors.FLOW_INVALID, {"count": len(faults)}, errors=listed)
    compile_flow(document, builtin_registry())
    return document


def _as_error(issue: Issue) -> SageError:
    """An issue in the shape of an error; its texts are finished, so their braces are no templates."""
    message, hint = (Text(en=_literal(t["en"]), zh=_literal(t["zh"])) for t in (issue.message, issue.hint))
    return SageError(ErrorCode(issue.code, issue.number, message, hint, status=422), path=issue.path)


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def run_cancel(*, person: Person, workspace_id: uuid.UUID, run_id: uuid.UUID) -> Run:
    """End a run: at once when no worker holds it, else as a wish its worker heeds within seconds.

    Raises NotFound, Forbidden, or SageError when it has ended already.
    """
    with write_transaction():
        require(person, workspace_id, Action.RUN_CONTROL)
        run = run_get(workspace_id, run_id)
        now = timezone.now()
        unclaimed = Run.objects.filter(pk=run.pk, state__in=("ready", "paused"))
        if unclaimed.update(
            state=Run.State.CANCELLED, finished_at=now, last_seq=F("last_seq") + 1, updated_at=now
        ):
            run.refresh_from_db()
            _append_event(run, "run_cancelled", {"reason": "requested"})
            flow_run_noted(flow_id=run.flow_id, run_id=run.pk, state=run.state, finished_at=now)
            emit(events.RUN_FINISHED, {"run_id": str(run.pk), "state": run.state})
        elif not Run.objects.filter(pk=run.pk, state="running").update(
            cancel_requested_at=now, updated_at=now
        ):
            run.refresh_from_db()
            raise SageError(errors.NOT_CANCELLABLE, {"state": run.state})
        events.hint_wish(run.flow_id)
        failpoints.hit("run.cancel")
    failpoints.hit("run.cancel_noted")
    return run


def run_retry(*, person: Person, workspace_id: uuid.UUID, run_id: uuid.UUID) -> Run:
    """Do it again: a run that has ended becomes a new run of the same definition and inputs; a
    run that waits for a decision about an unknown outcome goes on by repeating that node.

    Raises NotFound, Forbidden, or SageError while it is under way.
    """
    run = run_get(workspace_id, run_id)
    if run.state in FINAL_STATES:
        return run_accept(
            person=person,
            flow=run.flow,
            definition=run.definition,
            inputs=run.inputs,
            trigger=Trigger.RETRY,
            version=run.version,
            retry_of=run.pk,
        )
    with write_transaction():
        require(person, workspace_id, Action.RUN_CONTROL)
        if not Run.objects.filter(pk=run.pk, state="paused").update(
            state=Run.State.READY, last_seq=F("last_seq") + 1, error=None, reason="", cancel_requested_at=None
        ):
            run.refresh_from_db()
            raise SageError(errors.NOT_RETRYABLE, {"state": run.state})
        run.refresh_from_db()
        NodeRun.objects.filter(run=run, state="paused").update(state="pending")
        _append_event(run, "run_queued", {"trigger": "retry"})
        flow_run_noted(flow_id=run.flow_id, run_id=run.pk, state=run.state)
        events.hint_work(run.flow_id)
        failpoints.hit("run.retry")
    failpoints.hit("run.retried")
    return run


def run_failure_tell(payload: JsonObject) -> None:
    """Handler of ``run.failed``: the person who started the run gets a notice, once."""
    run = Run.objects.select_related("flow").filter(pk=str(payload["run_id"])).first()
    if run is None or run.created_by_id is None:
        return
    name, error = run.flow.name, run.error or {}
    notify(
        [run.created_by_id],
        kind="run.failed",
        title=Text(en=f"“{name}” failed (run {run.number})", zh=f"“{name}”运行失败（第 {run.number} 次）"),
        body=Text(
            en=str(localised(error, "en").get("message", "")),
            zh=str(localised(error, "zh").get("message", "")),
        ),
        link=f"/w/{run.workspace_id}/runs/{run.pk}",
        workspace_id=run.workspace_id,
        dedupe_key=f"run.failed:{run.pk}",
    )
