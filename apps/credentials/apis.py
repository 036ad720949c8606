"""Credentials of a workspace. No route ever answers with a secret."""

from __future__ import annotations

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.apis import StrictSerializer
from apps.common.idempotency import idempotent
from apps.common.paging import paginate
from apps.common.policies import InWorkspace
from apps.common.problems import language_of_request
from apps.credentials import adapters, selectors, services
from apps.credentials.kinds import kind_get
from apps.credentials.models import Credential
from apps.credentials.types import MAX_HOSTS, SECRET_LENGTH, FieldProblem, clean_fields, clean_host
from apps.workspaces.apis import WorkspaceApi
from apps.workspaces.policies import may
from apps.workspaces.types import Action
from sage_studio.sdk import CredentialKind


class CredentialIn(StrictSerializer):
    """A credential to be kept; which ``fields`` there are its kind says."""

    name = serializers.RegexField(r"^[^\x00-\x1f{}]+$", max_length=100)
    kind = serializers.CharField(max_length=64, default="api_key")
    fields_ = serializers.DictField(
        child=serializers.CharField(max_length=SECRET_LENGTH, trim_whitespace=False, allow_blank=True),
        source="given",
    )
    allowed_hosts = serializers.ListField(
        child=serializers.CharField(max_length=300), max_length=MAX_HOSTS, default=list
    )

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """``fields`` is the name in the API, but taken by the framework on the class."""
        declared = super().get_fields()
        return {("fields" if name == "fields_" else name): field for name, field in declared.items()}

    def validate_allowed_hosts(self, hosts: list[str]) -> list[str]:
        cleaned = [clean_host(host) for host in hosts]
        if bad := [host for host, clean in zip(hosts, cleaned, strict=True) if clean is None]:
            raise serializers.ValidationError(f"{bad[0][:100]!r} is not the name of a host.", code="host")
        return list(dict.fromkeys(host for host in cleaned if host))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        kind = kind_get(self.context["workspace_id"], attrs["kind"])
        if kind is None:
            raise serializers.ValidationError({"kind": "There is no such kind."}, code="kind")
        return {**attrs, "kind": kind, "given": _clean(kind, attrs["given"])}


def _clean(kind: CredentialKind, given: dict[str, str]) -> dict[str, str]:
    try:
        return clean_fields(kind, given)
    except FieldProblem as problem:
        said = problem.zh if language_of_request() == "zh" else problem.en
        raise serializers.ValidationError({"fields": {problem.field: said}}, code="field") from problem


class CredentialOut(serializers.Serializer[Any]):
    """What may be shown; where it goes is null for viewers."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    kind = serializers.CharField()
    allowed_hosts = serializers.SerializerMethodField()
    fields_ = serializers.SerializerMethodField(method_name="shown_fields")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        declared = super().get_fields()
        return {("fields" if name == "fields_" else name): field for name, field in declared.items()}

    def get_allowed_hosts(self, credential: Credential) -> list[str] | None:
        return credential.allowed_hosts if self._may_use else None

    def shown_fields(self, credential: Credential) -> dict[str, str] | None:
        return credential.public if self._may_use else None

    @property
    def _may_use(self) -> bool:
        return may(self.context["role"], Action.CREDENTIAL_USE)


class CredentialPageOut(serializers.Serializer[Any]):
    """A page of credentials."""

    items = CredentialOut(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class CredentialsApi(WorkspaceApi):
    """Credentials of the workspace."""

    policies = {"GET": InWorkspace("credential.view"), "POST": InWorkspace("credential.manage")}

    def _shown(self, credentials: Any, *, many: bool) -> Any:
        return CredentialOut(credentials, many=many, context={"role": self.role}).data

    @extend_schema(responses=CredentialPageOut, operation_id="credential_list")
    def get(self, request: Request, workspace_id: uuid.UUID) -> Response:
        page = paginate(request, selectors.credential_list(self.workspace))
        return Response({"items": self._shown(page.items, many=True), "next_cursor": page.next_cursor})

    @extend_schema(request=CredentialIn, responses={201: CredentialOut}, operation_id="credential_create")
    @idempotent
    def post(self, request: Request, workspace_id: uuid.UUID) -> Response:
        bound = CredentialIn(data=request.data, context={"workspace_id": self.workspace.pk})
        bound.is_valid(raise_exception=True)
        data = bound.validated_data
        credential = services.credential_create(
            self.person,
            self.workspace,
            name=data["name"],
            kind=data["kind"],
            fields=data["given"],
            allowed_hosts=data["allowed_hosts"],
        )
        return Response(self._shown(credential, many=False), status=201)


class CredentialDetailApi(WorkspaceApi):
    """One credential."""

    policy = InWorkspace("credential.manage")

    @extend_schema(responses={204: None}, operation_id="credential_delete")
    def delete(self, request: Request, workspace_id: uuid.UUID, credential_id: uuid.UUID) -> Response:
        services.credential_delete(self.person, self.workspace, credential_id)
        return Response(status=204)


class CredentialTestIn(StrictSerializer):
    """Where to try it; empty means the first allowed host."""

    url = serializers.CharField(max_length=2_000, required=False, allow_blank=True, default="")


class CredentialTestOut(serializers.Serializer[Any]):
    """``ok`` when the host answered and did not refuse the credential (401 or 403)."""

    ok = serializers.BooleanField()
    status = serializers.IntegerField(allow_null=True)
    message = serializers.CharField()


class CredentialTestApi(WorkspaceApi):
    """Sends the credential to one of its allowed hosts and says how it was received."""

    policy = InWorkspace("credential.use")
    throttle_scope = "export"

    @extend_schema(request=CredentialTestIn, responses=CredentialTestOut, operation_id="credential_test")
    def post(self, request: Request, workspace_id: uuid.UUID, credential_id: uuid.UUID) -> Response:
        url = self.read(CredentialTestIn, request)["url"]
        credential = selectors.credential_get(self.workspace, credential_id)
        return Response(adapters.credential_test(self.person, credential, url))
