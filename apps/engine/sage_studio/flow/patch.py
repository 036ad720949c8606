"""Applying a flow patch: all of it or nothing, with an exact inverse.

An operation whose ground has changed (its ``was`` is no longer what is there, its node is gone, the
id is taken) is a conflict and says what is there now. One that asks for what is already so counts as
applied. The caller says whether a partial result is wanted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sage_studio.flow.canonical import semantic_hash
from sage_studio.flow.document import FlowDocument, FlowNode
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
    dump_operation,
    says,
)
from sage_studio.flow.parsing import read_model
from sage_studio.flow.patch_state import Conflicted, State
from sage_studio.flow.reading import read
from sage_studio.flow.values import same
from sage_studio.kernel import Json, JsonObject, SageError, define_error

CONFLICT = define_error(
    "patch.conflict", 2051, status=409,
    en="The flow has changed: {count} of {total} changes no longer fit.",
    zh="流程已发生变化：{total} 项修改中有 {count} 项不再适用。",
    hint_en="Look at what is there now and make the change again, or apply the rest.",
    hint_zh="请查看当前内容后重新修改，或仅应用其余部分。",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Conflict:
    """An operation that no longer fits. ``reason`` is one of ``changed``, ``missing``, ``exists``,
    ``impossible``; ``now`` is what is there."""

    index: int
    operation: Operation
    reason: str
    now: Json

    def dump(self) -> JsonObject:
        return {
            "index": self.index,
            "operation": dump_operation(self.operation),
            "reason": self.reason,
            "now": self.now,
        }


@dataclass(frozen=True, slots=True)
class PatchOutcome:
    """``document`` after the ``applied`` operations; ``inverse`` brings the old document back.

    With conflicts and without ``partial`` nothing is applied and ``document`` is the one given.
    """

    document: FlowDocument
    applied: tuple[Operation, ...]
    conflicts: tuple[Conflict, ...]
    inverse: Patch
    base_matches: bool = True


def parse_patch(source: str | bytes | Mapping[str, Json]) -> Patch:
    """A patch from JSON (or YAML). Raises SageError naming the place (``operations[2].path``)."""
    data = read(source)
    return read_model(Patch, data)


def apply(document: FlowDocument, patch: Patch, *, partial: bool = False) -> PatchOutcome:
    """``document`` with ``patch`` applied; the given document is not changed.

    Raises SageError (``flow.field_*``, ``patch.path``) when an operation would break the document's
    shape, whatever the flow looks like.
    """
    state = State(document)
    applied: list[Operation] = []
    conflicts: list[Conflict] = []
    inverse: list[Operation] = []
    for index, operation in enumerate(patch.operations):
        try:
            undo = _STEPS[type(operation)](state, operation)
        except Conflicted as conflict:
            conflicts.append(Conflict(index, operation, conflict.reason, conflict.now))
        except SageError as error:
            error.path = f"operations[{index}].{error.path}" if error.path else f"operations[{index}]"
            raise
        else:
            applied.append(operation)
            inverse[:0] = undo
    matches = patch.base is None or patch.base == semantic_hash(document)
    if conflicts and not partial:
        return PatchOutcome(document, (), tuple(conflicts), Patch(), matches)
    result = state.finish()
    back = Patch(base=semantic_hash(result), summary=patch.summary, operations=inverse)
    return PatchOutcome(result, tuple(applied), tuple(conflicts), back, matches)


def invert(document: FlowDocument, patch: Patch) -> Patch:
    """The patch that undoes ``patch`` after it was applied to ``document``.

    Raises SageError ``patch.conflict`` when it does not apply.
    """
    outcome = apply(document, patch)
    if outcome.conflicts:
        raise conflict_error(outcome, len(patch.operations))
    return outcome.inverse


def conflict_error(outcome: PatchOutcome, total: int) -> SageError:
    """The error that says what no longer fits."""
    details: list[Json] = [conflict.dump() for conflict in outcome.conflicts[:20]]
    facts: JsonObject = {"count": len(outcome.conflicts), "total": total, "conflicts": details}
    return SageError(CONFLICT, facts)


def _add_node(state: State, operation: AddNode) -> list[Operation]:
    node = operation.node
    if node.id in state.nodes:
        if state.node_json(node.id) == state.as_json(node):
            return []
        raise Conflicted("exists", state.node_json(node.id))
    state.nodes[node.id] = node
    return [RemoveNode(id=node.id)]


def _remove_node(state: State, operation: RemoveNode) -> list[Operation]:
    if operation.id not in state.nodes:
        return []
    undo: list[Operation] = [AddNode(node=FlowNode.model_validate(state.node_json(operation.id)))]
    for edge in state.edges_of(operation.id):
        undo.append(AddEdge(edge=edge))
        del state.edges[edge.id]
    for child in state.children_of(operation.id):
        undo.append(Set(node=child, path=["parent"], value=operation.id))
        del state.open(child)["parent"]
    del state.nodes[operation.id]
    return undo


def _set(state: State, operation: Set) -> list[Operation]:
    # Everything is checked before anything is changed: a conflict leaves no trace.
    holder, key = state.node_place(operation.node, operation.path, make=False)
    had, now = key in holder, state.node_value(operation.node, operation.path)
    if (had or operation.value is not None) and same(now, operation.value):
        return []
    state.check_was(operation, now)
    state.check_node_value(operation.path, operation.value)
    if operation.path == ["parent"] and isinstance(operation.value, str):
        state.check_parent(operation.node, operation.value)
    made = state.made(operation.node, operation.path)
    holder, key = state.node_place(operation.node, operation.path, make=True)
    holder[key] = operation.value
    if had:
        return [Set(node=operation.node, path=operation.path, value=now, was=operation.value)]
    return [Unset(node=operation.node, path=made)]


def _unset(state: State, operation: Unset) -> list[Operation]:
    holder, key = state.node_place(operation.node, operation.path, make=False)
    if key not in holder:
        return []
    now = holder[key]
    state.check_was(operation, now)
    state.check_may_go(operation.path)
    del holder[key]
    return [Set(node=operation.node, path=operation.path, value=now)]


def _edit_text(state: State, operation: EditText) -> list[Operation]:
    before, after, back = state.edited(operation)
    state.open_config(operation.node)[operation.path[1]] = after
    if before is None:
        return [Unset(node=operation.node, path=["config", operation.path[1]], was=after)]
    if before == after:
        return []
    return [EditText(node=operation.node, path=operation.path, delta=back, was=after)]


def _move(state: State, operation: Move) -> list[Operation]:
    node = state.open(operation.node)
    if operation.parent is not None:
        state.check_parent(operation.node, operation.parent)
    pos: Any = node.get("pos", [0, 0])
    node["pos"] = list(operation.pos)
    if not says(operation, "parent"):
        return [Move(node=operation.node, pos=(pos[0], pos[1]))]
    parent: Any = node.pop("parent", None)
    if operation.parent is not None:
        node["parent"] = operation.parent
    return [Move(node=operation.node, pos=(pos[0], pos[1]), parent=parent)]


def _add_edge(state: State, operation: AddEdge) -> list[Operation]:
    edge = state.with_id(operation.edge)
    for end in (edge.source, edge.target):
        if end not in state.nodes:
            raise Conflicted("missing", end)
    known = state.edges.get(edge.id)
    if known is not None:
        if known == edge:
            return []
        raise Conflicted("exists", state.as_json(known))
    state.edges[edge.id] = edge
    return [RemoveEdge(id=edge.id)]


def _remove_edge(state: State, operation: RemoveEdge) -> list[Operation]:
    edge = state.edges.pop(operation.id, None)
    return [AddEdge(edge=edge)] if edge is not None else []


def _set_flow(state: State, operation: SetFlow) -> list[Operation]:
    holder, key = state.flow_place(operation.path, make=False)
    had, now = key in holder, state.flow_value(operation.path)
    if (had or operation.value is not None) and same(now, operation.value):
        return []
    state.check_was(operation, now)
    state.check_flow_value(operation.path, operation.value)
    holder, key = state.flow_place(operation.path, make=True)
    holder[key] = operation.value
    if had:
        return [SetFlow(path=operation.path, value=now, was=operation.value)]
    return [UnsetFlow(path=operation.path, was=operation.value)]


def _unset_flow(state: State, operation: UnsetFlow) -> list[Operation]:
    holder, key = state.flow_place(operation.path, make=False)
    if key not in holder:
        return []
    now = holder[key]
    state.check_was(operation, now)
    del holder[key]
    return [SetFlow(path=operation.path, value=now)]


_STEPS: Mapping[type[Any], Any] = {
    AddNode: _add_node,
    RemoveNode: _remove_node,
    Set: _set,
    Unset: _unset,
    EditText: _edit_text,
    Move: _move,
    AddEdge: _add_edge,
    RemoveEdge: _remove_edge,
    SetFlow: _set_flow,
    UnsetFlow: _unset_flow,
}
