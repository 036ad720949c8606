"""The addresses of webhooks. They are always there: whether one starts a flow is read from the flow's
published version (or its draft, at the test address) when a call comes."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import structlog
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from apps.common import sealed_ids
from apps.common.errors import METHOD, THROTTLED
from apps.common.ids import ordered_id
from apps.common.later import LaterResponse
from apps.common.problems import as_sage_error, problem_response
from apps.executions.models import Run
from apps.files.services import artifacts_discard
from apps.triggers import answers, calls, errors, selectors
from apps.triggers.adapters import answer_wait
from apps.triggers.answers import Waited
from apps.triggers.selectors import Live
from apps.triggers.services.firing import Fired, fired_before, listening_end, trigger_fire
from apps.triggers.services.refusing import refusal_note
from apps.triggers.types import WATCH_PURPOSE, Kind
from sage_studio.flow.firing import fired_node
from sage_studio.kernel import SageError

logger = structlog.get_logger(__name__)
View = Callable[..., HttpResponseBase]
# From one network address, to one trigger, per minute.
REFUSALS_PER_MINUTE = 60
# The same, where callers need not say who they are.
OPEN_CALLS_PER_MINUTE = 600
_MINUTE = 60


def answering_with(refused: Callable[[HttpRequest, SageError], HttpResponseBase]) -> Callable[[View], View]:
    """Views whose errors are answered by ``refused``; what nobody expected is logged and answered as such."""

    def decorate(view: View) -> View:
        @csrf_exempt
        @wraps(view)
        def wrapper(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            try:
                return view(request, *args, **kwargs)
            except Exception as error:
                known = as_sage_error(error, request.method or "")
                if known is None:
                    raise
                return refused(request, known)

        return wrapper

    return decorate


answering = answering_with(problem_response)


@answering
def hook(request: HttpRequest, trigger_id: uuid.UUID) -> HttpResponseBase:
    """A call of the production address: the published version runs."""
    trigger = selectors.trigger_find(trigger_id, Kind.WEBHOOK)
    live = selectors.live_published(trigger)
    if request.method == "OPTIONS":
        return _preflight(live, request)
    _not_too_often(live, request)
    run_id = ordered_id()
    try:
        caller = _let_in(live, trigger_id, request)
        fired = fired_before(trigger, caller.key) or trigger_fire(
            live, calls.data_of(live, request, run_id, caller), key=caller.key, run_id=run_id
        )
    except SageError as error:
        artifacts_discard(trigger.workspace_id, run_id)
        if error.code is not METHOD:
            refusal_note(trigger, error)
        return _shared(live, request, problem_response(request, error))
    return _shared(live, request, _answer(live, fired))


@answering
def hook_test(request: HttpRequest, trigger_id: uuid.UUID) -> HttpResponseBase:
    """A call of the test address: once, while the editor listens, the draft runs."""
    trigger = selectors.trigger_find(trigger_id, Kind.WEBHOOK)
    if trigger.listening_until is None or trigger.listening_until <= timezone.now():
        raise SageError(errors.NOT_LISTENING)
    live = selectors.live_draft(trigger)
    if request.method == "OPTIONS":
        return _preflight(live, request)
    _not_too_often(live, request)
    run_id = ordered_id()
    caller = _let_in(live, trigger_id, request)
    try:
        fired = _fire_draft(live, calls.data_of(live, request, run_id, caller), run_id)
    except SageError:
        artifacts_discard(trigger.workspace_id, run_id)
        raise
    return _shared(live, request, _answer(live, fired))


def _fire_draft(live: Live, data: dict[str, Any], run_id: uuid.UUID) -> Fired:
    person = listening_end(live.trigger)
    if person is None:
        raise SageError(errors.NOT_LISTENING)
    return trigger_fire(live, data, run_id=run_id, person=person)


@answering
def hook_run(request: HttpRequest, trigger_id: uuid.UUID, token: str) -> HttpResponseBase:
    """The answer of a run that took longer than its caller waited."""
    trigger = selectors.trigger_find(trigger_id, Kind.WEBHOOK)
    if request.method != "GET":
        raise SageError(METHOD, {"method": request.method or ""})
    run_id = sealed_ids.id_in(WATCH_PURPOSE, token)
    if run_id is None:
        raise SageError(errors.UNKNOWN)
    run = Run.objects.filter(pk=run_id, flow=trigger.flow_id).select_related("definition").first()
    if run is None or fired_node(run.inputs) != trigger.node_id:
        raise SageError(errors.UNKNOWN)
    node: Any = next((n for n in run.definition.body["nodes"] if n["id"] == trigger.node_id), {})
    waited = _waited(
        trigger.workspace_id, run.pk, node.get("config", {}).get("respond", ""), run.definition.body
    )
    return answers.answer_find(waited) or _later(trigger_id, run.pk)


def _let_in(live: Live, trigger_id: uuid.UUID, request: HttpRequest) -> calls.Caller:
    calls.method_check(live, request.method or "")
    try:
        return calls.caller_check(live, request)
    except SageError as error:
        if error.code in (errors.NOT_ALLOWED, errors.TOO_OLD):
            counted(_counter(trigger_id, request))
        raise


def _counter(trigger_id: uuid.UUID, request: HttpRequest) -> str:
    return f"hook-refused:{trigger_id}:{request.META.get('REMOTE_ADDR', '')}"


def _not_too_often(live: Live, request: HttpRequest) -> None:
    """Whoever guesses is held up, and whoever calls very often without saying who it is; calls that are in
    order and signed are not counted."""
    trigger_id = live.trigger.pk
    is_guessing = int(cache.get(_counter(trigger_id, request), 0)) >= REFUSALS_PER_MINUTE
    is_open = live.config["auth"] == "none"
    called = f"hook-called:{trigger_id}:{request.META.get('REMOTE_ADDR', '')}"
    if is_guessing or (is_open and counted(called) > OPEN_CALLS_PER_MINUTE):
        raise SageError(THROTTLED, {"wait_s": _MINUTE})


def counted(name: str) -> int:
    """How often something has come under this name, in the minute since it first did."""
    if cache.add(name, 1, _MINUTE):
        return 1
    try:
        return int(cache.incr(name))
    except ValueError:  # the minute ended just now
        cache.set(name, 1, _MINUTE)
        return 1


def _answer(live: Live, fired: Fired) -> HttpResponseBase:
    respond = str(live.config["respond"])
    if respond == "at_once":
        words = str(live.config["text"])
        status = int(live.config["status"])
        if words:
            return HttpResponse(words, status=status, content_type="text/plain; charset=utf-8")
        return JsonResponse({"run_id": str(fired.run_id)}, status=status)
    trigger = live.trigger
    waited = _waited(trigger.workspace_id, fired.run_id, respond, live.definition.body)
    otherwise = partial(_later, trigger.pk, fired.run_id)
    settle = partial(answer_wait, waited, trigger.flow_id, float(live.config["wait_s"]), otherwise)
    later = otherwise()
    return LaterResponse(settle, later.content, status=202, content_type="application/json")


def _waited(workspace_id: uuid.UUID, run_id: uuid.UUID, respond: str, body: Any) -> Waited:
    nodes = tuple(node["id"] for node in body["nodes"] if node["type"] == answers.ANSWER_NODE)
    return Waited(run_id, workspace_id, nodes if respond == "api_response" else ())


def _later(trigger_id: uuid.UUID, run_id: uuid.UUID) -> HttpResponse:
    place = f"{settings.CONFIG.address}/hooks/{trigger_id}/runs/{sealed_ids.token_for(WATCH_PURPOSE, run_id)}"
    body = {"run_id": str(run_id), "watch": place}
    return JsonResponse(body, status=202, headers={"Location": place, "Retry-After": "1"})


def _preflight(live: Live, request: HttpRequest) -> HttpResponseBase:
    response = _shared(live, request, HttpResponse(status=204))
    if "Access-Control-Allow-Origin" in response:
        method = str(live.config["method"])
        response["Access-Control-Allow-Methods"] = (
            "GET, POST, PUT, PATCH, DELETE" if method == "any" else method
        )
        response["Access-Control-Allow-Headers"] = request.headers.get("Access-Control-Request-Headers", "")[
            :500
        ]
        response["Access-Control-Max-Age"] = "600"
    return response


def _shared(live: Live, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Let pages of the allowed origins read the answer; never with their cookies."""
    allowed = {
        origin.strip().rstrip("/") for origin in str(live.config["origins"]).split(",") if origin.strip()
    }
    origin = request.headers.get("Origin", "")
    if origin and ("*" in allowed or origin in allowed):
        response["Access-Control-Allow-Origin"] = "*" if "*" in allowed else origin
        response["Cross-Origin-Resource-Policy"] = "cross-origin"
        response["Vary"] = "Origin"
    response["Cache-Control"] = "no-store"
    return response
