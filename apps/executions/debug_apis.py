"""HTTP routes of debug sessions and of the breakpoints a flow begins with."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.apis import StrictSerializer
from apps.common.idempotency import idempotent
from apps.common.policies import InWorkspace, Policy
from apps.executions import debug_selectors, selectors
from apps.executions.services import debugging
from apps.flows.selectors import flow_get
from apps.workspaces.apis import WorkspaceApi
from sage_studio.engine.debugging import WORDS


class BreakpointIn(StrictSerializer):
    """Where to stop: before a node, or (``on`` error) when it has failed; ``*`` there means any node."""

    node_id = serializers.CharField(max_length=64)
    on = serializers.ChoiceField(choices=["before", "error"], required=False)
    condition = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    hit_count = serializers.IntegerField(min_value=1, max_value=1_000_000_000, required=False)
    log = serializers.CharField(max_length=2000, required=False, allow_blank=True)
    enabled = serializers.BooleanField(required=False)


class DebugStartIn(StrictSerializer):
    """How a run is to be debugged from its beginning; without ``breakpoints`` with those of the flow."""

    breakpoints = BreakpointIn(many=True, required=False)
    pause_at_start = serializers.BooleanField(required=False, default=False)


class DebugCommandIn(StrictSerializer):
    """A debug command; ``stop`` is the id of the stop it is about."""

    command = serializers.ChoiceField(choices=list(WORDS))
    stop = serializers.CharField(max_length=40, required=False, allow_null=True)
    node_id = serializers.CharField(max_length=64, required=False)
    on = serializers.ChoiceField(choices=["before", "error"], required=False)
    breakpoint = BreakpointIn(required=False)
    breakpoints = BreakpointIn(many=True, required=False)
    inputs = serializers.DictField(required=False)
    config = serializers.DictField(required=False)
    outputs = serializers.DictField(required=False)


class DebugSessionOut(serializers.Serializer[Any]):
    """A session: ``state`` as in ``debug_state`` events, ``hits`` the newest ``breakpoint_hit`` of every
    stop that stands, by its id."""

    is_debugged = serializers.BooleanField()
    run_state = serializers.CharField()
    state = serializers.DictField(allow_null=True)
    hits = serializers.DictField()
    commands = serializers.ListField(child=serializers.DictField())


class DebugAcceptedOut(serializers.Serializer[Any]):
    """The command's number; the ``debug_state`` event with it says what became of it. Null for ``stop``."""

    seq = serializers.IntegerField(allow_null=True)


class RunDebugApi(WorkspaceApi):
    """The debug session of a run."""

    policies: ClassVar[dict[str, Policy]] = {
        "GET": InWorkspace("run.view"),
        "POST": InWorkspace("run.control"),
    }

    @extend_schema(responses=DebugSessionOut, operation_id="run_debug_get")
    def get(self, request: Request, workspace_id: uuid.UUID, run_id: uuid.UUID) -> Response:
        run = selectors.run_get(workspace_id, run_id)
        session = debug_selectors.debug_session(run)
        return Response(session if self.sees_values else {**session, "hits": {}})

    @extend_schema(
        request=DebugCommandIn, responses={202: DebugAcceptedOut}, operation_id="run_debug_command"
    )
    @idempotent
    def post(self, request: Request, workspace_id: uuid.UUID, run_id: uuid.UUID) -> Response:
        shape = dict(self.read(DebugCommandIn, request))
        command = debugging.debug_command(
            person=self.person, workspace_id=workspace_id, run_id=run_id, shape=shape
        )
        return Response({"seq": None if command is None else command.seq}, status=202)


class FlowBreakpointsIn(StrictSerializer):
    """All breakpoints of the flow."""

    breakpoints = BreakpointIn(many=True)


class FlowBreakpointsApi(WorkspaceApi):
    """The breakpoints that debug runs of a flow begin with; shared by everybody who works on it."""

    policies: ClassVar[dict[str, Policy]] = {
        "GET": InWorkspace("run.view"),
        "PUT": InWorkspace("run.control"),
    }

    @extend_schema(responses=OpenApiTypes.OBJECT, operation_id="flow_breakpoints_get")
    def get(self, request: Request, workspace_id: uuid.UUID, flow_id: uuid.UUID) -> Response:
        return Response(
            {
                "breakpoints": debug_selectors.flow_breakpoints(
                    flow_get(workspace_id=workspace_id, flow_id=flow_id)
                )
            }
        )

    @extend_schema(
        request=FlowBreakpointsIn, responses=OpenApiTypes.OBJECT, operation_id="flow_breakpoints_set"
    )
    def put(self, request: Request, workspace_id: uuid.UUID, flow_id: uuid.UUID) -> Response:
        given = [dict(point) for point in self.read(FlowBreakpointsIn, request)["breakpoints"]]
        kept = debugging.flow_breakpoints_set(
            person=self.person, flow=flow_get(workspace_id=workspace_id, flow_id=flow_id), breakpoints=given
        )
        return Response({"breakpoints": kept.points})
