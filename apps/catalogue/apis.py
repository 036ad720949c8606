"""The node types of a workspace, and its plug-ins."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, cast

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from apps.catalogue import adapters, selectors, services
from apps.catalogue.models import InstalledPlugin, Package
from apps.catalogue.rules import Refusals
from apps.catalogue.types import MAX_PACKAGE_BYTES, PackageKind
from apps.common.apis import StrictSerializer
from apps.common.idempotency import idempotent
from apps.common.policies import InWorkspace
from apps.workspaces.apis import WorkspaceApi


@extend_schema_field(OpenApiTypes.OBJECT)
class _Shape(serializers.JSONField):
    """A part of a spec; its exact shape is NodeSpec of the SDK."""


@extend_schema_field(OpenApiTypes.OBJECT)
class _ShapeIn(serializers.DictField):
    """An object whose exact shape others check."""


class NodeTypeOut(serializers.Serializer[Any]):
    """A node type: what the palette, the inspector and the canvas need to know of it."""

    id = serializers.CharField()
    version = serializers.CharField()
    versions = serializers.ListField(child=serializers.CharField())
    plugin = serializers.CharField(required=False)
    name = _Shape()
    description = _Shape()
    category = serializers.CharField()
    icon = serializers.CharField()
    inputs = serializers.ListField(child=_Shape())
    input_ports = serializers.ListField(child=_Shape())
    outputs = serializers.ListField(child=_Shape())
    config = serializers.ListField(child=_Shape())
    effect = serializers.ChoiceField(choices=["pure", "idempotent", "at_most_once"])
    trigger = serializers.BooleanField()
    summary = _Shape(required=False)
    example = _Shape(required=False)


class NodeTypesOut(serializers.Serializer[Any]):
    """All node types; there is one page."""

    items = NodeTypeOut(many=True)


class NodeTypesApi(WorkspaceApi):
    """Answers 304 to a browser that has the list already."""

    policy = InWorkspace("flow.view")

    @extend_schema(responses=NodeTypesOut, operation_id="node_type_list")
    def get(self, request: Request, workspace_id: uuid.UUID) -> HttpResponse:
        known = selectors.catalogue(workspace_id)
        matches = {
            tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")
        }
        if known.etag in matches:
            response = HttpResponse(status=304)
        else:
            response = HttpResponse(known.body, content_type="application/json")
        response["ETag"] = known.etag
        response["Cache-Control"] = "private, no-cache"
        return response


class NodeTypeVersionApi(WorkspaceApi):
    """A node type in an older version that is installed beside the newest: what flows that name it run."""

    policy = InWorkspace("flow.view")

    @extend_schema(responses=NodeTypeOut, operation_id="node_type_version")
    def get(self, request: Request, workspace_id: uuid.UUID, type_id: str, version: str) -> Response:
        return Response(selectors.node_type_version(workspace_id, type_id, version))


class PackageOut(serializers.Serializer[Any]):
    """What a package says of itself; ``conflicts`` keep it from being installed. ``manifest`` is the
    SDK's: name, description, author, what it requires, its permissions and nodes."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=[kind.value for kind in PackageKind])
    file_name = serializers.CharField()
    size_bytes = serializers.IntegerField()
    plugin_id = serializers.CharField()
    version = serializers.CharField()
    manifest = _Shape()
    digest = serializers.CharField(source="key")
    created_at = serializers.DateTimeField()
    installed_at = serializers.DateTimeField(allow_null=True)


