"""What documents need to know of node types: which fields are shared texts, which ports take one edge."""

from __future__ import annotations

from functools import lru_cache

from apps.catalogue.selectors import registry


@lru_cache(maxsize=4096)
def shared_texts(node_type: str) -> dict[str, str]:
    """Fields that several people edit character by character, with what a new node has in them."""
    spec = registry().spec(node_type)
    fields = [field for field in spec.config if field.shared_text] if spec else []
    return {field.name: field.default if isinstance(field.default, str) else "" for field in fields}


@lru_cache(maxsize=4096)
def takes_many(node_type: str, port: str) -> bool:
    """Whether an input takes any number of edges; True for what is not known here."""
    spec = registry().spec(node_type)
    found = next((p for p in spec.input_ports() if p.name == port), None) if spec else None
    return True if found is None else found.multiple
