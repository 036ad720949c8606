"""HTTP routes of runs."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, cast

from django.http import StreamingHttpResponse
from django.utils.translation import get_language
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.collaboration.selectors import definition_current
from apps.common.apis import StrictSerializer
from apps.common.errors import Invalid
from apps.common.idempotency import idempotent
from apps.common.paging import limit_of, page_response, paginate, paginate_by_place
from apps.common.policies import InWorkspace
from apps.executions import selectors, services
from apps.executions.debug_apis import DebugStartIn
from apps.executions.models import NEVER, NodeRun, Run
from apps.executions.types import Command, Trigger
from apps.flows.models import Definition, Flow
from apps.flows.selectors import flow_to_run
from apps.versions.selectors import version_definition
from apps.workspaces.apis import WorkspaceApi
from sage_studio.engine.partial import Part
from sage_studio.kernel import JsonObject
from sage_studio.kernel.errors import Language


def _language() -> Language:
    return "zh" if (get_language() or "en").startswith("zh") else "en"


class ErrorField(serializers.JSONField):
    """A stored problem, said in the reader's language."""

    def to_representation(self, value: Any) -> Any:
        return selectors.localised(value, _language()) if isinstance(value, dict) else value


class RunPersonOut(serializers.Serializer[Any]):
    """Who started a run."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    color = serializers.IntegerField()


class RunOut(serializers.Serializer[Any]):
    """A run as lists show it."""

    id = serializers.UUIDField()
    number = serializers.IntegerField()
    flow_id = serializers.UUIDField()
    flow_name = serializers.CharField(source="flow.name")
    state = serializers.ChoiceField(choices=Run.State.choices)
    trigger = serializers.CharField()
    version = serializers.IntegerField(allow_null=True)
    retry_of = serializers.UUIDField(allow_null=True)
    parent_run_id = serializers.UUIDField(allow_null=True)
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    duration_ms = serializers.SerializerMethodField()
    created_by = RunPersonOut(allow_null=True)
    reason = serializers.CharField()
    pause_requested_at = serializers.DateTimeField(allow_null=True)
    cancel_requested_at = serializers.DateTimeField(allow_null=True)
    wakes_at = serializers.SerializerMethodField()
    error = ErrorField(allow_null=True)

    def get_wakes_at(self, run: Run) -> datetime | None:
        """When a run that only waits goes on by itself; null for signals alone, and for other runs."""
        is_parked = run.state == Run.State.RUNNING and run.owner == ""
        return run.lease_until if is_parked and run.lease_until != NEVER else None

    def get_duration_ms(self, run: Run) -> int | None:
        if run.started_at is None or run.finished_at is None:
            return None
        return round((run.finished_at - run.started_at).total_seconds() * 1000)


class ChildRunOut(serializers.Serializer[Any]):
    """A run that a node of this run started; ``parent_path`` names that node, its path and attempt."""

    id = serializers.UUIDField()
    number = serializers.IntegerField()
    flow_id = serializers.UUIDField()
    flow_name = serializers.CharField(source="flow.name")
    state = serializers.ChoiceField(choices=Run.State.choices)
    parent_path = serializers.CharField()


class RunDetailOut(RunOut):
    """A run with what it was given and what it gave; big values are references. ``children`` are the
    newest of the runs it started (``?parent=`` of the list pages them all)."""

    parent_path = serializers.CharField()
    depth = serializers.IntegerField()
    children = serializers.SerializerMethodField()

    inputs = serializers.JSONField()
    outputs = serializers.JSONField(allow_null=True)
    last_seq = serializers.IntegerField()

    @extend_schema_field(ChildRunOut(many=True))
    def get_children(self, run: Run) -> Any:
        return ChildRunOut(selectors.child_list(run), many=True).data


class RunPageOut(serializers.Serializer[Any]):
    """A page of runs."""

    items = RunOut(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class RunStartIn(StrictSerializer):
    """What to run: the flow as it is drawn now, or a committed version of it; all of it or a part
    (``from_node``, ``until_node``, or ``only_node`` with ``node_inputs``), on the recorded data of
    ``data_of_run``; with a debug session or without."""

    flow_id = serializers.UUIDField()
    inputs = serializers.DictField(required=False)
    version = serializers.IntegerField(required=False, allow_null=True, default=None, min_value=1)
    from_node = serializers.CharField(required=False, max_length=64)
    until_node = serializers.CharField(required=False, max_length=64)
    only_node = serializers.CharField(required=False, max_length=64)
    node_inputs = serializers.DictField(required=False)
    data_of_run = serializers.UUIDField(required=False)
    debug = DebugStartIn(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "only_node" in attrs and ("from_node" in attrs or "until_node" in attrs):
            raise serializers.ValidationError({"only_node": "One node alone has no beginning and end."})
        if "node_inputs" in attrs and "only_node" not in attrs:
            raise serializers.ValidationError({"node_inputs": "Only one node alone takes its inputs."})
        return attrs


def _part(data: JsonObject) -> Part | None:
    """The part of the flow that was asked for; None for all of it."""
    wanted = [data.get(name) for name in ("from_node", "until_node", "only_node")]
    if not any(wanted):
        return None
    from_node, until_node, only_node = cast("list[str | None]", wanted)
    return Part(from_node, until_node, only_node, cast(JsonObject, data.get("node_inputs", {})))


class RunsApi(WorkspaceApi):
    """Runs of the workspace."""

    policies = {"GET": InWorkspace("run.view"), "POST": InWorkspace("run.start")}

    @extend_schema(
        parameters=[
            OpenApiParameter("flow_id", OpenApiTypes.UUID),
            OpenApiParameter("state", OpenApiTypes.STR, enum=Run.State.values),
            OpenApiParameter("reason", OpenApiTypes.STR, description="Why it is paused: dead_letter, …"),
            OpenApiParameter("parent", OpenApiTypes.UUID, description="Runs this run started; else none."),
            OpenApiParameter("limit", OpenApiTypes.INT),
            OpenApiParameter("cursor", OpenApiTypes.STR),
        ],
        responses=RunPageOut,
        operation_id="run_list",
    )
    def get(self, request: Request, workspace_id: uuid.UUID) -> Response:
        runs = selectors.run_list(
            workspace_id,
            flow_id=_uuid_param(request, "flow_id"),
            state=_state_param(request),
            reason=request.query_params.get("reason"),
            parent_id=_uuid_param(request, "parent"),
        )
        page = paginate(request, runs)
        return Response({"items": RunOut(page.items, many=True).data, "next_cursor": page.next_cursor})

    @extend_schema(request=RunStartIn, responses={202: RunOut}, operation_id="run_start")
    @idempotent
    def post(self, request: Request, workspace_id: uuid.UUID) -> Response:
        data = self.read(RunStartIn, request)
        flow = flow_to_run(workspace_id, data["flow_id"])
        part, debug = _part(data), data.get("debug")
        facts = {
            "person": self.person,
            "flow": flow,
            "definition": _definition(flow, data["version"]),
            "version": data["version"],
            "trigger": Trigger.API if request.auth is not None else Trigger.MANUAL,
        }
        if part is None and debug is None and "data_of_run" not in data:
            run = services.run_accept(**facts, inputs=data.get("inputs", {}))
        else:
            run = services.run_begin(
                **facts,
                inputs=data.get("inputs"),
                debug=None if debug is None else services.debug_setup(flow, **debug),
                part=part,
                data_of_run=data.get("data_of_run"),
            )
        return Response(RunOut(run).data, status=202)


def _definition(flow: Flow, version: int | None) -> Definition:
    """The flow as it is drawn now, or as a version froze it. Raises NotFound."""
    return definition_current(flow) if version is None else version_definition(flow, version)


def _uuid_param(request: Request, name: str) -> uuid.UUID | None:
    text = request.query_params.get(name)
    try:
        return None if text is None else uuid.UUID(text)
    except ValueError:
        raise Invalid(name, "uuid", f"The {name} is not an id.") from None


def _state_param(request: Request) -> str | None:
    state = request.query_params.get("state")
    if state is not None and state not in Run.State.values:
        raise Invalid("state", "state", f"The state is one of {', '.join(Run.State.values)}.")
    return state


class RunApi(WorkspaceApi):
    """Base of the routes of one run; ``self.run`` belongs to the workspace."""

    policy = InWorkspace("run.view")
    run: Run

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.run = selectors.run_get(self.kwargs["workspace_id"], self.kwargs["run_id"])


class RunDetailApi(RunApi):
    """One run."""

    @extend_schema(responses=RunDetailOut, operation_id="run_get")
    def get(self, request: Request, workspace_id: uuid.UUID, run_id: uuid.UUID) -> Response:
        return Response(RunDetailOut(self.run).data)


class NodeRunOut(serializers.Serializer[Any]):
    """One attempt of one node; ``ports`` counts the items on each output port taken."""

    id = serializers.UUIDField()
    node_id = serializers.CharField()
    iteration_path = serializers.CharField()
    attempt = serializers.IntegerField()
    state = serializers.CharField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    duration_ms = serializers.SerializerMethodField()
    items = serializers.SerializerMethodField()
    ports = serializers.JSONField(allow_null=True)
    error = ErrorField(allow_null=True)
    resources = serializers.JSONField(allow_null=True)
    is_reused = serializers.BooleanField()

    def get_duration_ms(self, row: NodeRun) -> int | None:
        if row.started_at is None or row.finished_at is None:
            return None
        return round((row.finished_at - row.started_at).total_seconds() * 1000)

    def get_items(self, row: NodeRun) -> int | None:
        return max(row.ports.values()) if row.ports else None


class NodeRunDetailOut(NodeRunOut):
    """An attempt with its values; a reference to a big value carries a ``preview``."""

    inputs = serializers.JSONField()
    outputs = serializers.JSONField(allow_null=True)


class NodeRunListOut(serializers.Serializer[Any]):
    """Attempts on one level of a run; ``iterations`` counts those of each container on it by state."""

    items = NodeRunOut(many=True)
    next_cursor = serializers.CharField(allow_null=True)
    iterations = serializers.DictField(child=serializers.DictField(child=serializers.IntegerField()))


class RunNodesApi(RunApi):
    """What the nodes of a run did: those of the top level, or of one iteration (``path``), or the
    iterations of a ``container``."""

    @extend_schema(
        parameters=[
            OpenApiParameter("path", OpenApiTypes.STR, description="Iteration path; the top level without."),
            OpenApiParameter("container", OpenApiTypes.STR, description="Its iterations instead of nodes."),
            OpenApiParameter("node_id", OpenApiTypes.STR),
            OpenApiParameter("state", OpenApiTypes.STR),
            OpenApiParameter("limit", OpenApiTypes.INT),
            OpenApiParameter("cursor", OpenApiTypes.STR),
        ],
        responses=NodeRunListOut,
        operation_id="run_node_list",
    )
    def get(self, request: Request, workspace_id: uuid.UUID, run_id: uuid.UUID) -> Response:
        given = {name: request.query_params.get(name, "")[:500] for name in _NODE_FILTERS}
        wanted = selectors.NodeFilter(**given)
        page = paginate_by_place(request, selectors.node_run_list(self.run, wanted))
        counts = selectors.iteration_counts(self.run, given["path"])
        return page_response(page, NodeRunOut, iterations=cast(JsonObject, counts))


_NODE_FILTERS = ("path", "container", "node_id", "state")


class RunNodeDetailApi(RunApi):
    """One attempt of one node with its inputs and outputs."""

    @extend_schema(responses=NodeRunDetailOut, operation_id="run_node_get")
    def get(
        self, request: Request, workspace_id: uuid.UUID, run_id: uuid.UUID, node_run_id: uuid.UUID
    ) -> Response:
        row = selectors.node_run_get(self.run, node_run_id)
        shape: JsonObject = dict(NodeRunOut(row).data)
        inputs = selectors.node_run_inputs(self.run, row) if row.inputs is None else row.inputs
        shape["inputs"] = selectors.with_previews(self.run, inputs)
        shape["outputs"] = selectors.with_previews(self.run, row.outputs)
        return Response(shape)


class RunEventsOut(serializers.Serializer[Any]):
    """Events in order; ask again with ``after`` = ``last_seq`` of the answer."""

    items = serializers.ListField(child=serializers.JSONField())
    last_seq = serializers.IntegerField()


class RunEventsApi(RunApi):
    """The events of a run."""

    @extend_schema(
        parameters=[OpenApiParameter("after", OpenApiTypes.INT), OpenApiParameter("limit", OpenApiTypes.INT)],
        responses=RunEventsOut,
        operation_id="run_event_list",
    )
    def get(self, request: Request, workspace_id: uuid.UUID, run_id: uuid.UUID) -> Response:
        text = request.query_params.get("after", "0")
        if not (text.isascii() and text.isdigit() and len(text) <= 9):
            raise Invalid("after", "number", "`after` is the number of the last event you have.")
        after = int(text)
        items = selectors.event_list(self.run.pk, after=after, limit=limit_of(request))
        return Response({"items": items, "last_seq": items[-1]["seq"] if items else after})


class RunLogApi(RunApi):
    """The run's log as a text file."""

    @extend_schema(responses={(200, "text/plain"): OpenApiTypes.STR}, operation_id="run_log")
    def get(self, request: Request, workspace_id: uuid.UUID, run_id: uuid.UUID) -> StreamingHttpResponse:
        lines = selectors.run_log_lines(self.run, _language())
        name = f"run-{self.run.number}.log"
        return StreamingHttpResponse(
            lines,
            content_type="text/plain; charset=utf-8",
            headers={
                "Content-Disposition": f'attachment; filename="{name}"',
                "X-Content-Type-Options": "nosniff",
            },
        )


