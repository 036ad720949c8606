"""Which node types a workspace may use. For now these are the built-in ones, the same everywhere."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache

from sage_studio.kernel import JsonObject
from sage_studio.plugins.registry import NodeRegistry, builtin_registry
from sage_studio.sdk import NodeSpec


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The served list, ready as bytes, with the tag by which a browser knows it again."""

    items: tuple[JsonObject, ...]
    body: bytes
    etag: str


def registry() -> NodeRegistry:
    """What flows are checked against and run with."""
    return builtin_registry()


def node_type(spec: NodeSpec) -> JsonObject:
    """One type as the editor reads it: the spec, with its wireable fields among the input ports."""
    shape: JsonObject = spec.model_dump(mode="json", exclude_none=True)
    shape["input_ports"] = [port.model_dump(mode="json", exclude_none=True) for port in spec.input_ports()]
    return shape


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """All node types; they change with the installed release only."""
    items = tuple(node_type(spec) for spec in registry().specs())
    body = json.dumps({"items": items}, ensure_ascii=False, separators=(",", ":")).encode()
    return Catalogue(items, body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')
