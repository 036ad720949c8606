"""Where the nodes of a workspace's packages run: one set of confined processes per workspace and package in
each process of the product, found again by every registry that holds the package."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections import OrderedDict
from functools import partial
from pathlib import Path

from django.db import connection

from apps.catalogue.models import Package
from apps.catalogue.types import PackageKind
from apps.catalogue.unpacking import folder_of
from apps.credentials.models import Credential
from apps.files.selectors import blob_get
from sage_studio.plugins.isolated.declared import held_nodes
from sage_studio.plugins.isolated.stand_in import IsolatedPlugin, stand_ins
from sage_studio.plugins.manager import Loaded, Plugin, load_declared
from sage_studio.plugins.manager.mcp_plugins import mcp_nodes
from sage_studio.sdk import Node

_KEPT = 256
_lock = threading.Lock()
_classes: OrderedDict[tuple[uuid.UUID, str], list[type[Node]]] = OrderedDict()


def package_node_classes(package: Package) -> list[type[Node]]:
    """The classes that stand in for a package's nodes in this process."""
    key = package.workspace_id, package.key
    with _lock:
        if key not in _classes:
            _classes[key] = _classes_of(package)
            if len(_classes) > _KEPT:
                _classes.popitem(last=False)
        _classes.move_to_end(key)
        return _classes[key]


def _classes_of(package: Package) -> list[type[Node]]:
    plugin = Plugin.from_json(package.manifest)
    kind_of = partial(_kind_of, package.workspace_id)
    if package.kind == PackageKind.ARCHIVE:
        folder = partial(package_folder, package.workspace_id, package.key)
        return [*stand_ins(IsolatedPlugin(plugin, folder, kind_of), package.key)]
    return held_nodes(_declared(package, plugin), plugin, package.key, kind_of)


def _declared(package: Package, plugin: Plugin) -> Loaded:
    if package.kind == PackageKind.MCP:
        return mcp_nodes(plugin)
    return load_declared(package_folder(package.workspace_id, package.key))


def package_folder(workspace_id: uuid.UUID, key: str) -> Path:
    """The unpacked package, for a thread that has no connection of its own to the database."""
    try:
        return folder_of(key, lambda: blob_get(workspace_id, key))
    finally:
        _let_go()


async def _kind_of(workspace_id: uuid.UUID, name: str) -> str:
    """The kind of a credential; empty when there is none, which no manifest names."""
    return await asyncio.to_thread(_read_kind, workspace_id, name)


def _read_kind(workspace_id: uuid.UUID, name: str) -> str:
    try:
        found = Credential.objects.filter(workspace_id=workspace_id, name=name)
        return found.values_list("kind", flat=True).first() or ""
    finally:
        _let_go()


def _let_go() -> None:
    """Threads of a loop's pool live long; what they borrowed they give back."""
    if not connection.in_atomic_block:
        connection.close()
