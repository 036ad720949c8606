"""Health and readiness."""

from django.urls import path

from apps.common import views

root_urlpatterns = [
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
]
