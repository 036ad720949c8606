"""Routes of the catalogue."""

from django.urls import path

from apps.catalogue import apis

workspace_urlpatterns = [
    path("node-types", apis.NodeTypesApi.as_view()),
    path("node-types/upgrade", apis.ConfigUpgradeApi.as_view()),
    path("plugins", apis.PluginsApi.as_view()),
    path("plugins/mcp-servers", apis.McpServersApi.as_view()),
    path("plugins/packages", apis.PluginPackagesApi.as_view()),
    path("plugins/<slug:plugin_id>", apis.PluginApi.as_view()),
    path("plugins/<slug:plugin_id>/versions/<uuid:package_id>", apis.PluginVersionApi.as_view()),
]
