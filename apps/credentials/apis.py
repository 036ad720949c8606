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
from apps.common.paging import page_response, paginate
from apps.common.policies import InWorkspace
from apps.common.problems import in_words
from apps.credentials import selectors, services
from apps.credentials.kinds import kind_get
from apps.credentials.models import Credential
from apps.credentials.types import MAX_HOSTS, SECRET_LENGTH, FieldProblem, clean_fields, clean_host
from apps.workspaces.apis import WorkspaceApi
from apps.workspaces.policies import may
from apps.workspaces.types import Action
from sage_studio.sdk import CredentialKind

NAME = r"^[^\x00-\x1f{}]+$"


class FieldsIn(serializers.DictField):
    """Values by the names of the kind's fields."""

    child = serializers.CharField(max_length=SECRET_LENGTH, trim_whitespace=False, allow_blank=True)


class HostsIn(serializers.ListField):
    """Names of hosts, in the form they are compared in."""

    child = serializers.CharField(max_length=300)

    def to_internal_value(self, data: Any) -> list[str]:
        hosts = super().to_internal_value(data)
        if len(hosts) > MAX_HOSTS:
            raise serializers.ValidationError(
                in_words(f"At most {MAX_HOSTS} hosts.", f"最多 {MAX_HOSTS} 个主机。"), code="max_length"
            )
        cleaned = [clean_host(host) for host in hosts]
        if bad := [host for host, clean in zip(hosts, cleaned, strict=True) if clean is None]:
            said = in_words(
                f"{bad[0][:100]!r} is not the name of a host.", f"“{bad[0][:100]}”不是有效的主机名。"
            )
            raise serializers.ValidationError(said, code="host")
        return list(dict.fromkeys(host for host in cleaned if host))


def with_fields(
    declared: dict[str, serializers.Field[Any, Any, Any, Any]],
) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
    """``fields`` is the name in the API, but taken by the framework on the class."""
    return {("fields" if name == "fields_" else name): field for name, field in declared.items()}


def field_error(problem: FieldProblem) -> serializers.ValidationError:
    said = in_words(problem.en, problem.zh)
    return serializers.ValidationError({"fields": {problem.field: [said]}}, code="field")


class CredentialIn(StrictSerializer):
    """A credential to be kept; which ``fields`` there are its kind says."""

    name = serializers.RegexField(NAME, max_length=100)
    kind = serializers.CharField(max_length=64, default="api_key")
    fields_ = FieldsIn(source="given")
    allowed_hosts = HostsIn(default=list)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return with_fields(super().get_fields())

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        kind = kind_of(self.context["workspace_id"], attrs["kind"])
        try:
            given = clean_fields(kind, attrs["given"])
        except FieldProblem as problem:
            raise field_error(problem) from problem
        return {**attrs, "kind": kind, "given": given}


def kind_of(workspace_id: uuid.UUID, kind_id: str) -> CredentialKind:
    """Raises ValidationError."""
    kind = kind_get(workspace_id, kind_id)
    if kind is None:
        said = in_words("There is no such kind.", "没有这种凭据类型。")
        raise serializers.ValidationError({"kind": [said]}, code="kind")
    return kind


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
    connected_at = serializers.DateTimeField(allow_null=True)
    broken = serializers.CharField()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return with_fields(super().get_fields())

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


class CredentialChangeIn(StrictSerializer):
    """What is to change. Secrets that are left out or empty stay as they are."""

    name = serializers.RegexField(NAME, max_length=100, required=False)
    fields_ = FieldsIn(source="given", required=False)
    allowed_hosts = HostsIn(required=False)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return with_fields(super().get_fields())


class CredentialDetailApi(WorkspaceApi):
    """One credential."""

    policy = InWorkspace("credential.manage")

    @extend_schema(request=CredentialChangeIn, responses=CredentialOut, operation_id="credential_update")
    def patch(self, request: Request, workspace_id: uuid.UUID, credential_id: uuid.UUID) -> Response:
        data = self.read(CredentialChangeIn, request)
        try:
            credential = services.credential_update(
                self.person,
                self.workspace,
                credential_id,
                name=data.get("name"),
                fields=data.get("given"),
                allowed_hosts=data.get("allowed_hosts"),
            )
        except FieldProblem as problem:
            raise field_error(problem) from problem
        return Response(CredentialOut(credential, context={"role": self.role}).data)

    @extend_schema(responses={204: None}, operation_id="credential_delete")
    def delete(self, request: Request, workspace_id: uuid.UUID, credential_id: uuid.UUID) -> Response:
        services.credential_delete(self.person, self.workspace, credential_id)
        return Response(status=204)


class CredentialUseOut(serializers.Serializer[Any]):
    """One use: by a run, or by a person's test when there is none."""

    run_id = serializers.UUIDField(allow_null=True)
    host = serializers.CharField()
    used_at = serializers.DateTimeField()


class CredentialUsePageOut(serializers.Serializer[Any]):
    """A page of uses, the newest first."""

    items = CredentialUseOut(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class CredentialUsesApi(WorkspaceApi):
    """When a credential was used, by which run and toward which host."""

    policy = InWorkspace("credential.use")

    @extend_schema(responses=CredentialUsePageOut, operation_id="credential_uses")
    def get(self, request: Request, workspace_id: uuid.UUID, credential_id: uuid.UUID) -> Response:
        credential = selectors.credential_get(self.workspace, credential_id)
        page = paginate(request, selectors.credential_uses(credential), order="-used_at")
        return page_response(page, CredentialUseOut)
