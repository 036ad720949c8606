"""Routes of the catalogue."""

from django.urls import path

from apps.catalogue import apis, rule_apis

urlpatterns = [path("plugin-rules", rule_apis.PluginRulesApi.as_view())]
workspace_urlpatterns = [
    path("node-types", apis.NodeTypesApi.as_view()),
    path("node-types/upgrade", apis.ConfigUpgradeApi.as_view()),
    path("node-types/<slug:type_id>/versions/<str:version>", apis.NodeTypeVersionApi.as_view()),
    path("plugins", apis.PluginsApi.as_view()),
    path("plugins/mcp-servers", apis.McpServersApi.as_view()),
    path("plugins/packages", apis.PluginPackagesApi.as_view()),
    path("plugins/<slug:plugin_id>", apis.PluginApi.as_view()),
    path("plugins/<slug:plugin_id>/versions/<uuid:package_id>", apis.PluginVersionApi.as_view()),
]
