"""The kinds of credentials, and trying credentials out before and after they are kept."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.apis import StrictSerializer
from apps.common.policies import InWorkspace
from apps.credentials import adapters, selectors
from apps.credentials.apis import FieldsIn, HostsIn, field_error, kind_of, with_fields
from apps.credentials.kinds import kinds_of
from apps.credentials.oauth2 import redirect_address
from apps.credentials.types import FieldProblem, clean_fields
from apps.workspaces.apis import WorkspaceApi


class CredentialKindOut(serializers.Serializer[Any]):
    """A kind as the form is made from it: names in both languages, fields as those of nodes."""

    id = serializers.CharField()
    name = serializers.JSONField()
    description = serializers.JSONField()
    icon = serializers.CharField()
    fields_ = serializers.JSONField()
    hosts = serializers.ListField(child=serializers.CharField())
    hosts_use = serializers.ChoiceField(choices=["required", "optional", "from_fields"])
    is_account = serializers.BooleanField()
    can_be_tested = serializers.BooleanField()
    help_url = serializers.CharField()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return with_fields(super().get_fields())


class CredentialKindsOut(serializers.Serializer[Any]):
    """All kinds of the workspace, and the address that apps are registered with at services."""

    items = CredentialKindOut(many=True)
    redirect_uri = serializers.CharField()


class CredentialKindsApi(WorkspaceApi):
    """What kinds of credentials can be kept here."""

    policy = InWorkspace("credential.view")

    @extend_schema(responses=CredentialKindsOut, operation_id="credential_kinds")
    def get(self, request: Request, workspace_id: uuid.UUID) -> Response:
        items = [
            {
                **kind.model_dump(mode="json", include=_SHOWN),
                "is_account": kind.oauth2 is not None,
                "can_be_tested": kind.test is not None,
            }
            for kind in kinds_of(self.workspace.pk).all()
        ]
        return Response({"items": items, "redirect_uri": redirect_address()})


_SHOWN = {"id", "name", "description", "icon", "fields", "hosts", "hosts_use", "help_url"}


class CredentialTestIn(StrictSerializer):
    """Where to try it; empty means what the kind says, or the first allowed host."""

    url = serializers.CharField(max_length=2_000, required=False, allow_blank=True, default="")


class CredentialTestOut(serializers.Serializer[Any]):
    """``ok`` when the other side took the credential; ``status`` is that of an HTTP answer."""

    ok = serializers.BooleanField()
    status = serializers.IntegerField(allow_null=True)
    message = serializers.CharField()


class CredentialTestApi(WorkspaceApi):
    """Uses the credential once and says how it was received."""

    policy = InWorkspace("credential.use")
    throttle_scope = "export"

    @extend_schema(request=CredentialTestIn, responses=CredentialTestOut, operation_id="credential_test")
    def post(self, request: Request, workspace_id: uuid.UUID, credential_id: uuid.UUID) -> Response:
        url = self.read(CredentialTestIn, request)["url"]
        credential = selectors.credential_get(self.workspace, credential_id)
        return Response(adapters.credential_test(self.person, credential, url))


class CredentialDraftIn(StrictSerializer):
    """A credential that is not kept yet, or changes to one: its secrets count where none are given, and
    only toward the hosts it allows already."""

    kind = serializers.CharField(max_length=64)
    credential_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    fields_ = FieldsIn(source="given")
    allowed_hosts = HostsIn(default=list)
    url = serializers.CharField(max_length=2_000, required=False, allow_blank=True, default="")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return with_fields(super().get_fields())


class CredentialDraftTestApi(WorkspaceApi):
    """Tries out what is in the form."""

    policy = InWorkspace("credential.manage")
    throttle_scope = "export"

    @extend_schema(
        request=CredentialDraftIn, responses=CredentialTestOut, operation_id="credential_draft_test"
    )
    def post(self, request: Request, workspace_id: uuid.UUID) -> Response:
        data = self.read(CredentialDraftIn, request)
        kind = kind_of(self.workspace.pk, data["kind"])
        kept = None
        if data["credential_id"]:
            kept = selectors.credential_get(self.workspace, data["credential_id"])
        try:
            if kept is not None:
                return Response(
                    adapters.changed_test(
                        self.person, kept, data["given"], data["allowed_hosts"], data["url"]
                    )
                )
            fields = clean_fields(kind, data["given"])
        except FieldProblem as problem:
            raise field_error(problem) from problem
        hosts, url = data["allowed_hosts"], data["url"]
        return Response(adapters.draft_test(kind, fields, hosts, url))
