"""HTTP route of what models cost a workspace."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar, cast

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.common.apis import StrictSerializer
from apps.common.policies import InWorkspace, Policy
from apps.executions import budgets, services
from apps.workspaces.apis import WorkspaceApi
from sage_studio.plugins.model_prices import listed_prices
from sage_studio.sdk import Price

_MOST_MICROS = 1_000_000_000_000


class ModelPriceIn(StrictSerializer):
    """What a model costs: millionths of ``currency`` per million tokens, that is, per token."""

    model = serializers.CharField(max_length=200)
    currency = serializers.RegexField(r"\A[A-Z]{3}\Z")
    input_micros = serializers.IntegerField(min_value=0, max_value=_MOST_MICROS)
    output_micros = serializers.IntegerField(min_value=0, max_value=_MOST_MICROS)


class ModelPriceOut(serializers.Serializer[Any]):
    """What a model costs, in millionths of a currency per million tokens."""

    model = serializers.CharField()
    currency = serializers.CharField()
    input_micros = serializers.IntegerField()
    output_micros = serializers.IntegerField()


class ModelPricesIn(StrictSerializer):
    """All prices of the workspace's own."""

    items = ModelPriceIn(many=True)


class ModelPricesOut(serializers.Serializer[Any]):
    """The workspace's own prices, and the list prices that count for other models; the names of those are
    beginnings."""

    items = ModelPriceOut(many=True)
    listed = ModelPriceOut(many=True)


class ModelPricesApi(WorkspaceApi):
    """What language models cost the workspace; runs count with it from then on."""

    policies: ClassVar[dict[str, Policy]] = {
        "GET": InWorkspace("workspace.view"),
        "PUT": InWorkspace("workspace.manage"),
    }

    @extend_schema(responses=ModelPricesOut, operation_id="model_price_list")
    def get(self, request: Request, workspace_id: uuid.UUID) -> Response:
        return _prices(workspace_id)

    @extend_schema(request=ModelPricesIn, responses=ModelPricesOut, operation_id="model_price_set")
    def put(self, request: Request, workspace_id: uuid.UUID) -> Response:
        data = self.read(ModelPricesIn, request)
        prices = cast("list[Price]", [dict(item) for item in data["items"]])
        services.prices_set(person=self.person, workspace_id=workspace_id, prices=prices)
        return _prices(workspace_id)


def _prices(workspace_id: uuid.UUID) -> Response:
    shape = {"items": budgets.price_list(workspace_id), "listed": listed_prices()}
    return Response(ModelPricesOut(shape).data)
