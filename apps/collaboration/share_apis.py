"""HTTP: links to a flow for people outside, and what is behind such a link."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.collaboration import share_selectors as selectors
from apps.collaboration.comment_apis import CommentPersonOut
from apps.collaboration.errors import LINK_INVALID
from apps.collaboration.models import ShareLink
from apps.collaboration.services import sharing as services
from apps.common.apis import Api, StrictSerializer
from apps.common.idempotency import idempotent
from apps.common.paging import page_response, paginate
from apps.common.policies import PUBLIC, InWorkspace
from apps.flows.models import Flow
from apps.flows.selectors import flow_get
from apps.workspaces.apis import WorkspaceApi
from sage_studio.kernel import SageError


class ShareLinkIn(StrictSerializer):
    """How long a link works; without days until it is taken back."""

    expires_in_days = serializers.IntegerField(
        min_value=1, max_value=365, required=False, allow_null=True, default=None
    )


class ShareLinkOut(serializers.Serializer[ShareLink]):
    """A link as the workspace's owners see it."""

    id = serializers.UUIDField()
    url = serializers.SerializerMethodField()
    created_by = CommentPersonOut()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)

    def get_url(self, link: ShareLink) -> str:
        return selectors.share_link_url(link)


class ShareLinkPageOut(serializers.Serializer[Any]):
    """A page of links."""

    items = ShareLinkOut(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class ShareLinksApi(WorkspaceApi):
    """Links of one flow."""

    policy = InWorkspace("flow.share")

    def _flow(self, flow_id: uuid.UUID) -> Flow:
        return flow_get(workspace_id=self.workspace.pk, flow_id=flow_id)

    @extend_schema(responses=ShareLinkPageOut, operation_id="share_link_list")
    def get(self, request: Request, workspace_id: uuid.UUID, flow_id: uuid.UUID) -> Response:
        return page_response(paginate(request, selectors.share_link_list(self._flow(flow_id))), ShareLinkOut)

    @extend_schema(request=ShareLinkIn, responses={201: ShareLinkOut}, operation_id="share_link_create")
    @idempotent
    def post(self, request: Request, workspace_id: uuid.UUID, flow_id: uuid.UUID) -> Response:
        days = self.read(ShareLinkIn, request)["expires_in_days"]
        link = services.share_link_create(person=self.person, flow=self._flow(flow_id), expires_in_days=days)
        return Response(ShareLinkOut(link).data, status=201)


class ShareLinkApi(WorkspaceApi):
    """One link."""

    policy = InWorkspace("flow.share")

    @extend_schema(responses={204: None}, operation_id="share_link_delete")
    def delete(
        self, request: Request, workspace_id: uuid.UUID, flow_id: uuid.UUID, link_id: uuid.UUID
    ) -> Response:
        flow = flow_get(workspace_id=self.workspace.pk, flow_id=flow_id)
        services.share_link_delete(person=self.person, flow=flow, link_id=link_id)
        return Response(status=204)


class SharedTextOut(serializers.Serializer[Any]):
    """A name in both languages."""

    en = serializers.CharField(required=False)
    zh = serializers.CharField(required=False)


class SharedNodeOut(serializers.Serializer[Any]):
    """A node as a card: nothing of what it is set to."""

    id = serializers.CharField()
    type = serializers.CharField()
    name = serializers.CharField(required=False, allow_blank=True)
    type_name = SharedTextOut()
    category = serializers.CharField()
    icon = serializers.CharField(allow_blank=True)
    pos = serializers.ListField(child=serializers.FloatField())
    size = serializers.ListField(child=serializers.FloatField(), required=False)
    parent = serializers.CharField(  # type: ignore[assignment] # the container, not DRF's parent
        required=False, allow_null=True
    )
    disabled = serializers.BooleanField(required=False)


class SharedEdgeOut(serializers.Serializer[Any]):
    """A line between two nodes."""

    id = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment] # where the line begins
    source_port = serializers.CharField()
    target = serializers.CharField()
    target_port = serializers.CharField()


class SharedNoteOut(serializers.Serializer[Any]):
    """A note on the canvas."""

    id = serializers.CharField()
    text = serializers.CharField(allow_blank=True)
    pos = serializers.ListField(child=serializers.FloatField())
    size = serializers.ListField(child=serializers.FloatField(), required=False)
    color = serializers.CharField(required=False, allow_blank=True)


class SharedFlowOut(serializers.Serializer[Any]):
    """What somebody with a link sees of a flow."""

    name = serializers.CharField()
    updated_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    nodes = SharedNodeOut(many=True)
    edges = SharedEdgeOut(many=True)
    notes = SharedNoteOut(many=True)


class SharedFlowApi(Api):
    """The page behind a link; the unguessable token is the right to see it."""

    policy = PUBLIC
    throttle_scope = "shared"

    @extend_schema(responses=SharedFlowOut, operation_id="shared_flow")
    def get(self, request: Request, token: str) -> Response:
        link = selectors.share_link_find(token)
        if link is None:
            raise SageError(LINK_INVALID)
        flow = link.flow
        shown = {"name": flow.name, "updated_at": flow.edited_at, "expires_at": link.expires_at}
        answer = SharedFlowOut({**shown, **selectors.drawing_of(flow)})
        return Response(answer.data, headers={"Cache-Control": "no-store", "X-Robots-Tag": "noindex"})
