"""A document's content in a fresh lineage, and removing what was deleted long ago."""

from __future__ import annotations

from typing import Any

import pycrdt

from apps.collaboration.documents.library import ROOTS, LiveDoc


def purge(live: LiveDoc, *, deleted_before_ms: int) -> int:
    """Remove nodes that were marked as deleted before that moment, and edges that hang on them; returns
    how many nodes. Inside ``LiveDoc.change``."""
    nodes, edges = live.root("nodes"), live.root("edges")
    gone = {key for key in list(nodes.keys()) if _deleted_at(nodes[key]) < deleted_before_ms}
    for key in gone:
        del nodes[key]
    for key in list(edges.keys()) if gone else []:
        edge = edges[key]
        if isinstance(edge, dict) and not gone.isdisjoint((edge.get("source"), edge.get("target"))):
            del edges[key]
    return len(gone)


def _deleted_at(node: Any) -> float:
    """When a node was marked as deleted; infinity for one that lives."""
    at = node.get("deleted") if isinstance(node, pycrdt.Map) else None
    return float(at) if isinstance(at, int | float) else float("inf")


def fresh_copy(live: LiveDoc, *, client_id: int) -> LiveDoc:
    """The same content without its history. What is there is copied as it is, also what no projection
    shows; nothing is read from JSON."""
    copy = LiveDoc(client_id=client_id)
    with copy.change():
        for name in ROOTS:
            target = copy.root(name)
            for key, value in live.root(name).items():
                target[key] = _copied(value)
    return copy


def _copied(value: Any) -> Any:
    """Shared types are at most as deep as the room's limit lets them become."""
    if isinstance(value, pycrdt.Map):
        return pycrdt.Map({key: _copied(item) for key, item in value.items()})
    if isinstance(value, pycrdt.Array):
        return pycrdt.Array([_copied(item) for item in value])
    if isinstance(value, pycrdt.Text):
        return pycrdt.Text(str(value))
    return value
