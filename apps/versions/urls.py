"""Routes of a flow's versions, inside its workspace."""

from __future__ import annotations

from django.urls import path

from apps.versions import apis

workspace_urlpatterns = [
    path("flows/<uuid:flow_id>/versions", apis.VersionListApi.as_view()),
    path("flows/<uuid:flow_id>/versions/<int:number>", apis.VersionDetailApi.as_view()),
    path("flows/<uuid:flow_id>/versions/<int:number>/diff", apis.VersionDiffApi.as_view()),
    path("flows/<uuid:flow_id>/versions/<int:number>/rollback", apis.VersionRollbackApi.as_view()),
    path("flows/<uuid:flow_id>/publish", apis.FlowPublishApi.as_view()),
]
