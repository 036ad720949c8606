"""HTTP route of the optimiser's report on a flow."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.collaboration.selectors import definition_current
from apps.common.policies import InWorkspace, Policy
from apps.executions import optimisation_selectors
from apps.flows.selectors import flow_get
from apps.workspaces.apis import WorkspaceApi
from sage_studio.flow import parse_plain


class OptimisationTextOut(serializers.Serializer[Any]):
    """A sentence in both languages."""

    en = serializers.CharField()
    zh = serializers.CharField()


class OptimisationEdgeOut(serializers.Serializer[Any]):
    """A connection by its four ends."""

    source = serializers.CharField()  # type: ignore[assignment]  # DRF has an attribute of that name
    source_port = serializers.CharField()
    target = serializers.CharField()
    target_port = serializers.CharField()


class OptimisationChangeOut(serializers.Serializer[Any]):
    """One change: what, why it is safe, and what it saves; ``container`` is null at the top level."""

    kind = serializers.ChoiceField(choices=["relaxed", "shared", "hoisted", "fused", "streamed", "unread"])
    container = serializers.CharField(allow_null=True)
    nodes = serializers.ListField(child=serializers.CharField())
    edges = OptimisationEdgeOut(many=True)
    what = OptimisationTextOut()
    why = OptimisationTextOut()
    saves_ms = serializers.FloatField(allow_null=True)
    saves = serializers.ChoiceField(choices=["time", "work"])


class OptimisationKeptOut(serializers.Serializer[Any]):
    """A connection that carries only an order and stays all the same."""

    source = serializers.CharField()  # type: ignore[assignment]  # DRF has an attribute of that name
    target = serializers.CharField()
    why = OptimisationTextOut()


class OptimisationNodeOut(serializers.Serializer[Any]):
    """What a node is expected to take, from ``runs`` earlier runs or by its type or category."""

    id = serializers.CharField()
    container = serializers.CharField(allow_null=True)
    expected_ms = serializers.FloatField()
    source = serializers.ChoiceField(  # type: ignore[assignment]  # DRF has an attribute of that name
        choices=["learned", "type", "category"]
    )
    runs = serializers.IntegerField()


class OptimisationTimesOut(serializers.Serializer[Any]):
    """Expected milliseconds: one by one, as drawn, optimised."""

    serial_ms = serializers.FloatField()
    drawn_ms = serializers.FloatField()
    optimised_ms = serializers.FloatField()
    saved_ms = serializers.FloatField()
    saved_share = serializers.FloatField()


class OptimisationMeasuredOut(serializers.Serializer[Any]):
    """Medians of completed runs of this very flow; ``off_by_share`` is how far the prediction was off."""

    runs = serializers.IntegerField()
    median_ms = serializers.FloatField()
    drawn_runs = serializers.IntegerField()
    drawn_median_ms = serializers.FloatField(allow_null=True)
    off_by_share = serializers.FloatField(allow_null=True)


class OptimisationBranchesOut(serializers.Serializer[Any]):
    """What predicting branches has brought."""

    predictions = serializers.IntegerField()
    hits = serializers.IntegerField()
    hit_rate = serializers.FloatField(allow_null=True)
    prepared = serializers.IntegerField()
    used = serializers.IntegerField()
    failed = serializers.IntegerField()
    saved_ms = serializers.FloatField()
    wasted_ms = serializers.FloatField()


class OptimisationCostNodeOut(serializers.Serializer[Any]):
    """What a node is expected to cost per run with either of its models, in millionths (null: nobody
    knows), by earlier runs (``is_measured``) or by its longest answer; and which it asks."""

    id = serializers.CharField()
    model = serializers.CharField()
    cheaper_model = serializers.CharField()
    micros = serializers.FloatField(allow_null=True)
    cheaper_micros = serializers.FloatField(allow_null=True)
    is_measured = serializers.BooleanField()
    is_cheaper = serializers.BooleanField()


class OptimisationCostsOut(serializers.Serializer[Any]):
    """Money of the nodes that ask models, in millionths of the currency: as drawn, as chosen within the
    budget, and what completed runs cost on average."""

    currency = serializers.CharField()
    budget_micros = serializers.IntegerField(allow_null=True)
    drawn_micros = serializers.FloatField()
    chosen_micros = serializers.FloatField()
    measured_micros = serializers.FloatField(allow_null=True)
    nodes = OptimisationCostNodeOut(many=True)


class OptimisationOut(serializers.Serializer[Any]):
    """The report. ``levels`` are groups of nodes that may run at once, ``critical_path`` the nodes whose
    delay delays the end."""

    schema = serializers.CharField()
    is_on = serializers.BooleanField()
    changes = OptimisationChangeOut(many=True)
    kept = OptimisationKeptOut(many=True)
    levels = serializers.ListField(child=serializers.ListField(child=serializers.CharField()))
    critical_path = serializers.ListField(child=serializers.CharField())
    nodes = OptimisationNodeOut(many=True)
    predicted = OptimisationTimesOut()
    measured = OptimisationMeasuredOut(allow_null=True)
    branches = OptimisationBranchesOut(allow_null=True)
    costs = OptimisationCostsOut(allow_null=True)


class FlowOptimisationApi(WorkspaceApi):
    """What the optimiser does to a flow, why it is safe, what it is expected to save and did save."""

    policies: ClassVar[dict[str, Policy]] = {"GET": InWorkspace("run.view")}

    @extend_schema(responses=OptimisationOut, operation_id="flow_optimisation_get")
    def get(self, request: Request, workspace_id: uuid.UUID, flow_id: uuid.UUID) -> Response:
        flow = flow_get(workspace_id=workspace_id, flow_id=flow_id)
        report = optimisation_selectors.flow_optimisation(flow)
        document = parse_plain(definition_current(flow).body)
        return Response({**report, "costs": optimisation_selectors.flow_costs(flow, document)})
