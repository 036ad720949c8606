"""What a template holds and what it asks of the person who installs it.

Templates are data: secrets and references to one workspace's own things are taken out when a
flow is published, and everything the flow would reach is listed before it is installed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from sage_studio.flow import FlowDocument
from sage_studio.flow.spec import NodeSpec
from sage_studio.kernel import Json, JsonObject
from sage_studio.plugins.registry import NodeRegistry

_URL = re.compile(r"https?://[^\s\"'{}<>]+", re.IGNORECASE)
_OWN_FILE = re.compile(r"^file:")
_SECRET_NAME = re.compile(
    r"authorization|cookie|credential|passw|secret|signature|token|(?:api|access|auth)[-_]?key", re.IGNORECASE
)
_QUERY_VALUE = re.compile(r"([?&]([^=&#\s]+)=)([^&#\s]+)")


@dataclass(frozen=True, slots=True)
class Requirements:
    """Node types used, hosts named in settings, credential fields to fill, unknown node types."""

    node_types: list[str] = field(default_factory=list)
    hosts: list[str] = field(default_factory=list)
    credentials: list[str] = field(default_factory=list)
    unknown_types: list[str] = field(default_factory=list)


def strip_for_sharing(document: FlowDocument, registry: NodeRegistry) -> JsonObject:
    """The flow without credentials, uploaded files and pinned run data, and without what was typed
    where secrets belong (an Authorization header, a password, an ``api_key`` in an address)."""
    body: JsonObject = document.model_dump(mode="json", by_alias=True, exclude_none=True)
    nodes = body.get("nodes")
    for node in nodes if isinstance(nodes, list) else []:
        if not isinstance(node, dict):
            continue
        node.pop("pinned", None)
        config = node.get("config")
        if isinstance(config, dict):
            for name in _credential_fields(registry.spec(str(node.get("type")))):
                config.pop(name, None)
            node["config"] = _without_secrets(
                {key: _without_own_files(value) for key, value in config.items()}
            )
    return body


def credentials_used(document: FlowDocument, registry: NodeRegistry) -> list[str]:
    """Credential fields that are filled in, as ``node: field``. Never what is in them."""
    return [
        f"{node.name or node.id}: {name}"
        for node in document.nodes
        for name in _credential_fields(registry.spec(node.type))
        if node.config.get(name)
    ]


def requirements_of(document: FlowDocument, credentials: list[str], registry: NodeRegistry) -> Requirements:
    """What installing and running the flow would need and touch."""
    types = sorted({node.type for node in document.nodes})
    hosts: set[str] = set()
    for node in document.nodes:
        _collect_hosts(dict(node.config), hosts)
    return Requirements(
        types, sorted(hosts), credentials, [name for name in types if registry.spec(name) is None]
    )


def _credential_fields(spec: NodeSpec | None) -> list[str]:
    return [] if spec is None else [f.name for f in spec.config if f.control == "credential"]


def _without_own_files(value: Json) -> Json:
    """Drop references to uploads of the author's workspace; built-in samples stay."""
    if isinstance(value, list):
        return [_without_own_files(item) for item in value if not _is_own_file(item)]
    if _is_own_file(value):
        return None
    if isinstance(value, dict):
        return {key: _without_own_files(item) for key, item in value.items()}
    return value


def _without_secrets(value: Json) -> Json:
    """Empty the texts under names that say secret. Expressions stay: they only say where from."""
    if isinstance(value, str):
        return _QUERY_VALUE.sub(_emptied, value)
    if isinstance(value, list):
        return [_without_secrets(item) for item in value]
    if not isinstance(value, dict):
        return value
    pair_name = value.get("key") or value.get("name")
    return {
        key: "" if _is_typed_secret(pair_name if key == "value" else key, item) else _without_secrets(item)
        for key, item in value.items()
    }


def _is_typed_secret(name: Json, value: Json) -> bool:
    named = isinstance(name, str) and _SECRET_NAME.search(name) is not None
    return named and isinstance(value, str) and "{{" not in value


def _emptied(found: re.Match[str]) -> str:
    return found[1] if _is_typed_secret(found[2], found[3]) else found[0]


def _is_own_file(value: Json) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("ref"), str)
        and bool(_OWN_FILE.match(str(value["ref"])))
    )


def _collect_hosts(value: Json, hosts: set[str]) -> None:
    if isinstance(value, str):
        for url in _URL.findall(value):
            try:
                host = urlsplit(url).hostname
            except ValueError:
                continue
            if host:
                hosts.add(host)
    elif isinstance(value, dict):
        for item in value.values():
            _collect_hosts(item, hosts)
    elif isinstance(value, list):
        for item in value:
            _collect_hosts(item, hosts)
