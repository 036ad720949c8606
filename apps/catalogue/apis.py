"""The node types of a workspace."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from apps.catalogue import selectors
from apps.common.policies import InWorkspace
from apps.workspaces.apis import WorkspaceApi


@extend_schema_field(OpenApiTypes.OBJECT)
class _Shape(serializers.JSONField):
    """A part of a spec; its exact shape is NodeSpec of the SDK."""


class NodeTypeOut(serializers.Serializer[Any]):
    """A node type: what the palette, the inspector and the canvas need to know of it."""

    id = serializers.CharField()
    version = serializers.CharField()
    name = _Shape()
    description = _Shape()
    category = serializers.CharField()
    icon = serializers.CharField()
    inputs = serializers.ListField(child=_Shape())
    input_ports = serializers.ListField(child=_Shape())
    outputs = serializers.ListField(child=_Shape())
    config = serializers.ListField(child=_Shape())
    effect = serializers.ChoiceField(choices=["pure", "idempotent", "at_most_once"])
    trigger = serializers.BooleanField()
    summary = _Shape(required=False)
    example = _Shape(required=False)


class NodeTypesOut(serializers.Serializer[Any]):
    """All node types; there is one page."""

    items = NodeTypeOut(many=True)


class NodeTypesApi(WorkspaceApi):
    """Answers 304 to a browser that has the list already."""

    policy = InWorkspace("flow.view")

    @extend_schema(responses=NodeTypesOut, operation_id="node_type_list")
    def get(self, request: Request, workspace_id: uuid.UUID) -> HttpResponse:
        known = selectors.catalogue()
        matches = {
            tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")
        }
        if known.etag in matches:
            response = HttpResponse(status=304)
        else:
            response = HttpResponse(known.body, content_type="application/json")
        response["ETag"] = known.etag
        response["Cache-Control"] = "private, no-cache"
        return response
