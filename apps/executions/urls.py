"""Routes of runs inside a workspace."""

from __future__ import annotations

from django.urls import path

from apps.executions import (
    apis,
    control_apis,
    debug_apis,
    executor_apis,
    expression_apis,
    optimisation_apis,
    price_apis,
    trace_apis,
    trying_apis,
)

_RUN = "runs/<uuid:run_id>"
workspace_urlpatterns = [
    path("runs", apis.RunsApi.as_view()),
    path("approvals", control_apis.ApprovalsApi.as_view()),
    path(_RUN, apis.RunDetailApi.as_view()),
    path(f"{_RUN}/nodes", trace_apis.RunNodesApi.as_view()),
    path(f"{_RUN}/nodes/<uuid:node_run_id>", trace_apis.RunNodeDetailApi.as_view()),
    path(f"{_RUN}/waits", control_apis.RunWaitsApi.as_view()),
    path(f"{_RUN}/signals", control_apis.RunSignalsApi.as_view()),
    path(f"{_RUN}/events", trace_apis.RunEventsApi.as_view()),
    path(f"{_RUN}/log", trace_apis.RunLogApi.as_view()),
    path(f"{_RUN}/definition", trace_apis.RunDefinitionApi.as_view()),
    path(f"{_RUN}/commands", control_apis.RunCommandsApi.as_view()),
    path(f"{_RUN}/debug", debug_apis.RunDebugApi.as_view()),
    path("executors", executor_apis.ExecutorsApi.as_view()),
    path("node-types/<slug:type_id>/try", trying_apis.NodeTryApi.as_view()),
    path("expressions/functions", expression_apis.ExpressionFunctionsApi.as_view()),
    path("expressions/try", expression_apis.ExpressionTryApi.as_view()),
    path("prices", price_apis.ModelPricesApi.as_view()),
    path("flows/<uuid:flow_id>/breakpoints", debug_apis.FlowBreakpointsApi.as_view()),
    path("flows/<uuid:flow_id>/optimisation", optimisation_apis.FlowOptimisationApi.as_view()),
]
