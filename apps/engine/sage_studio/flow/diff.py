"""The patch that turns one flow into another, and the same change in words.

Works on what flows mean: defaults and the order of nodes and edges are no difference. Configuration
is compared key by key, as the live document merges it; shared texts become text deltas.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sage_studio.flow.canonical import canonical, semantic_hash
from sage_studio.flow.document import FlowDocument, FlowEdge, FlowNode
from sage_studio.flow.operations import (
    AddEdge,
    AddNode,
    EditText,
    Move,
    Operation,
    Patch,
    RemoveEdge,
    RemoveNode,
    Set,
    SetFlow,
    Unset,
    UnsetFlow,
)
from sage_studio.flow.text_delta import text_delta
from sage_studio.flow.values import same
from sage_studio.kernel import Json, JsonObject

SharedText = Callable[[str, str], bool]
"""(node type, field) → whether people edit the field together, character by character."""

_APART = frozenset({"id", "config", "pos", "parent"})
_BY_KEY = ("settings", "variables")


def diff(before: FlowDocument, after: FlowDocument, *, shared_text: SharedText | None = None) -> Patch:
    """The smallest patch with ``apply(before, patch)`` equal to ``after``, each operation with ``was``."""
    old, new = canonical(before), canonical(after)
    shared = shared_text or (lambda _kind, _field: False)
    old_nodes, new_nodes = _by_id(old, "nodes"), _by_id(new, "nodes")
    removed = [key for key in old_nodes if key not in new_nodes]
    operations: list[Operation] = [
        *_edges_removed(old, new, set(removed)),
        *(RemoveNode(id=key) for key in removed),
        *(
            AddNode(node=FlowNode.model_validate(new_nodes[key]))
            for key in _parents_first(old_nodes, new_nodes)
        ),
        *(
            operation
            for key, node in new_nodes.items()
            # Equal spelling is equal meaning, and most nodes of a big flow are untouched.
            if key in old_nodes and repr(old_nodes[key]) != repr(node)
            for operation in _node_changes(old_nodes[key], node, shared, set(removed))
        ),
        *_edges_added(old, new, set(removed)),
        *_flow_changes(old, new),
    ]
    return Patch(base=semantic_hash(before), operations=operations)


def _by_id(body: JsonObject, name: str) -> dict[str, JsonObject]:
    items = body.get(name)
    return {
        str(item["id"]): item for item in (items if isinstance(items, list) else []) if isinstance(item, dict)
    }


def _parents_first(old: Mapping[str, JsonObject], new: Mapping[str, JsonObject]) -> list[str]:
    """Ids of added nodes, a container before what it holds."""
    order: dict[str, None] = {}
    for key in new:
        chain: list[str] = []
        at: str | None = key
        while at is not None and at in new and at not in old and at not in order and at not in chain:
            chain.append(at)
            parent = new[at].get("parent")
            at = parent if isinstance(parent, str) else None
        order.update(dict.fromkeys(reversed(chain)))
    return list(order)


def _edges_removed(old: JsonObject, new: JsonObject, removed: set[str]) -> list[Operation]:
    """Edges that go, without those that go with a node."""
    kept = _by_id(new, "edges")
    return [
        RemoveEdge(id=key)
        for key, edge in _by_id(old, "edges").items()
        if not same(edge, kept.get(key)) and edge["source"] not in removed and edge["target"] not in removed
    ]


def _edges_added(old: JsonObject, new: JsonObject, removed: set[str]) -> list[Operation]:
    known = _by_id(old, "edges")
    return [
        AddEdge(edge=FlowEdge.model_validate(edge))
        for key, edge in _by_id(new, "edges").items()
        if not same(edge, known.get(key)) or edge["source"] in removed or edge["target"] in removed
    ]


def _node_changes(old: JsonObject, new: JsonObject, shared: SharedText, removed: set[str]) -> list[Operation]:
    node_id = str(new["id"])
    operations: list[Operation] = []
    for key in sorted((old.keys() | new.keys()) - _APART):
        operations.extend(_set_or_unset(node_id, [key], old, new))
    was, now = _object(old, "config"), _object(new, "config")
    for key in sorted(was.keys() | now.keys()):
        before, after = was.get(key), now.get(key)
        if isinstance(before, str) and isinstance(after, str) and shared(str(new["type"]), key):
            if before != after:
                delta = text_delta(before, after)
                operations.append(EditText(node=node_id, path=["texts", key], delta=delta, was=before))
        else:
            operations.extend(_set_or_unset(node_id, ["config", key], was, now))
    operations.extend(_move(node_id, old, new, removed))
    return operations


def _object(body: JsonObject, name: str) -> JsonObject:
    value = body.get(name)
    return value if isinstance(value, dict) else {}


def _set_or_unset(node_id: str, path: list[str], old: JsonObject, new: JsonObject) -> list[Operation]:
    key = path[-1]
    if key not in new:
        return [Unset(node=node_id, path=path, was=old[key])]
    if key not in old:
        return [Set(node=node_id, path=path, value=new[key])]
    return [] if same(old[key], new[key]) else [Set(node=node_id, path=path, value=new[key], was=old[key])]


def _move(node_id: str, old: JsonObject, new: JsonObject, removed: set[str]) -> list[Operation]:
    pos = new.get("pos", [0, 0])
    assert isinstance(pos, list)
    place = (_float(pos[0]), _float(pos[1]))
    parent = old.get("parent")
    # Removing a container has already taken its children out of it.
    before = None if parent in removed else parent
    after = new.get("parent")
    if before != after:
        return [Move(node=node_id, pos=place, parent=after if isinstance(after, str) else None)]
    return [] if same(old.get("pos", [0, 0]), pos) else [Move(node=node_id, pos=place)]


def _float(value: Json) -> float:
    assert isinstance(value, int | float)
    return value


def _flow_changes(old: JsonObject, new: JsonObject) -> list[Operation]:
    operations: list[Operation] = []
    apart = {"schema", "nodes", "edges", "notes", *_BY_KEY}
    for key in sorted((old.keys() | new.keys()) - apart):
        operations.extend(_flow_change([key], old, new))
    for name in _BY_KEY:
        was, now = _object(old, name), _object(new, name)
        for key in sorted(was.keys() | now.keys()):
            operations.extend(_flow_change([name, key], was, now))
    old_notes: JsonObject = dict(_by_id(old, "notes"))
    new_notes: JsonObject = dict(_by_id(new, "notes"))
    for key in sorted(old_notes.keys() | new_notes.keys()):
        operations.extend(_flow_change(["notes", key], old_notes, new_notes))
    return operations


def _flow_change(path: list[str], old: JsonObject, new: JsonObject) -> list[Operation]:
    key = path[-1]
    if key not in new:
        return [UnsetFlow(path=path, was=old[key])]
    if key not in old:
        return [SetFlow(path=path, value=new[key])]
    return [] if same(old[key], new[key]) else [SetFlow(path=path, value=new[key], was=old[key])]
