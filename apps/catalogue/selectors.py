"""Which node types a workspace may use: those of the product, and those of its plug-ins.

``registry`` is what flows are checked against. It looks at one row each time, so a plug-in that was
installed, changed or removed in any process counts from the next look in every other. Runs are another
matter: they keep what they were accepted with (``pins_of``, ``registry_pinned``), whatever becomes of the
plug-in meanwhile.
"""

from __future__ import annotations

import hashlib
import json
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import structlog

from apps.catalogue.models import InstalledPlugin, Package
from apps.catalogue.places import package_folder, package_node_classes
from apps.catalogue.rules import Refusals
from apps.catalogue.types import PackageKind
from apps.catalogue.unpacking import packages_with
from apps.common.db import as_id, fetch_one
from apps.common.errors import NotFound
from sage_studio.flow.document import FlowDocument
from sage_studio.kernel import JsonObject, SageError, Text
from sage_studio.plugins.isolated.asking import upgrade
from sage_studio.plugins.isolated.stand_in import StandIn, package_of, plugin_of
from sage_studio.plugins.manager import Plugin, check_requirements
from sage_studio.plugins.manager.loading import load_package
from sage_studio.plugins.manager.packages import installed_packages
from sage_studio.plugins.registry import NodeRegistry, builtin_registry
from sage_studio.sandbox.isolation import isolation
from sage_studio.sdk import CredentialKind, NodeSpec

logger = structlog.get_logger(__name__)
T = TypeVar("T")
_KEPT = 256


class _Kept:
    """The newest things that were put together, by key."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._held: OrderedDict[object, object] = OrderedDict()

    def get(self, key: object, make: Callable[[], T]) -> T:
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]  # type: ignore[return-value] # what was made under the key
        made = make()
        with self._lock:
            self._held[key] = made
            if len(self._held) > self._size:
                self._held.popitem(last=False)
        return made


_registries = _Kept(_KEPT)
_catalogues = _Kept(_KEPT)
_newest: dict[uuid.UUID, NodeRegistry] = {}


def generation_of(workspace_id: uuid.UUID) -> int:
    """How often the plug-ins of a workspace have changed; 0 where there never were any."""
    row = fetch_one(
        "SELECT generation FROM catalogue_cataloguestate WHERE workspace_id = %s", [as_id(workspace_id)]
    )
    return 0 if row is None else int(row[0])


@cache
def instance_registry() -> NodeRegistry:
    """The product's nodes, and those of plug-ins the operator installed as Python packages: they are as
    trusted as the product, and every workspace has them."""
    made = NodeRegistry(below=builtin_registry())
    packages = installed_packages()
    for package in packages:
        try:
            for node in load_package(package, source="entry_point").nodes:
                made.add(node)
        except (SageError, ValueError) as error:  # one bad package must not stop the rest
            logger.error("instance_plugin_left_out", package=package.name, reason=str(error))
    return made if packages else builtin_registry()


def registry(workspace_id: uuid.UUID) -> NodeRegistry:
    """What flows of a workspace are checked against, and what new runs run with."""
    generation = generation_of(workspace_id)
    if generation == 0:
        return instance_registry()
    made = _registries.get((workspace_id, generation), lambda: _put_together(workspace_id))
    _newest[workspace_id] = made
    return made


def registry_at_hand(workspace_id: uuid.UUID) -> NodeRegistry:
    """What ``registry`` gave last, without a look at the database: for the loop of a room, where a node's
    shared fields may be learnt a moment late."""
    return _newest.get(workspace_id) or instance_registry()


def _put_together(workspace_id: uuid.UUID) -> NodeRegistry:
    enabled = InstalledPlugin.objects.filter(workspace_id=workspace_id, is_enabled=True)
    installed = Package.objects.filter(
        workspace_id=workspace_id,
        plugin_id__in=enabled.values_list("plugin_id", flat=True),
        installed_at__isnull=False,
    )
    refusals = Refusals()
    ordered = installed.order_by("plugin_id", "-installed_at")
    return _registry_of(
        package for package in ordered if refusals.of(package.plugin_id, package.version, package.key) is None
    )


def _registry_of(packages: Iterable[Package]) -> NodeRegistry:
    """Of two packages with the same node in the same version the first one stands."""
    made = NodeRegistry(below=instance_registry())
    for package in packages:
        for node in package_node_classes(package):
            if node.spec.version in made.versions(node.spec.id):
                continue
            try:
                made.add(node)
            except ValueError as error:  # a release brought a node of this name
                logger.warning("plugin_node_left_out", package=str(package), reason=str(error))
    return made


# Runs


def pins_of(document: FlowDocument, types: NodeRegistry) -> list[str] | None:
    """The packages whose code a flow's nodes run with, in the order in which they count; None for a flow
    that uses the product's own nodes only."""
    used = {package_of(types.get(node.type, node.version)) for node in document.nodes}
    pins = [pin for pin in used if pin]
    return sorted(pins) or None


def registry_pinned(workspace_id: uuid.UUID, pins: Sequence[str] | None) -> NodeRegistry:
    """What a run was accepted with; packages that were removed since are still known."""
    if not pins:
        return instance_registry()
    return _registries.get((workspace_id, *pins), lambda: _pinned(workspace_id, pins))


def _pinned(workspace_id: uuid.UUID, pins: Sequence[str]) -> NodeRegistry:
    found = {
        package.key: package for package in Package.objects.filter(workspace_id=workspace_id, key__in=pins)
    }
    return _registry_of(found[pin] for pin in pins if pin in found)