class RunDefinitionApi(RunApi):
    """The exact flow that ran."""

    @extend_schema(responses=OpenApiTypes.OBJECT, operation_id="run_definition")
    def get(self, request: Request, workspace_id: uuid.UUID, run_id: uuid.UUID) -> Response:
        return Response(self.run.definition.body)


class WaitOut(serializers.Serializer[Any]):
    """One thing the run waits for; ``key`` is what a signal names."""

    key = serializers.CharField()
    node_id = serializers.CharField()
    iteration_path = serializers.CharField()
    attempt = serializers.IntegerField()
    name = serializers.CharField()
    since = serializers.DateTimeField(allow_null=True)
    until = serializers.DateTimeField(allow_null=True)
    can_signal = serializers.BooleanField()
    is_answered = serializers.BooleanField()
    details = serializers.JSONField()


class WaitListOut(serializers.Serializer[Any]):
    """All a run waits for."""

    items = WaitOut(many=True)


class RunWaitsApi(RunApi):
    """What a run waits for."""

    @extend_schema(responses=WaitListOut, operation_id="run_wait_list")
    def get(self, request: Request, workspace_id: uuid.UUID, run_id: uuid.UUID) -> Response:
        return Response({"items": WaitOut(selectors.wait_list(self.run), many=True).data})