class LookedAtOut(PackageOut):
    """A package before it is installed, beside what is there already."""

    conflicts = serializers.SerializerMethodField()
    installed_version = serializers.SerializerMethodField()
    installed_permissions = serializers.SerializerMethodField()

    @extend_schema_field({"type": "array", "items": {"type": "object"}})
    def get_conflicts(self, package: Package) -> list[Any]:
        refusal = Refusals().of(package.plugin_id, package.version, package.key)
        return [*([refusal] if refusal is not None else []), *selectors.package_conflicts(package)]

    def get_installed_version(self, package: Package) -> str | None:
        plugin = self._installed(package)
        return None if plugin is None else plugin.current.version

    @extend_schema_field({"type": "object", "nullable": True})
    def get_installed_permissions(self, package: Package) -> Any:
        plugin = self._installed(package)
        return None if plugin is None else plugin.current.permissions

    def _installed(self, package: Package) -> InstalledPlugin | None:
        return InstalledPlugin.objects.filter(
            workspace_id=package.workspace_id, plugin_id=package.plugin_id
        ).first()


class PluginOut(serializers.Serializer[Any]):
    """A plug-in the workspace has."""

    plugin_id = serializers.CharField()
    is_enabled = serializers.BooleanField()
    refused = serializers.SerializerMethodField()
    current = PackageOut()
    installed_by = serializers.SerializerMethodField()
    versions = serializers.SerializerMethodField()

    @extend_schema_field({"type": "object", "nullable": True})
    def get_refused(self, plugin: InstalledPlugin) -> Any:
        """Why the operator does not let it be used, in both languages."""
        current = plugin.current
        return Refusals().of(plugin.plugin_id, current.version, current.key)

    def get_installed_by(self, plugin: InstalledPlugin) -> str:
        person = plugin.current.installed_by
        return "" if person is None else person.name

    @extend_schema_field(PackageOut(many=True))
    def get_versions(self, plugin: InstalledPlugin) -> Any:
        packages = selectors.packages_installed(plugin.workspace_id, plugin.plugin_id)
        return PackageOut(packages, many=True).data


class IsolationOut(serializers.Serializer[Any]):
    """What keeps plug-ins' code apart on this machine, and why it is not more."""

    level = serializers.ChoiceField(choices=["bubblewrap", "filters", "limits"])
    takes_code = serializers.BooleanField()
    reason = _Shape()


class PluginsOut(serializers.Serializer[Any]):
    """All plug-ins; there is one page."""

    items = PluginOut(many=True)
    isolation = IsolationOut()


class PluginInstallIn(StrictSerializer):
    """The package to install and the permissions that were consented to, as they were shown."""

    package_id = serializers.UUIDField()
    permissions = _Shape()


class PluginSwitchIn(StrictSerializer):
    """Whether it may be used."""

    is_enabled = serializers.BooleanField()


class ConfigUpgradeIn(StrictSerializer):
    """A node's configuration, and the version of the node it was made for."""

    type = serializers.CharField(max_length=100)
    version = serializers.CharField(max_length=60)
    from_version = serializers.CharField(max_length=60)
    config = _ShapeIn()


class ConfigUpgradeOut(serializers.Serializer[Any]):
    """The configuration for the newer version."""

    config = _Shape()


class PackageParser(BaseParser):
    """The bytes of a package as the body, up to the limit and one more."""

    media_type = "application/octet-stream"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, bytes]:
        return {"content": stream.read(MAX_PACKAGE_BYTES + 1)}


class PluginPackagesApi(WorkspaceApi):
    """Packages to look at before they are installed."""

    policy = InWorkspace("plugin.manage")
    parser_classes = (PackageParser,)

    @extend_schema(
        parameters=[OpenApiParameter("name", str, description="The file's name.")],
        request={"application/octet-stream": bytes},
        responses={201: LookedAtOut},
        operation_id="plugin_package_look",
    )
    def post(self, request: Request, workspace_id: uuid.UUID) -> Response:
        package = services.package_look(
            self.person,
            self.workspace,
            file_name=request.query_params.get("name", "plugin"),
            content=cast("dict[str, bytes]", request.data).get("content", b""),
        )
        return Response(LookedAtOut(package).data, status=201)


class McpServerIn(StrictSerializer):
    """The address of an MCP server, and the credential to ask it with."""

    address = serializers.CharField(max_length=2000)
    credential = serializers.CharField(max_length=100, required=False, default="", allow_blank=True)


