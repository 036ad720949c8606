"""What documents need to know of node types: which fields are shared texts, which ports take one edge."""

from __future__ import annotations

from functools import lru_cache

from sage_studio.plugins.registry import builtin_registry


@lru_cache(maxsize=4096)
def shared_texts(node_type: str) -> tuple[str, ...]:
    """Fields that several people edit character by character."""
    spec = builtin_registry().spec(node_type)
    return tuple(field.name for field in spec.config if field.shared_text) if spec else ()


@lru_cache(maxsize=4096)
def takes_many(node_type: str, port: str) -> bool:
    """Whether an input takes any number of edges; True for what is not known here."""
    spec = builtin_registry().spec(node_type)
    found = next((p for p in spec.input_ports() if p.name == port), None) if spec else None
    return True if found is None else found.multiple
