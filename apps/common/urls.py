"""Health, readiness and the API's description."""

from django.urls import path

from apps.common import schema, views

root_urlpatterns = [
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
]
urlpatterns = [path("schema", schema.SchemaApi.as_view())]
