"""Routes of flows."""

from django.urls import path

from apps.flows import apis

workspace_urlpatterns = [path("flows", apis.FlowsApi.as_view())]