class SignalIn(StrictSerializer):
    """The answer to a wait; the payload reaches the node as it is."""

    key = serializers.CharField(max_length=700)
    payload = serializers.JSONField(required=False, allow_null=True, default=None)


class SignalOut(serializers.Serializer[Any]):
    """A signal that was accepted."""

    key = serializers.CharField()
    created_at = serializers.DateTimeField()


class RunSignalsApi(WorkspaceApi):
    """Answer what a run waits for: approve, reject, fill in. The first answer counts."""

    policy = InWorkspace("run.control")

    @extend_schema(request=SignalIn, responses={202: SignalOut}, operation_id="run_signal")
    @idempotent
    def post(self, request: Request, workspace_id: uuid.UUID, run_id: uuid.UUID) -> Response:
        data = self.read(SignalIn, request)
        signal = services.signal_send(
            person=self.person,
            workspace_id=workspace_id,
            run_id=run_id,
            key=data["key"],
            payload=data["payload"],
        )
        return Response(SignalOut(signal).data, status=202)


class RunCommandIn(StrictSerializer):
    """What to do with the run. ``redrive`` goes on where the run failed, or from ``from_node``, with the
    definition that ran (``same``), the flow as it is drawn (``current``), or a version's number."""

    command = serializers.ChoiceField(choices=[command.value for command in Command])
    from_node = serializers.CharField(required=False, allow_null=True, default=None, max_length=64)
    version = serializers.CharField(required=False, default="same", max_length=9)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        is_redrive = attrs["command"] == Command.REDRIVE
        if not is_redrive and (attrs["from_node"] is not None or attrs["version"] != "same"):
            raise serializers.ValidationError({"from_node": "Only redrive takes a node or a version."})
        if attrs["version"] not in ("same", "current") and not _is_number(attrs["version"]):
            raise serializers.ValidationError({"version": "One of same, current, or a number."})
        return attrs


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


