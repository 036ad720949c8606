"""HTTP: who is in which flow of a workspace."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.collaboration.comment_apis import CommentPersonOut
from apps.collaboration.visit_selectors import visits_in
from apps.common.policies import InWorkspace
from apps.workspaces.apis import WorkspaceApi


class FlowPresenceOut(serializers.Serializer[Any]):
    """The people who have a flow open."""

    flow_id = serializers.UUIDField()
    people = CommentPersonOut(many=True)


class PresenceOut(serializers.Serializer[Any]):
    """Flows somebody has open; the others are left out."""

    items = FlowPresenceOut(many=True)


class PresenceApi(WorkspaceApi):
    """Presence over a whole workspace, a few seconds old."""

    policy = InWorkspace("flow.view")

    @extend_schema(responses=PresenceOut, operation_id="workspace_presence")
    def get(self, request: Request, workspace_id: uuid.UUID) -> Response:
        found = visits_in(self.workspace.pk)
        items = [{"flow_id": flow, "people": people} for flow, people in found.items()]
        return Response(PresenceOut({"items": items}).data)
