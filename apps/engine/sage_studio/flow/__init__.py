"""The flow document: parse, validate, hash, diff and patch."""

from sage_studio.flow.canonical import canonical, canonical_bytes, hashes, layout_hash, semantic_hash
from sage_studio.flow.document import (
    SCHEMA,
    FlowDocument,
    FlowEdge,
    FlowInput,
    FlowNode,
    FlowNote,
    FlowSettings,
    Retry,
    edge_id,
)
from sage_studio.flow.parsing import parse, parse_plain
from sage_studio.flow.projection import Projection, project
from sage_studio.flow.types import PortType, is_assignable, parse_type

__all__ = [
    "SCHEMA",
    "FlowDocument",
    "FlowEdge",
    "FlowInput",
    "FlowNode",
    "FlowNote",
    "FlowSettings",
    "PortType",
    "Projection",
    "Retry",
    "canonical",
    "canonical_bytes",
    "edge_id",
    "hashes",
    "is_assignable",
    "layout_hash",
    "parse",
    "parse_plain",
    "parse_type",
    "project",
    "semantic_hash",
]
