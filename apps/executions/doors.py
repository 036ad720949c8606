"""The hot addresses of runs: starting one, and asking how it goes.

Starting all of a flow is done at the desk; parts of flows, debug sessions and keys against doubles, which
people ask for at their own pace, are the view's alone.
"""

from __future__ import annotations

import re
import uuid
from functools import partial

import structlog
from django.http import HttpRequest
from rest_framework.renderers import JSONRenderer

from apps.accounts.services import visitor_identify
from apps.catalogue.selectors import registry
from apps.common import failpoints
from apps.common.desk import Work
from apps.common.door import Door, Reply, plain_json
from apps.executions.apis import SHOWN, START, definition_to_run
from apps.executions.models import Run
from apps.executions.services import checked_inputs, run_promise
from apps.executions.types import Trigger
from apps.flows.selectors import flow_to_run
from apps.workspaces.policies import require, require_token
from apps.workspaces.types import Action

_RUNS = r"/api/v1/workspaces/(?P<workspace_id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/runs"
_WHOLE = frozenset({"flow_id", "inputs", "version"})
_RENDERER = JSONRenderer()
_LANGUAGES = {"en": "en", "zh": "zh-hans"}


def start(request: HttpRequest, workspace_id: str) -> Work[Reply] | None:
    """As ``RunsApi.post`` for a run of a whole flow; None for all else."""
    body = plain_json(request)
    if not isinstance(body, dict) or not _WHOLE.issuperset(body):
        return None
    visitor = visitor_identify(request)
    if visitor is None or visitor[0].language not in _LANGUAGES:
        return None
    person, token = visitor
    workspace = uuid.UUID(workspace_id)
    structlog.contextvars.bind_contextvars(person_id=str(person.pk), workspace_id=workspace_id)
    require(person, workspace, Action.RUN_START)
    if token is not None:
        require_token(token, Action.RUN_START)
    data = START.run_validation(body)
    flow = flow_to_run(workspace, data["flow_id"])
    definition = definition_to_run(flow, data["version"])
    promise = partial(
        run_promise,
        person=person,
        flow=flow,
        definition=definition,
        given=checked_inputs(definition, data.get("inputs", {}), registry(workspace)),
        trigger=Trigger.MANUAL if token is None else Trigger.API,
        version=data["version"],
    )
    headers = {
        "Allow": "GET, POST, HEAD, OPTIONS",
        "Content-Language": _LANGUAGES[person.language],
        "Vary": "Accept-Language, Cookie" if token is None else "Accept-Language",
    }
    return Work(lambda: partial(_accepted, promise(), headers), locks=str(flow.pk))


def _accepted(run: Run, headers: dict[str, str]) -> Reply:
    """What is said of a run that is on disk."""
    failpoints.hit("run.accepted")
    return Reply(202, _RENDERER.render(SHOWN.to_representation(run)), headers)


doors = [
    Door("POST", re.compile(_RUNS), start),
    Door("GET", re.compile(rf"{_RUNS}/[^/]+")),
]
