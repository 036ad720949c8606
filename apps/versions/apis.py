"""HTTP: history, commit, compare, roll back, publish."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.collaboration.selectors import definition_current
from apps.common.apis import StrictSerializer
from apps.common.paging import paginate
from apps.common.policies import InWorkspace, Policy
from apps.common.problems import language_of_request
from apps.flows.models import Flow
from apps.flows.selectors import flow_get
from apps.versions import selectors, services
from apps.versions.models import Version
from apps.workspaces.apis import WorkspaceApi
from sage_studio.flow import Change


class AuthorOut(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    color = serializers.IntegerField()


class VersionOut(serializers.Serializer[Any]):
    """``parent`` is the number of the version this one was made from."""

    number = serializers.IntegerField()
    message = serializers.CharField()
    author = AuthorOut(allow_null=True)
    created_at = serializers.DateTimeField()
    semantic_hash = serializers.CharField(source="definition.semantic_hash")
    layout_hash = serializers.CharField(source="definition.layout_hash")
    # DRF collects declared fields and takes them off the class, so this hides no attribute.
    parent = serializers.IntegerField(source="parent.number", allow_null=True, default=None)  # type: ignore[assignment]
    published = serializers.SerializerMethodField()

    def get_published(self, version: Version) -> bool:
        return bool(self.context.get("published") == version.number)


class VersionPageOut(serializers.Serializer[Any]):
    """``draft_changed`` says whether the draft differs from the newest version."""

    items = VersionOut(many=True)
    next_cursor = serializers.CharField(allow_null=True)
    draft_changed = serializers.BooleanField()


class VersionDetailOut(VersionOut):
    definition = serializers.JSONField(source="definition.body")


class ChangeOut(serializers.Serializer[Any]):
    """One changed thing; places that do not apply are empty."""

    kind = serializers.CharField()
    node_id = serializers.CharField()
    edge_id = serializers.CharField()
    path = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)
    text = serializers.SerializerMethodField()

    def get_text(self, change: Change) -> str:
        return change.text[language_of_request()]


class ComparisonOut(serializers.Serializer[Any]):
    """``before`` and ``after`` name the two sides (``v3``, ``draft``, empty before the first)."""

    before = serializers.CharField()
    after = serializers.CharField()
    changes = ChangeOut(many=True)


class CommitIn(StrictSerializer):
    message = serializers.CharField(max_length=500)


class PublishIn(StrictSerializer):
    version = serializers.IntegerField(min_value=1)


class RollbackOut(serializers.Serializer[Any]):
    """``seq`` is the journal position; ``inverse`` is the patch that takes the rollback back."""

    applied = serializers.IntegerField()
    conflicts = serializers.ListField(child=serializers.DictField())
    seq = serializers.IntegerField()
    inverse = serializers.DictField()


class _FlowApi(WorkspaceApi):
    def flow(self, flow_id: uuid.UUID) -> Flow:
        return flow_get(workspace_id=self.workspace.pk, flow_id=flow_id)


def _draft_changed(flow: Flow) -> bool:
    latest = selectors.version_latest(flow)
    return latest is None or latest.definition_id != definition_current(flow).pk


class VersionListApi(_FlowApi):
    policies: ClassVar[dict[str, Policy]] = {
        "GET": InWorkspace("version.view"),
        "POST": InWorkspace("version.commit"),
    }

    @extend_schema(operation_id="versions_list", responses=VersionPageOut)
    def get(self, request: Request, workspace_id: uuid.UUID, flow_id: uuid.UUID) -> Response:
        """The flow's history, newest first."""
        flow = self.flow(flow_id)
        page = paginate(request, selectors.version_list(flow), order="-number")
        context = {"published": selectors.published_number(flow)}
        return Response(
            {
                "items": VersionOut(page.items, many=True, context=context).data,
                "next_cursor": page.next_cursor,
                "draft_changed": _draft_changed(flow),
            }
        )

    @extend_schema(operation_id="versions_commit", request=CommitIn, responses={201: VersionOut})
    def post(self, request: Request, workspace_id: uuid.UUID, flow_id: uuid.UUID) -> Response:
        """Commit the draft as a new version."""
        message = self.read(CommitIn, request)["message"]
        version = services.version_commit(person=self.person, flow=self.flow(flow_id), message=message)
        return Response(VersionOut(version).data, status=201)


class VersionDetailApi(_FlowApi):
    policy = InWorkspace("version.view")

    @extend_schema(operation_id="versions_get", responses=VersionDetailOut)
    def get(self, request: Request, workspace_id: uuid.UUID, flow_id: uuid.UUID, number: int) -> Response:
        """One version with its whole definition."""
        flow = self.flow(flow_id)
        context = {"published": selectors.published_number(flow)}
        return Response(VersionDetailOut(selectors.version_get(flow, number), context=context).data)


class VersionDiffApi(_FlowApi):
    policy = InWorkspace("version.view")

    @extend_schema(
        operation_id="versions_diff",
        parameters=[OpenApiParameter("against", str, description="draft, parent, or a version number")],
        responses=ComparisonOut,
    )
    def get(self, request: Request, workspace_id: uuid.UUID, flow_id: uuid.UUID, number: int) -> Response:
        """What changed between two versions, or since a version."""
        against = request.query_params.get("against", "parent")
        found = selectors.version_compare(self.flow(flow_id), number, against)
        return Response(ComparisonOut(found).data)


class VersionRollbackApi(_FlowApi):
    policy = InWorkspace("flow.edit")

    @extend_schema(operation_id="versions_rollback", request=None, responses=RollbackOut)
    def post(self, request: Request, workspace_id: uuid.UUID, flow_id: uuid.UUID, number: int) -> Response:
        """Bring the draft back to this version as one forward change."""
        result = services.version_rollback(person=self.person, flow=self.flow(flow_id), number=number)
        return Response(result.dump())


class FlowPublishApi(_FlowApi):
    policy = InWorkspace("version.publish")

    @extend_schema(operation_id="flows_publish", request=PublishIn, responses=VersionOut)
    def post(self, request: Request, workspace_id: uuid.UUID, flow_id: uuid.UUID) -> Response:
        """Publish one exact version."""
        number = self.read(PublishIn, request)["version"]
        version = services.version_publish(person=self.person, flow=self.flow(flow_id), number=number)
        return Response(VersionOut(version, context={"published": number}).data)
