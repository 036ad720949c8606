"""Loading a plug-in from a folder, whatever kind it is.

``load_folder`` imports the plug-in's code: the server calls it only in a confined process, the command
line in its own, because there the plug-in is the person's. ``load_declared`` takes what has no code.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from sage_studio.kernel import JsonObject, SageError
from sage_studio.plugins.declared import Service, read_service, service_node
from sage_studio.plugins.declared.errors import reason_of
from sage_studio.plugins.manager.content import digest_of
from sage_studio.plugins.manager.errors import BAD_MANIFEST, HOLDS_CODE, NOT_A_PLUGIN
from sage_studio.plugins.manager.importing import found_in, import_from, made_nodes
from sage_studio.plugins.manager.manifest import Loaded, Plugin, PluginNode, Source
from sage_studio.plugins.manager.packages import PackageFacts, package_in
from sage_studio.sdk import Node, NodeSpec, StreamNode
from sage_studio.sdk.definition import executor_of, spec_from_definition
from sage_studio.sdk.plugin import Permissions, PluginHead, PluginSpec

HEAD_FILE = "plugin.json"
NODE_FILE = "node.json"
MAX_DEFINITION_BYTES = 1 << 20


def load_folder(folder: Path) -> Loaded:
    """The plug-in in a folder: a project with pyproject.toml, an unpacked wheel, or node.json files.

    Imports its modules. Raises SageError ``plugin.*`` and ``node.bad_definition``.
    """
    if not folder.is_dir():
        raise SageError(NOT_A_PLUGIN, {"place": str(folder)})
    if (package := package_in(folder)) is not None:
        return load_package(package, source="folder", digest=digest_of(folder))
    definitions = _definition_files(folder)
    if definitions:
        return _load_definitions(folder, definitions)
    return load_declared(folder)


def load_declared(folder: Path) -> Loaded:
    """The plug-in in a folder, if nothing of it is code. Raises SageError ``plugin.*``."""
    if package_in(folder) is not None or _definition_files(folder):
        raise SageError(HOLDS_CODE, {"place": folder.name})
    files = sorted(path for path in folder.iterdir() if path.suffix in (".yaml", ".yml"))
    services = [read_service(file.read_bytes()) for file in files]
    if not services:
        raise SageError(NOT_A_PLUGIN, {"place": str(folder)})
    return load_services(services, digest=digest_of(folder))


def load_services(services: list[Service], *, digest: str = "") -> Loaded:
    """Service files as a plug-in, called as the first of them. Raises SageError ``service.bad_file``."""
    first = services[0]
    hosts = {urlsplit(service.base_url.default).hostname or "*" for service in services}
    anywhere = any(service.base_url.is_field for service in services)
    head = {
        "id": first.id,
        "version": first.version,
        "name": first.name,
        "description": first.description,
        "author": first.author,
        "homepage": first.homepage,
        "icon": first.icon,
        "requires": first.requires,
        "permissions": Permissions(
            hosts=("*",) if anywhere else tuple(sorted(hosts)),
            secrets=tuple(sorted({kind for service in services for kind in _held_kinds(service)})),
        ),
        "credential_kinds": tuple(kind for service in services for kind in service.own_kinds),
    }
    nodes = [(service_node(service), "") for service in services]
    return _loaded(head, nodes, source="yaml", digest=digest)


def _held_kinds(service: Service) -> tuple[str, ...]:
    """Kinds of credentials whose values the node holds itself, to sign with or to exchange them."""
    auths = [service.auth, *(entry.auth for entry in service.operations if entry.auth is not None)]
    is_held = any(auth.path or auth.sign or auth.token is not None for auth in auths)
    return service.credential_kinds if is_held else ()


def load_package(package: PackageFacts, *, source: Source, digest: str = "") -> Loaded:
    """A Python package by what its entry point names: a ``PluginSpec``, node classes, or a module of them."""
    found = [entry for point in package.points for entry in found_in(import_from(package.paths, point))]
    written = next((entry for entry in found if isinstance(entry, PluginSpec)), PluginSpec())
    classes = [*written.nodes, *(entry for entry in found if isinstance(entry, type))]
    nodes = made_nodes(dict.fromkeys(classes), package.name)
    head = {
        "id": written.id or package.plugin_id,
        "version": written.version or package.version,
        "name": _text(written.name or package.name),
        "description": _text(written.description or package.summary),
        "author": written.author or package.author,
        "homepage": written.homepage or package.homepage,
        "icon": written.icon,
        "requires": written.requires.model_copy(
            update={"python": (*written.requires.python, *package.requires)}
        ),
        "permissions": written.permissions.model_copy(update={"code": True}),
        "credential_kinds": tuple(written.credential_kinds),
    }
    return _loaded(head, nodes, source=source, digest=digest)


def _loaded(
    head: Mapping[str, Any],
    nodes: Sequence[tuple[type[Node], str]],
    *,
    source: Source,
    digest: str,
) -> Loaded:
    classes = tuple(node for node, _origin in nodes)
    entries = tuple(
        PluginNode(spec=node.spec, origin=origin, resumes=_resumes(node)) for node, origin in nodes
    )
    try:
        plugin = Plugin(**head, nodes=entries, source=source, digest=digest)
    except ValidationError as error:
        raise SageError(BAD_MANIFEST, {"reason": reason_of(error)}) from error
    return Loaded(plugin, classes)


def _resumes(node: type[Node]) -> bool:
    return issubclass(node, StreamNode) and node.snapshot is not StreamNode.snapshot


def _definition_files(folder: Path) -> list[Path]:
    """node.json of the folder and of the folders in it."""
    own = folder / NODE_FILE
    return ([own] if own.is_file() else []) + sorted(folder.glob(f"*/{NODE_FILE}"))


def _load_definitions(folder: Path, files: Iterable[Path]) -> Loaded:
    definitions = [entry for file in files for entry in _definitions(file)]
    head = _head(folder, definitions[0])
    made = [_defined(folder, definition) for definition in definitions]
    permissions = {**head.get("permissions", {}), "code": True}
    return _loaded(
        {**head, "permissions": permissions},
        made,
        source="folder",
        digest=digest_of(folder),
    )


def _definitions(file: Path) -> list[JsonObject]:
    """One definition or a list of them."""
    held = read_json(file)
    entries = held if isinstance(held, list) else [held]
    if not entries or not all(isinstance(entry, dict) for entry in entries):
        raise SageError(BAD_MANIFEST, {"reason": f"{file.name}: it must be an object, or a list of objects"})
    return entries


def _head(folder: Path, first: JsonObject) -> dict[str, Any]:
    """The plug-in's own description; without plugin.json it is that of its first node."""
    file = folder / HEAD_FILE
    if file.is_file():
        held = read_json(file)
        if not isinstance(held, dict):
            raise SageError(BAD_MANIFEST, {"reason": f"{HEAD_FILE}: it must be an object"})
        known = {**held, "name": _text(held.get("name") or held.get("id") or folder.name)}
        if "description" in held:
            known["description"] = _text(held["description"])
        return {key: value for key, value in known.items() if key in PluginHead.model_fields}
    spec: NodeSpec = spec_from_definition(first)
    return {
        "id": spec.id,
        "version": spec.version,
        "name": spec.name,
        "description": spec.description,
        "author": spec.author,
    }


def _defined(folder: Path, definition: JsonObject) -> tuple[type[Node], str]:
    """The node a definition describes, and where its class is."""
    module, name = executor_of(definition)
    found = import_from((folder,), f"{module}:{name}")
    ((node, _origin),) = made_nodes([found], folder.name, spec=spec_from_definition(definition))
    return node, f"{module}:{name}"


def read_json(file: Path) -> Any:
    """Raises SageError ``plugin.bad_manifest``."""
    try:
        if file.stat().st_size > MAX_DEFINITION_BYTES:
            raise SageError(BAD_MANIFEST, {"reason": f"{file.name} is longer than 1 MB"})
        return json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise SageError(BAD_MANIFEST, {"reason": f"{file.name}: {error}"}) from error


def _text(value: Any) -> Any:
    return {"en": value, "zh": value} if isinstance(value, str) else value
