"""HTTP: list and create flows. One flow's routes need its live document: ``apps.collaboration``."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.apis import StrictSerializer
from apps.common.idempotency import idempotent
from apps.common.paging import paginate
from apps.common.policies import InWorkspace, Policy
from apps.flows import selectors, services
from apps.flows.types import FlowOut
from apps.workspaces.apis import WorkspaceApi
from sage_studio.flow.document import MAX_NAME_LENGTH


class FlowIn(StrictSerializer):
    """A new flow. ``definition`` is a whole flow file; ``name`` wins over the name inside it."""

    name = serializers.CharField(max_length=MAX_NAME_LENGTH)
    description = serializers.CharField(max_length=20_000, required=False, allow_blank=True)
    definition = serializers.DictField(required=False)


class FlowPageOut(serializers.Serializer[Any]):
    """A page of flows."""

    items = FlowOut(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class FlowsApi(WorkspaceApi):
    """The flows of a workspace, those edited last first."""

    policies: ClassVar[dict[str, Policy]] = {
        "GET": InWorkspace("flow.view"),
        "POST": InWorkspace("flow.edit"),
    }

    @extend_schema(
        parameters=[OpenApiParameter("names", str, description="A text of the definition: a file's ref.")],
        responses=FlowPageOut,
        operation_id="flow_list",
    )
    def get(self, request: Request, workspace_id: uuid.UUID) -> Response:
        flows = selectors.flow_list(
            workspace_id=workspace_id, naming=request.query_params.get("names", "")[:100]
        )
        page = paginate(request, flows, order="-edited_at")
        return Response({"items": FlowOut(page.items, many=True).data, "next_cursor": page.next_cursor})

    @extend_schema(request=FlowIn, responses={201: FlowOut}, operation_id="flow_create")
    @idempotent
    def post(self, request: Request, workspace_id: uuid.UUID) -> Response:
        data = self.read(FlowIn, request)
        flow = services.flow_create(
            person=self.person,
            workspace=self.workspace,
            name=data["name"],
            description=data.get("description"),
            definition=data.get("definition"),
        )
        return Response(FlowOut(flow).data, status=201)
