"""HTTP: one flow, its definition, its problems, and patches. All of them look at the live document."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.collaboration import selectors, services
from apps.common.apis import StrictSerializer
from apps.common.errors import Invalid
from apps.common.idempotency import idempotent
from apps.common.policies import InWorkspace, Policy
from apps.flows.models import Flow
from apps.flows.selectors import flow_get
from apps.flows.services import flow_archive
from apps.flows.types import FlowOut
from apps.workspaces.apis import WorkspaceApi
from sage_studio.flow import parse_patch
from sage_studio.flow.document import MAX_NAME_LENGTH


class FlowChangeIn(StrictSerializer):
    """New name or description."""

    name = serializers.CharField(max_length=MAX_NAME_LENGTH, required=False)
    description = serializers.CharField(max_length=20_000, required=False, allow_blank=True)


class PatchOut(serializers.Serializer[Any]):
    """What a patch did. ``inverse`` is a patch that undoes it."""

    applied = serializers.IntegerField()
    conflicts = serializers.ListField(child=serializers.DictField())
    seq = serializers.IntegerField()
    inverse = serializers.DictField()


class ProblemsOut(serializers.Serializer[Any]):
    """What is wrong with a flow, most severe first."""

    items = serializers.ListField(child=serializers.DictField())


class FlowDetailApi(WorkspaceApi):
    """One flow."""

    policies: ClassVar[dict[str, Policy]] = {
        "GET": InWorkspace("flow.view"),
        "PATCH": InWorkspace("flow.edit"),
        "DELETE": InWorkspace("flow.edit"),
    }

    def _flow(self, flow_id: uuid.UUID) -> Flow:
        return flow_get(workspace_id=self.workspace.pk, flow_id=flow_id)

    def _answer(self, flow_id: uuid.UUID) -> Response:
        selectors.definition_current(self._flow(flow_id))
        return Response(FlowOut(self._flow(flow_id)).data)

    @extend_schema(responses=FlowOut, operation_id="flow_get")
    def get(self, request: Request, workspace_id: uuid.UUID, flow_id: uuid.UUID) -> Response:
        return self._answer(flow_id)

    @extend_schema(request=FlowChangeIn, responses=FlowOut, operation_id="flow_update")
    def patch(self, request: Request, workspace_id: uuid.UUID, flow_id: uuid.UUID) -> Response:
        data = self.read(FlowChangeIn, request)
        flow = self._flow(flow_id)
        services.flow_rename(
            person=self.person, flow_id=flow.pk, name=data.get("name"), description=data.get("description")
        )
        return self._answer(flow_id)

    @extend_schema(responses={204: None}, operation_id="flow_delete")
    def delete(self, request: Request, workspace_id: uuid.UUID, flow_id: uuid.UUID) -> Response:
        flow_archive(person=self.person, flow=self._flow(flow_id))
        return Response(status=204)


class FlowDefinitionApi(WorkspaceApi):
    """The flow as it stands now, as the file that export writes and import reads."""

    policies: ClassVar[dict[str, Policy]] = {"GET": InWorkspace("flow.view")}

    @extend_schema(responses={200: OpenApiTypes.OBJECT}, operation_id="flow_definition")
    def get(self, request: Request, workspace_id: uuid.UUID, flow_id: uuid.UUID) -> Response:
        flow = flow_get(workspace_id=self.workspace.pk, flow_id=flow_id)
        definition = selectors.definition_current(flow)
        return Response(definition.body, headers={"X-Semantic-Hash": definition.semantic_hash})


class FlowPatchesApi(WorkspaceApi):
    """Changes by anything that is no browser; editors with the flow open see them at once."""

    policies: ClassVar[dict[str, Policy]] = {"POST": InWorkspace("flow.edit")}

    @extend_schema(request=OpenApiTypes.OBJECT, responses={200: PatchOut}, operation_id="flow_patch")
    @idempotent
    def post(self, request: Request, workspace_id: uuid.UUID, flow_id: uuid.UUID) -> Response:
        flow = flow_get(workspace_id=self.workspace.pk, flow_id=flow_id)
        if not isinstance(request.data, dict):
            raise Invalid("", "type", "A patch is an object with operations.")
        partial = request.query_params.get("partial") in ("1", "true")
        result = services.patch_apply(self.person, flow.pk, parse_patch(request.data), partial)
        return Response(result.dump())


class DocumentOut(serializers.Serializer[Any]):
    """The live document of a flow: its lineage, position and size, and whether it was set aside."""

    epoch = serializers.IntegerField()
    seq = serializers.IntegerField()
    size_bytes = serializers.IntegerField()
    limit_bytes = serializers.IntegerField()
    set_aside_at = serializers.DateTimeField(allow_null=True)


class RecoveryOut(serializers.Serializer[Any]):
    """What could be brought back: changes kept and left out since the last good snapshot."""

    came_from = serializers.ChoiceField(choices=["journal", "projection"])
    kept = serializers.IntegerField()
    left_out = serializers.IntegerField()
    seq = serializers.IntegerField()


class FlowDocumentApi(WorkspaceApi):
    """Facts about a flow's live document."""

    policies: ClassVar[dict[str, Policy]] = {"GET": InWorkspace("flow.view")}

    @extend_schema(responses=DocumentOut, operation_id="flow_document")
    def get(self, request: Request, workspace_id: uuid.UUID, flow_id: uuid.UUID) -> Response:
        flow = flow_get(workspace_id=self.workspace.pk, flow_id=flow_id)
        return Response(DocumentOut(selectors.document_facts(flow)).data)


class DocumentRecoveryApi(WorkspaceApi):
    """Brings back a live document that was set aside because opening it failed repeatedly."""

    policies: ClassVar[dict[str, Policy]] = {"POST": InWorkspace("workspace.manage")}

    @extend_schema(request=None, responses=RecoveryOut, operation_id="flow_document_recover")
    def post(self, request: Request, workspace_id: uuid.UUID, flow_id: uuid.UUID) -> Response:
        flow = flow_get(workspace_id=self.workspace.pk, flow_id=flow_id)
        return Response(RecoveryOut(services.document_recover(self.person, flow.pk)).data)


class FlowProblemsApi(WorkspaceApi):
    """What is wrong with the flow as it stands now."""

    policies: ClassVar[dict[str, Policy]] = {"GET": InWorkspace("flow.view")}

    @extend_schema(responses=ProblemsOut, operation_id="flow_problems")
    def get(self, request: Request, workspace_id: uuid.UUID, flow_id: uuid.UUID) -> Response:
        flow = flow_get(workspace_id=self.workspace.pk, flow_id=flow_id)
        return Response({"items": selectors.flow_problems(flow)})