class McpServersApi(WorkspaceApi):
    """MCP servers to look at before their tools are installed as nodes."""

    policy = InWorkspace("plugin.manage")

    @extend_schema(request=McpServerIn, responses={201: LookedAtOut}, operation_id="mcp_server_look")
    def post(self, request: Request, workspace_id: uuid.UUID) -> Response:
        data = self.read(McpServerIn, request)
        described = adapters.mcp_describe(
            workspace_id, address=data["address"], credential=data["credential"]
        )
        package = services.mcp_server_look(
            self.person, self.workspace, described=described, address=data["address"]
        )
        return Response(LookedAtOut(package).data, status=201)


class PluginsApi(WorkspaceApi):
    """Plug-ins of the workspace."""

    policies = {"GET": InWorkspace("plugin.view"), "POST": InWorkspace("plugin.manage")}

    @extend_schema(responses=PluginsOut, operation_id="plugin_list")
    def get(self, request: Request, workspace_id: uuid.UUID) -> Response:
        items = PluginOut(selectors.plugin_list(workspace_id), many=True).data
        return Response({"items": items, "isolation": IsolationOut(selectors.isolation_facts()).data})

    @extend_schema(request=PluginInstallIn, responses={201: PluginOut}, operation_id="plugin_install")
    @idempotent
    def post(self, request: Request, workspace_id: uuid.UUID) -> Response:
        data = self.read(PluginInstallIn, request)
        plugin = services.plugin_install(
            self.person, self.workspace, data["package_id"], permissions=data["permissions"]
        )
        return Response(PluginOut(plugin).data, status=201)


class PluginApi(WorkspaceApi):
    """One plug-in."""

    policies = {
        "GET": InWorkspace("plugin.view"),
        "PATCH": InWorkspace("plugin.manage"),
        "DELETE": InWorkspace("plugin.manage"),
    }

    @extend_schema(responses=PluginOut, operation_id="plugin_get")
    def get(self, request: Request, workspace_id: uuid.UUID, plugin_id: str) -> Response:
        return Response(PluginOut(selectors.plugin_get(workspace_id, plugin_id)).data)

    @extend_schema(request=PluginSwitchIn, responses=PluginOut, operation_id="plugin_switch")
    def patch(self, request: Request, workspace_id: uuid.UUID, plugin_id: str) -> Response:
        is_enabled = self.read(PluginSwitchIn, request)["is_enabled"]
        services.plugin_switch(self.person, self.workspace, plugin_id, is_enabled=is_enabled)
        return Response(PluginOut(selectors.plugin_get(workspace_id, plugin_id)).data)

    @extend_schema(responses={204: None}, operation_id="plugin_remove")
    def delete(self, request: Request, workspace_id: uuid.UUID, plugin_id: str) -> Response:
        services.plugin_remove(self.person, self.workspace, plugin_id)
        return Response(status=204)


class PluginVersionApi(WorkspaceApi):
    """One version of a plug-in."""

    policy = InWorkspace("plugin.manage")

    @extend_schema(responses={204: None}, operation_id="plugin_version_remove")
    def delete(
        self, request: Request, workspace_id: uuid.UUID, plugin_id: str, package_id: uuid.UUID
    ) -> Response:
        services.package_remove(self.person, self.workspace, plugin_id, package_id)
        return Response(status=204)


class ConfigUpgradeApi(WorkspaceApi):
    """Brings a node's settings up to a newer version, by the plug-in's own code."""

    policy = InWorkspace("flow.edit")

    @extend_schema(request=ConfigUpgradeIn, responses=ConfigUpgradeOut, operation_id="node_config_upgrade")
    def post(self, request: Request, workspace_id: uuid.UUID) -> Response:
        data = self.read(ConfigUpgradeIn, request)
        config = selectors.config_upgraded(
            workspace_id, data["type"], data["version"], data["config"], data["from_version"]
        )
        return Response({"config": config})
