"""The audit trail of a workspace; here because the trail's own app lies below workspaces."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.audit.models import AuditEntry
from apps.audit.selectors import entry_list
from apps.common.paging import page_response, paginate
from apps.common.policies import InWorkspace
from apps.workspaces.apis import WorkspaceApi


class AuditEntryOut(serializers.Serializer[AuditEntry]):
    """Who did what, when and from where."""

    id = serializers.UUIDField()
    seq = serializers.IntegerField()
    at = serializers.DateTimeField()
    actor_id = serializers.UUIDField(allow_null=True)
    actor_email = serializers.CharField()
    action = serializers.CharField()
    target_type = serializers.CharField()
    target_id = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)
    origin = serializers.JSONField()
    digest = serializers.CharField()


class AuditPageOut(serializers.Serializer[Any]):
    """A page of entries, newest first."""

    items = AuditEntryOut(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class AuditApi(WorkspaceApi):
    """The trail, for owners."""

    policy = InWorkspace("audit.view")

    @extend_schema(responses=AuditPageOut, operation_id="audit_list")
    def get(self, request: Request, workspace_id: uuid.UUID) -> Response:
        page = paginate(request, entry_list(workspace_id), order="-at")
        return page_response(page, AuditEntryOut)
