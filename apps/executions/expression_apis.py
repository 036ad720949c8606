"""The functions of expressions, and what an expression gives with the values of a run."""

from __future__ import annotations

import json
import uuid
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.apis import StrictSerializer
from apps.common.policies import InWorkspace
from apps.executions import selectors
from apps.executions.adapters.expressions import expression_value
from apps.executions.expression_selectors import Source, expression_scope
from apps.workspaces.apis import WorkspaceApi
from sage_studio.expressions.reference import completion_data

_SHOWN = 2_000


@extend_schema_field(OpenApiTypes.ANY)
class _AnyValue(serializers.JSONField):
    """Any JSON value."""


class ExpressionFunctionOut(serializers.Serializer[Any]):
    """One function; ``kind`` is what it is a function of, ``result`` what its example gives."""

    kind = serializers.CharField()
    name = serializers.CharField()
    signature = serializers.CharField()
    en = serializers.CharField()
    zh = serializers.CharField()
    example = serializers.CharField()
    result = _AnyValue(allow_null=True)


class ExpressionFunctionsOut(serializers.Serializer[Any]):
    """All functions; there is one page."""

    items = ExpressionFunctionOut(many=True)


class ExpressionFunctionsApi(WorkspaceApi):
    """The reference of the language."""

    policy = InWorkspace("flow.view")

    @extend_schema(responses=ExpressionFunctionsOut, operation_id="expression_function_list")
    def get(self, request: Request, workspace_id: uuid.UUID) -> Response:
        response = Response({"items": completion_data()})
        response["Cache-Control"] = "private, max-age=3600"
        return response


class SourceIn(StrictSerializer):
    """An output of a node."""

    node_id = serializers.CharField(max_length=200)
    port = serializers.CharField(max_length=200)


class ExpressionTryIn(StrictSerializer):
    """A text with expressions, the run whose values it reads, and what is connected to its node; ``item`` is
    the list whose first entry stands for each."""

    text = serializers.CharField(max_length=20_000, trim_whitespace=False)
    run_id = serializers.UUIDField(required=False, allow_null=True, default=None)
    inputs = serializers.DictField(child=SourceIn(), required=False, default=dict)
    item = SourceIn(required=False, allow_null=True, default=None)


class ExpressionValueOut(serializers.Serializer[Any]):
    """``shown`` is the value as JSON, cut at 2,000 characters (``is_cut``); ``missing`` are nodes it reads
    that gave nothing in the run, or too much to be read here."""

    shown = serializers.CharField()
    is_cut = serializers.BooleanField()
    count = serializers.IntegerField(allow_null=True)
    missing = serializers.ListField(child=serializers.CharField())


class ExpressionTryApi(WorkspaceApi):
    """What an expression gives; nothing is kept."""

    policy = InWorkspace("run.start")

    @extend_schema(request=ExpressionTryIn, responses=ExpressionValueOut, operation_id="expression_try")
    def post(self, request: Request, workspace_id: uuid.UUID) -> Response:
        data = self.read(ExpressionTryIn, request)
        run = None if data["run_id"] is None else selectors.run_get(workspace_id, data["run_id"])
        scope = expression_scope(
            self.workspace,
            run,
            data["text"],
            inputs={port: Source(**source) for port, source in data["inputs"].items()},
            item=None if data["item"] is None else Source(**data["item"]),
        )
        value = expression_value(data["text"], scope.values)
        shown = json.dumps(value, ensure_ascii=False, default=str)
        count = len(value) if isinstance(value, list) else None
        found = {"shown": shown[:_SHOWN], "is_cut": len(shown) > _SHOWN, "count": count}
        return Response(ExpressionValueOut({**found, "missing": list(scope.missing)}).data)
