"""Plug-ins: what one is, where it comes from, and whether it fits in here."""

from sage_studio.plugins.manager.content import digest_of, pack, unpack
from sage_studio.plugins.manager.loading import load_declared, load_folder
from sage_studio.plugins.manager.manifest import Loaded, McpPlace, Plugin, PluginNode, Source
from sage_studio.plugins.manager.requirements import Conflict, check_requirements
from sage_studio.sdk.plugin import Permissions, Requires

__all__ = [
    "Conflict",
    "Loaded",
    "McpPlace",
    "Permissions",
    "Plugin",
    "PluginNode",
    "Requires",
    "Source",
    "check_requirements",
    "digest_of",
    "load_declared",
    "load_folder",
    "pack",
    "unpack",
]