def packages_in_use() -> set[str]:
    """The keys of packages that some workspace has installed."""
    return set(Package.objects.filter(installed_at__isnull=False).values_list("key", flat=True))


# What the editor and the pages read


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The served list, ready as bytes, with the tag by which a browser knows it again."""

    items: tuple[JsonObject, ...]
    body: bytes
    etag: str


def node_type(spec: NodeSpec, types: NodeRegistry) -> JsonObject:
    """One type as the editor reads it: the spec, with its wireable fields among the input ports, its
    installed versions and the plug-in that brings it."""
    shape: JsonObject = spec.model_dump(mode="json", exclude_none=True)
    shape["input_ports"] = [port.model_dump(mode="json", exclude_none=True) for port in spec.input_ports()]
    shape["versions"] = [*types.versions(spec.id)]
    if plugin := plugin_of(types.get(spec.id)):
        shape["plugin"] = plugin
    return shape


def node_type_version(workspace_id: uuid.UUID, type_id: str, version: str) -> JsonObject:
    """One type in one of its installed versions, as ``catalogue`` says the newest. Raises NotFound."""
    types = registry(workspace_id)
    found = types.get(type_id, version)
    if found is None or found.spec.version != version:
        raise NotFound
    return node_type(found.spec, types)


def catalogue(workspace_id: uuid.UUID) -> Catalogue:
    """All node types of a workspace."""
    types = registry(workspace_id)
    return _catalogues.get((id(types), types), lambda: _catalogue_of(types))


def _catalogue_of(types: NodeRegistry) -> Catalogue:
    items = tuple(node_type(spec, types) for spec in types.specs())
    body = json.dumps({"items": items}, ensure_ascii=False, separators=(",", ":")).encode()
    return Catalogue(items, body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


def isolation_facts() -> JsonObject:
    """What keeps the code of plug-ins apart on this machine."""
    found = isolation()
    return {
        "level": found.level,
        "takes_code": found.contains_programs or found.allows_weak,
        "reason": {"en": found.reason, "zh": found.reason},
    }


def plugin_list(workspace_id: uuid.UUID) -> list[InstalledPlugin]:
    """The plug-ins of a workspace, by name."""
    return list(
        InstalledPlugin.objects.filter(workspace_id=workspace_id)
        .select_related("current", "current__installed_by")
        .order_by("plugin_id")
    )


def plugin_get(workspace_id: uuid.UUID, plugin_id: str) -> InstalledPlugin:
    """Raises NotFound."""
    found = InstalledPlugin.objects.filter(workspace_id=workspace_id, plugin_id=plugin_id)
    plugin = found.select_related("current", "current__installed_by").first()
    if plugin is None:
        raise NotFound
    return plugin


def package_get(workspace_id: uuid.UUID, package_id: uuid.UUID) -> Package:
    """Raises NotFound."""
    package = Package.objects.filter(workspace_id=workspace_id, pk=package_id).first()
    if package is None:
        raise NotFound
    return package


def packages_installed(workspace_id: uuid.UUID, plugin_id: str) -> list[Package]:
    """The versions of a plug-in that stand side by side, the newest first."""
    found = Package.objects.filter(workspace_id=workspace_id, plugin_id=plugin_id, installed_at__isnull=False)
    return list(found.order_by("-installed_at"))


def package_conflicts(package: Package) -> list[Text]:
    """What keeps a package from working here, in words; empty for one that fits. Unpacks it."""
    plugin = Plugin.from_json(package.manifest)
    installed = plugin_list(package.workspace_id)
    beside = {other.plugin_id: Plugin.from_json(other.current.manifest) for other in installed}
    found = {}
    if package.kind == PackageKind.ARCHIVE:
        found = packages_with(package_folder(package.workspace_id, package.key))
    conflicts = check_requirements(plugin, python=found, plugins=beside)
    return [*(conflict.message for conflict in conflicts), *_taken_by_product(plugin)]


def _taken_by_product(plugin: Plugin) -> list[Text]:
    names = (name for node in plugin.nodes for name in (node.spec.id, *node.spec.aliases))
    return [
        Text(en=f"The product has a node “{name}” itself.", zh=f"产品自身已有节点“{name}”。")
        for name in names
        if instance_registry().get(name) is not None
    ]


def config_upgraded(
    workspace_id: uuid.UUID, type_id: str, version: str, config: JsonObject, from_version: str
) -> JsonObject:
    """A node's configuration brought up to another version of its type. Raises NotFound for a node that is
    not here, SageError ``plugin.*``."""
    found = registry(workspace_id).get(type_id, version)
    if found is None or found.spec.version != version:
        raise NotFound
    if not issubclass(found, StandIn):
        return found.upgrade(dict(config), from_version)
    folder = package_folder(workspace_id, found.package)
    return upgrade(folder, type_id=type_id, version=version, config=config, from_version=from_version)


def credential_kinds(workspace_id: uuid.UUID) -> list[CredentialKind]:
    """The kinds of credentials that the plug-ins of a workspace bring."""
    if generation_of(workspace_id) == 0:
        return []
    enabled = InstalledPlugin.objects.filter(workspace_id=workspace_id, is_enabled=True).select_related(
        "current"
    )
    return [kind for held in enabled for kind in Plugin.from_json(held.current.manifest).credential_kinds]
