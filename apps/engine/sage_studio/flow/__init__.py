"""The flow document: parse, validate, hash, diff and patch."""

from sage_studio.flow.canonical import canonical, canonical_bytes, hashes, layout_hash, semantic_hash
from sage_studio.flow.describe import Change, changes, describe
from sage_studio.flow.diff import diff
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
from sage_studio.flow.issues import Issue
from sage_studio.flow.node_types import NodeTypes
from sage_studio.flow.operations import Operation, Patch
from sage_studio.flow.parsing import parse, parse_plain
from sage_studio.flow.patch import Conflict, PatchOutcome, apply, conflict_error, invert, parse_patch
from sage_studio.flow.projection import Projection, project
from sage_studio.flow.types import PortType, is_assignable, is_value_of, parse_type
from sage_studio.flow.validation import has_errors, validate

__all__ = [
    "SCHEMA",
    "Change",
    "Conflict",
    "FlowDocument",
    "FlowEdge",
    "FlowInput",
    "FlowNode",
    "FlowNote",
    "FlowSettings",
    "Issue",
    "NodeTypes",
    "Operation",
    "Patch",
    "PatchOutcome",
    "PortType",
    "Projection",
    "Retry",
    "apply",
    "canonical",
    "canonical_bytes",
    "changes",
    "conflict_error",
    "describe",
    "diff",
    "edge_id",
    "has_errors",
    "hashes",
    "invert",
    "is_assignable",
    "is_value_of",
    "layout_hash",
    "parse",
    "parse_patch",
    "parse_plain",
    "parse_type",
    "project",
    "semantic_hash",
    "validate",
]
