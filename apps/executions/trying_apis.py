"""Trying a node by itself, from the node library."""

from __future__ import annotations

import uuid

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.apis import StrictSerializer
from apps.common.idempotency import idempotent
from apps.common.policies import InWorkspace
from apps.executions import services
from apps.executions.apis import RunOut
from apps.workspaces.apis import WorkspaceApi


class NodeTryIn(StrictSerializer):
    """Settings and inputs (port → value) to try a node with; without a version it is the newest."""

    version = serializers.CharField(max_length=60, required=False, default="", allow_blank=True)
    config = serializers.DictField(required=False, default=dict)
    inputs = serializers.DictField(required=False, default=dict)


class NodeTryApi(WorkspaceApi):
    """A run of one node, as of any other flow."""

    policy = InWorkspace("run.start")

    @extend_schema(request=NodeTryIn, responses={202: RunOut}, operation_id="node_try")
    @idempotent
    def post(self, request: Request, workspace_id: uuid.UUID, type_id: str) -> Response:
        data = self.read(NodeTryIn, request)
        run = services.node_try(
            person=self.person,
            workspace_id=workspace_id,
            type_id=type_id,
            version=data["version"],
            config=data["config"],
            inputs=data["inputs"],
        )
        return Response(RunOut(run).data, status=202)
