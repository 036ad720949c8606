"""What documents need to know of node types: which fields are shared texts, which ports take one edge."""

from __future__ import annotations

import uuid
from functools import lru_cache

from apps.catalogue.selectors import registry
from sage_studio.plugins.registry import NodeRegistry


class NodeFacts:
    """The node types of a workspace, as its documents ask for them."""

    def __init__(self, workspace_id: uuid.UUID) -> None:
        self._types = registry(workspace_id)

    def shared_texts(self, node_type: str) -> dict[str, str]:
        """Fields that several people edit character by character, with what a new node has in them."""
        return _shared_texts(self._types, node_type)

    def takes_many(self, node_type: str, port: str) -> bool:
        """Whether an input takes any number of edges; True for what is not known here."""
        return _takes_many(self._types, node_type, port)


@lru_cache(maxsize=4096)
def _shared_texts(types: NodeRegistry, node_type: str) -> dict[str, str]:
    spec = types.spec(node_type)
    fields = [field for field in spec.config if field.shared_text] if spec else []
    return {field.name: field.default if isinstance(field.default, str) else "" for field in fields}


@lru_cache(maxsize=4096)
def _takes_many(types: NodeRegistry, node_type: str, port: str) -> bool:
    spec = types.spec(node_type)
    found = next((p for p in spec.input_ports() if p.name == port), None) if spec else None
    return True if found is None else found.multiple
