"""HTTP: the template gallery, publishing and installing."""

from __future__ import annotations

import uuid
from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.catalogue.selectors import instance_registry
from apps.common.apis import Api, StrictSerializer
from apps.common.paging import paginate
from apps.common.policies import SIGNED_IN, InWorkspace
from apps.flows.selectors import flow_get
from apps.marketplace import selectors, services
from apps.marketplace.content import requirements_of
from apps.marketplace.models import Template
from apps.workspaces.apis import WorkspaceApi
from sage_studio.flow import parse_plain

MAX_SEARCH_LENGTH = 200


class TemplateOut(serializers.Serializer[Template]):
    """A card of the gallery."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    summary = serializers.CharField()
    category = serializers.ChoiceField(choices=Template.Category.choices)
    author_name = serializers.CharField(source="author.name", default="")
    workspace_id = serializers.UUIDField()
    node_count = serializers.SerializerMethodField()
    uses = serializers.IntegerField()
    created_at = serializers.DateTimeField()

    def get_node_count(self, template: Template) -> int:
        return len(template.body.get("nodes", []))


class TemplatePageOut(serializers.Serializer[Any]):
    items = TemplateOut(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class RequirementsOut(serializers.Serializer[Any]):
    """What the flow would use and reach, shown before it is installed."""

    node_types = serializers.ListField(child=serializers.CharField())
    hosts = serializers.ListField(child=serializers.CharField())
    credentials = serializers.ListField(child=serializers.CharField())
    unknown_types = serializers.ListField(child=serializers.CharField())


class TemplateDetailOut(TemplateOut):
    definition = serializers.JSONField(source="body")
    semantic_hash = serializers.CharField()
    requirements = serializers.SerializerMethodField()

    def get_requirements(self, template: Template) -> dict[str, list[str]]:
        return asdict(requirements_of(parse_plain(template.body), template.credentials, instance_registry()))


class TemplatePublishIn(StrictSerializer):
    flow_id = serializers.UUIDField()
    version = serializers.IntegerField(min_value=1, required=False, allow_null=True)
    name = serializers.CharField(max_length=120)
    summary = serializers.CharField(max_length=500, allow_blank=True, default="")
    category = serializers.ChoiceField(choices=Template.Category.choices, default=Template.Category.OTHER)


class TemplateInstallIn(StrictSerializer):
    name = serializers.CharField(max_length=200, allow_blank=True, default="")


class InstalledOut(serializers.Serializer[Any]):
    flow_id = serializers.UUIDField()


class TemplateListApi(Api):
    policy = SIGNED_IN

    @extend_schema(
        operation_id="templates_list",
        parameters=[OpenApiParameter("search", str), OpenApiParameter("category", str)],
        responses=TemplatePageOut,
    )
    def get(self, request: Request) -> Response:
        """Templates of this instance, newest first."""
        found = selectors.template_list(
            search=request.query_params.get("search", "")[:MAX_SEARCH_LENGTH].replace("\x00", ""),
            category=request.query_params.get("category", "")[:20].replace("\x00", ""),
        )
        return Response(TemplatePageOut(paginate(request, found)).data)


class TemplateDetailApi(Api):
    policy = SIGNED_IN

    @extend_schema(operation_id="templates_get", responses=TemplateDetailOut)
    def get(self, request: Request, template_id: uuid.UUID) -> Response:
        """One template with its flow and what it needs."""
        return Response(TemplateDetailOut(selectors.template_get(template_id)).data)


class TemplatePublishApi(WorkspaceApi):
    policy = InWorkspace("template.publish")

    @extend_schema(operation_id="templates_publish", request=TemplatePublishIn, responses={201: TemplateOut})
    def post(self, request: Request, workspace_id: uuid.UUID) -> Response:
        """Publish a flow of this workspace as a template."""
        data = self.read(TemplatePublishIn, request)
        flow = flow_get(workspace_id=self.workspace.pk, flow_id=data.pop("flow_id"))
        template = services.template_publish(person=self.person, flow=flow, **data)
        return Response(TemplateOut(template).data, status=201)


class TemplateWithdrawApi(WorkspaceApi):
    policy = InWorkspace("template.publish")

    @extend_schema(operation_id="templates_withdraw", responses={204: None})
    def delete(self, request: Request, workspace_id: uuid.UUID, template_id: uuid.UUID) -> Response:
        """Take a template of this workspace out of the gallery."""
        services.template_withdraw(person=self.person, workspace=self.workspace, template_id=template_id)
        return Response(status=204)


class TemplateInstallApi(WorkspaceApi):
    policy = InWorkspace("template.install")

    @extend_schema(operation_id="templates_install", request=TemplateInstallIn, responses={201: InstalledOut})
    def post(self, request: Request, workspace_id: uuid.UUID, template_id: uuid.UUID) -> Response:
        """Make a new flow in this workspace from a template."""
        name = self.read(TemplateInstallIn, request)["name"]
        flow = services.template_install(
            person=self.person, workspace=self.workspace, template_id=template_id, name=name
        )
        return Response({"flow_id": str(flow.pk)}, status=201)
