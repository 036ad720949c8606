"""Routes of the template gallery; publishing and installing happen inside a workspace."""

from __future__ import annotations

from django.urls import path

from apps.marketplace import apis

urlpatterns = [
    path("templates", apis.TemplateListApi.as_view()),
    path("templates/<uuid:template_id>", apis.TemplateDetailApi.as_view()),
]

workspace_urlpatterns = [
    path("templates", apis.TemplatePublishApi.as_view()),
    path("templates/<uuid:template_id>", apis.TemplateWithdrawApi.as_view()),
    path("templates/<uuid:template_id>/install", apis.TemplateInstallApi.as_view()),
]
