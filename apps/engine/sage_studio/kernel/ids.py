"""Random ids: rows carry UUIDs, nodes carry short readable ids."""

from __future__ import annotations

import secrets
import uuid

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_SUFFIX_LENGTH = 4


def new_id() -> str:
    """A random UUIDv4 (122 random bits) as text."""
    return str(uuid.uuid4())


def new_node_id(node_type: str) -> str:
    """A node id such as ``llm_x7k2``: readable in expressions, random enough that two people
    who add the same type at once do not meet (36⁴ per type; the caller checks the flow)."""
    return f"{node_type}_{''.join(secrets.choice(_ALPHABET) for _ in range(_SUFFIX_LENGTH))}"
