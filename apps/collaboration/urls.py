"""Routes of one flow and its live document."""

from django.urls import path

from apps.collaboration import apis

workspace_urlpatterns = [
    path("flows/<uuid:flow_id>", apis.FlowDetailApi.as_view()),
    path("flows/<uuid:flow_id>/definition", apis.FlowDefinitionApi.as_view()),
    path("flows/<uuid:flow_id>/patches", apis.FlowPatchesApi.as_view()),
    path("flows/<uuid:flow_id>/problems", apis.FlowProblemsApi.as_view()),
]