_ACTS = {
    Command.CANCEL: services.run_cancel,
    Command.PAUSE: services.run_pause,
    Command.RESUME: services.run_resume,
    Command.RETRY: services.run_retry,
}


class RunCommandsApi(WorkspaceApi):
    """Cancel, pause, resume or repeat a run, whole or from where it failed."""

    policy = InWorkspace("run.control")

    @extend_schema(request=RunCommandIn, responses={202: RunOut}, operation_id="run_command")
    @idempotent
    def post(self, request: Request, workspace_id: uuid.UUID, run_id: uuid.UUID) -> Response:
        data = self.read(RunCommandIn, request)
        command = Command(data["command"])
        if command is Command.REDRIVE:
            run = self._redrive(workspace_id, run_id, data)
        else:
            run = _ACTS[command](person=self.person, workspace_id=workspace_id, run_id=run_id)
        return Response(RunOut(run).data, status=202)

    def _redrive(self, workspace_id: uuid.UUID, run_id: uuid.UUID, data: dict[str, Any]) -> Run:
        flow, wanted = selectors.run_get(workspace_id, run_id).flow, data["version"]
        version = int(wanted) if _is_number(wanted) else None
        return services.run_redrive(
            person=self.person,
            workspace_id=workspace_id,
            run_id=run_id,
            from_node=data["from_node"],
            definition=None if wanted == "same" else _definition(flow, version),
            version=version,
        )
