"""The operations of a flow patch as changes of a document, inside one transaction."""

from __future__ import annotations

from collections.abc import Iterable

from apps.collaboration.documents.flow_writer import FlowWriter
from sage_studio.flow import edge_id
from sage_studio.flow.document import FlowEdge, FlowNode
from sage_studio.flow.operations import (
    AddEdge,
    AddNode,
    EditText,
    Move,
    Operation,
    RemoveEdge,
    RemoveNode,
    Set,
    SetFlow,
    Unset,
    UnsetFlow,
    says,
)
from sage_studio.kernel import JsonObject


def write_operations(writer: FlowWriter, operations: Iterable[Operation]) -> None:
    """Write operations that were checked against the same document's projection."""
    for operation in operations:
        _write(writer, operation)


def _write(writer: FlowWriter, operation: Operation) -> None:  # noqa: C901 - one case per operation
    match operation:
        case AddNode(node=node):
            writer.add_node(_plain(node))
        case RemoveNode(id=node_id) if writer.is_alive(node_id):
            writer.remove_edges_of(node_id)
            writer.release_children(node_id)
            writer.remove_node(node_id)
        case Set(node=node_id, path=path, value=value):
            writer.set(node_id, path, value)
        case Unset(node=node_id, path=path):
            writer.unset(node_id, path)
        case EditText(node=node_id, path=path, delta=delta):
            writer.edit_text(node_id, path[1], delta)
        case Move(node=node_id, pos=pos):
            writer.move(node_id, pos)
            if says(operation, "parent"):
                writer.set(node_id, ["parent"], operation.parent)
        case AddEdge(edge=edge):
            writer.add_edge(_edge(edge))
        case RemoveEdge(id=found):
            writer.remove_edge(found)
        case SetFlow(path=path, value=value):
            writer.set_flow(path, value)
        case UnsetFlow(path=path):
            writer.unset_flow(path)


def _plain(item: FlowNode | FlowEdge) -> JsonObject:
    return item.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def _edge(edge: FlowEdge) -> JsonObject:
    return {**_plain(edge), "id": edge_id(edge.source, edge.source_port, edge.target, edge.target_port)}
