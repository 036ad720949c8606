"""Routes of the catalogue."""

from django.urls import path

from apps.catalogue import apis

workspace_urlpatterns = [path("node-types", apis.NodeTypesApi.as_view())]
