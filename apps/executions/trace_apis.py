"""HTTP routes of what a run did: its nodes, events, log, and the flow that ran."""

from __future__ import annotations

import uuid
from typing import Any, cast, get_args

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.errors import Invalid
from apps.common.paging import limit_of, page_response, paginate_by_place
from apps.executions import selectors
from apps.executions.apis import ErrorField, RunApi, language_of_reader
from apps.executions.hiding import event_without_values
from apps.executions.models import NodeRun
from sage_studio.engine import NodeState
from sage_studio.kernel import JsonObject


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
    """An attempt with its values; a reference to a big value carries a ``preview``. The resolved
    ``config`` is kept in debugged runs."""

    inputs = serializers.JSONField()
    config = serializers.JSONField(allow_null=True)
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
            OpenApiParameter("state", OpenApiTypes.STR, enum=get_args(NodeState)),
            OpenApiParameter("limit", OpenApiTypes.INT),
            OpenApiParameter("cursor", OpenApiTypes.STR),
        ],
        responses=NodeRunListOut,
        operation_id="run_node_list",
    )
    def get(self, request: Request, workspace_id: uuid.UUID, run_id: uuid.UUID) -> Response:
        _check_state(request)
        given = {name: request.query_params.get(name, "")[:2000] for name in _NODE_FILTERS}
        wanted = selectors.NodeFilter(**given)
        page = paginate_by_place(request, selectors.node_run_list(self.run, wanted))
        counts = selectors.iteration_counts(self.run, given["path"])
        return page_response(page, NodeRunOut, iterations=cast(JsonObject, counts))


_NODE_STATES = get_args(NodeState)


def _check_state(request: Request) -> None:
    state = request.query_params.get("state", "")
    if state and state not in _NODE_STATES:
        raise Invalid("state", "state", f"The state is one of {', '.join(_NODE_STATES)}.")


_NODE_FILTERS = ("path", "container", "node_id", "state")


class RunNodeDetailApi(RunApi):
    """One attempt of one node with its inputs and outputs."""

    @extend_schema(responses=NodeRunDetailOut, operation_id="run_node_get")
    def get(
        self, request: Request, workspace_id: uuid.UUID, run_id: uuid.UUID, node_run_id: uuid.UUID
    ) -> Response:
        self.require_values()
        row = selectors.node_run_get(self.run, node_run_id)
        shape: JsonObject = dict(NodeRunOut(row).data)
        inputs = selectors.node_run_inputs(self.run, row) if row.inputs is None else row.inputs
        shape["inputs"] = selectors.with_previews(self.run, inputs)
        shape["config"] = row.config
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
        if not self.sees_values:
            items = [event_without_values(item) for item in items]
        items = [_in_words_of_reader(item) for item in items]
        return Response({"items": items, "last_seq": items[-1]["seq"] if items else after})


def _in_words_of_reader(event: JsonObject) -> JsonObject:
    """The event, with the problem it tells of said in the reader's language."""
    data = event["data"]
    error = data.get("error") if isinstance(data, dict) else None
    if not (isinstance(data, dict) and isinstance(error, dict)):
        return event
    return {**event, "data": {**data, "error": selectors.localised(error, language_of_reader())}}


class RunLogApi(RunApi):
    """The run's log as a text file."""

    @extend_schema(responses={(200, "text/plain"): OpenApiTypes.STR}, operation_id="run_log")
    def get(self, request: Request, workspace_id: uuid.UUID, run_id: uuid.UUID) -> StreamingHttpResponse:
        self.require_values()
        lines = selectors.run_log_lines(self.run, language_of_reader())
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
