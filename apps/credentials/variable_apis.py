"""Variables and secrets of the workspace. No route ever answers with a secret."""

from __future__ import annotations

import json
import uuid
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.apis import StrictSerializer
from apps.common.idempotency import idempotent
from apps.common.paging import page_response, paginate
from apps.common.policies import InWorkspace, Policy
from apps.common.problems import in_words
from apps.credentials import selectors, services
from apps.credentials.models import Variable
from apps.credentials.types import ENVIRONMENTS, SECRET_VALUE_LENGTH, VARIABLE_NAME, VARIABLE_VALUE_LENGTH
from apps.workspaces.apis import WorkspaceApi


class ValueIn(serializers.JSONField):
    """Any JSON of bounded size."""

    def to_internal_value(self, data: Any) -> Any:
        value = super().to_internal_value(data)
        if len(json.dumps(value)) > VARIABLE_VALUE_LENGTH:
            limit = VARIABLE_VALUE_LENGTH
            said = in_words(f"At most {limit} characters.", f"最多 {limit} 个字符。")
            raise serializers.ValidationError(said, code="max_length")
        return value


class VariableIn(StrictSerializer):
    """A variable; the value of a secret one is text."""

    name = serializers.RegexField(VARIABLE_NAME, max_length=64)
    environment = serializers.ChoiceField(choices=ENVIRONMENTS, default="", allow_blank=True)
    is_secret = serializers.BooleanField(default=False)
    value = ValueIn(allow_null=True)
    description = serializers.CharField(max_length=300, allow_blank=True, default="")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["is_secret"]:
            check_secret(attrs["value"])
        return attrs


def check_secret(value: Any) -> None:
    """Raises ValidationError for what cannot be a secret: nothing shorter can be blotted from logs."""
    if not isinstance(value, str) or not 6 <= len(value) <= SECRET_VALUE_LENGTH:
        said = in_words(
            f"A secret is text of 6 to {SECRET_VALUE_LENGTH} characters.",
            f"密文应为 6 到 {SECRET_VALUE_LENGTH} 个字符的文本。",
        )
        raise serializers.ValidationError({"value": [said]}, code="secret")


class VariableChangeIn(StrictSerializer):
    """What is to change; without ``value`` it stays."""

    value = ValueIn(allow_null=True, required=False)
    description = serializers.CharField(max_length=300, allow_blank=True, required=False)


class VariableOut(serializers.Serializer[Any]):
    """A variable; ``value`` is null for secrets."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    environment = serializers.ChoiceField(choices=ENVIRONMENTS, allow_blank=True)
    description = serializers.CharField()
    is_secret = serializers.BooleanField()
    value = serializers.SerializerMethodField(method_name="shown_value")
    updated_at = serializers.DateTimeField()

    @extend_schema_field({})
    def shown_value(self, variable: Variable) -> Any:
        return None if variable.is_secret else variable.value


class VariablePageOut(serializers.Serializer[Any]):
    """A page of variables."""

    items = VariableOut(many=True)
    next_cursor = serializers.CharField(allow_null=True)


class VariablesApi(WorkspaceApi):
    """Values that all flows of the workspace can read."""

    policies: ClassVar[dict[str, Policy]] = {
        "GET": InWorkspace("credential.use"),
        "POST": InWorkspace("flow.edit"),
    }

    @extend_schema(responses=VariablePageOut, operation_id="variable_list")
    def get(self, request: Request, workspace_id: uuid.UUID) -> Response:
        page = paginate(request, selectors.variable_list(self.workspace), order="name")
        return page_response(page, VariableOut)

    @extend_schema(request=VariableIn, responses={201: VariableOut}, operation_id="variable_create")
    @idempotent
    def post(self, request: Request, workspace_id: uuid.UUID) -> Response:
        data = self.read(VariableIn, request)
        variable = services.variable_create(self.person, self.workspace, **data)
        return Response(VariableOut(variable).data, status=201)


class VariableDetailApi(WorkspaceApi):
    """One variable. What it is called and whether it is secret stays."""

    policy = InWorkspace("flow.edit")

    @extend_schema(request=VariableChangeIn, responses=VariableOut, operation_id="variable_update")
    def patch(self, request: Request, workspace_id: uuid.UUID, variable_id: uuid.UUID) -> Response:
        data = self.read(VariableChangeIn, request)
        if "value" in data and selectors.variable_is_secret(self.workspace, variable_id):
            check_secret(data["value"])
        variable = services.variable_update(
            self.person,
            self.workspace,
            variable_id,
            value=data.get("value"),
            has_value="value" in data,
            description=data.get("description"),
        )
        return Response(VariableOut(variable).data)

    @extend_schema(responses={204: None}, operation_id="variable_delete")
    def delete(self, request: Request, workspace_id: uuid.UUID, variable_id: uuid.UUID) -> Response:
        services.variable_delete(self.person, self.workspace, variable_id)
        return Response(status=204)
