"""Finding out what a package is, before anybody may use it."""

from __future__ import annotations

from apps.catalogue.types import MAX_DECLARATION_BYTES, MAX_PACKAGE_BYTES, PackageKind
from apps.catalogue.unpacking import bad, folder_of
from sage_studio.plugins.isolated.asking import describe
from sage_studio.plugins.manager import Plugin

_ZIP = b"PK\x03\x04"
# Nodes that steer a run live inside its process; nobody's plug-in does.
_STEERING = frozenset({"trigger", "control"})


def inspect_package(key: str, content: bytes) -> tuple[PackageKind, Plugin]:
    """The kind of a package and what it says of itself, with what it is caught saying wrongly put right.

    Blocks while the plug-in loads in a confined process. Raises SageError ``plugin.*``.
    """
    kind = PackageKind.ARCHIVE if content.startswith(_ZIP) else PackageKind.DECLARATION
    limit = MAX_PACKAGE_BYTES if kind is PackageKind.ARCHIVE else MAX_DECLARATION_BYTES
    if len(content) > limit:
        raise bad(f"it is bigger than {limit >> 10} KB.", f"文件超过 {limit >> 10} KB。")
    plugin = describe(folder_of(key, kind, lambda: content))
    return kind, _put_right(plugin, key, kind)


def _put_right(plugin: Plugin, key: str, kind: PackageKind) -> Plugin:
    """Whether a package brings code is for us to say: an archive may."""
    if not plugin.nodes:
        raise bad("it brings no node.", "其中没有任何节点。")
    for node in plugin.nodes:
        if node.spec.trigger or node.spec.body is not None or node.spec.category in _STEERING:
            raise bad(
                f"its node “{node.spec.id}” steers the run, which only nodes of the product do.",
                f"其中的节点“{node.spec.id}”会控制运行，只有内置节点可以这样做。",
            )
    permissions = plugin.permissions.model_copy(update={"code": kind is PackageKind.ARCHIVE})
    return plugin.model_copy(update={"digest": key, "permissions": permissions})
