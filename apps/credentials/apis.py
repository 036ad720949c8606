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
from apps.credentials import adapters, selectors, services
from apps.credentials.models import Credential
from apps.credentials.types import FIELDS, MAX_HOSTS, SECRET_LENGTH, Kind, clean_host, is_header_name
from apps.workspaces.apis import WorkspaceApi
from apps.workspaces.policies import may
from apps.workspaces.types import Action

_KINDS = [kind.value for kind in Kind]


class CredentialIn(StrictSerializer):
    """A credential to be kept."""

    name = serializers.RegexField(r"^[^\x00-\x1f{}]+$", max_length=100)
    kind = serializers.ChoiceField(choices=_KINDS, default=Kind.API_KEY.value)
    fields_ = serializers.DictField(
        child=serializers.CharField(max_length=SECRET_LENGTH, trim_whitespace=True), source="secret"
    )
    allowed_hosts = serializers.ListField(
        child=serializers.CharField(max_length=300), max_length=MAX_HOSTS, default=list
    )
    header = serializers.CharField(max_length=100, default="Authorization")
    prefix = serializers.RegexField(r"^[\x21-\x7e]*$", max_length=50, default="Bearer", allow_blank=True)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """``fields`` is the name in the API, but taken by the framework on the class."""
        declared = super().get_fields()
        return {("fields" if name == "fields_" else name): field for name, field in declared.items()}

    def validate_allowed_hosts(self, hosts: list[str]) -> list[str]:
        cleaned = [clean_host(host) for host in hosts]
        if bad := [host for host, clean in zip(hosts, cleaned, strict=True) if clean is None]:
            raise serializers.ValidationError(f"{bad[0][:100]!r} is not the name of a host.", code="host")
        return list(dict.fromkeys(host for host in cleaned if host))

    def validate_header(self, header: str) -> str:
        if not is_header_name(header):
            raise serializers.ValidationError("This cannot be the name of the header.", code="header")
        return header

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        wanted = set(FIELDS[Kind(attrs["kind"])])
        given = {name for name, value in attrs["secret"].items() if value}
        if given != wanted or set(attrs["secret"]) != wanted:
            names = ", ".join(sorted(wanted))
            raise serializers.ValidationError({"fields": f"Give exactly: {names}."}, code="fields")
        return attrs


class CredentialOut(serializers.Serializer[Any]):
    """What may be shown; ``allowed_hosts`` is null for viewers."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=_KINDS)
    allowed_hosts = serializers.SerializerMethodField()
    header = serializers.CharField()
    prefix = serializers.CharField()
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)

    def get_allowed_hosts(self, credential: Credential) -> list[str] | None:
        role = self.context["role"]
        return credential.allowed_hosts if may(role, Action.CREDENTIAL_USE) else None


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
        data = self.read(CredentialIn, request)
        credential = services.credential_create(
            self.person,
            self.workspace,
            name=data["name"],
            kind=Kind(data["kind"]),
            fields=data["secret"],
            allowed_hosts=data["allowed_hosts"],
            header=data["header"],
            prefix=data["prefix"],
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
