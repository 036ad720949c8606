"""Finding out what a package is, before anybody may use it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from apps.catalogue.types import MAX_DECLARATION_BYTES, MAX_PACKAGE_BYTES, PackageKind
from apps.catalogue.unpacking import ZIP, bad, folder_of
from apps.files.types import KEY_PREFIX
from sage_studio.kernel import SageError
from sage_studio.plugins.isolated.asking import describe
from sage_studio.plugins.manager import Plugin, load_declared
from sage_studio.plugins.manager.errors import HOLDS_CODE, NOT_A_PLUGIN

# Nodes that steer a run live inside its process; nobody's plug-in does.
_STEERING = frozenset({"trigger", "control"})


def inspect_package(key: str, content: bytes) -> tuple[PackageKind, Plugin]:
    """The kind of a package and what it says of itself, with what it is caught saying wrongly put right.

    Blocks while the plug-in loads in a confined process. Raises SageError ``plugin.*``.
    """
    limit = MAX_PACKAGE_BYTES if content.startswith(ZIP) else MAX_DECLARATION_BYTES
    if len(content) > limit:
        raise bad(f"it is bigger than {limit >> 10} KB.", f"文件超过 {limit >> 10} KB。")
    folder = folder_of(key, lambda: content)
    if (declared := _declared(folder)) is not None:
        return PackageKind.DECLARATION, _put_right(declared, key, PackageKind.DECLARATION)
    return PackageKind.ARCHIVE, _put_right(describe(folder), key, PackageKind.ARCHIVE)


def mcp_package(plugin: Plugin) -> tuple[str, bytes, Plugin]:
    """The key, the content and the manifest of an MCP server that was asked what it has."""
    content = json.dumps(plugin.to_json(), sort_keys=True, ensure_ascii=False).encode()
    key = KEY_PREFIX + hashlib.sha256(content).hexdigest()
    return key, content, _put_right(plugin, key, PackageKind.MCP)


def _declared(folder: Path) -> Plugin | None:
    """The manifest of a folder without code; None where there is some: of that nothing is read here."""
    if any(folder.rglob("*.py")) or any(folder.rglob("pyproject.toml")):
        return None
    try:
        return load_declared(folder).plugin
    except SageError as error:
        if error.code in (HOLDS_CODE, NOT_A_PLUGIN):
            return None
        raise


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
