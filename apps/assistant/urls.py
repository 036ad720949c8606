"""Routes of the assistant, inside a workspace."""

from __future__ import annotations

from django.urls import path

from apps.assistant.apis import DiagnosisListApi

workspace_urlpatterns = [
    path("runs/<uuid:run_id>/diagnoses", DiagnosisListApi.as_view()),
]
