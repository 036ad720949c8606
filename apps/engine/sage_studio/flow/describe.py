"""A patch in words, for version history, reviews and the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

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
    says,
)
from sage_studio.kernel import Json, JsonObject, Text, json_object

Kind = Literal[
    "node_added", "node_removed", "node_changed", "node_moved", "edge_added", "edge_removed", "flow_changed"
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One changed thing. ``path`` is ``config.top_k``; ``before`` is known where the patch says it."""

    kind: Kind
    text: Text
    node_id: str = ""
    edge_id: str = ""
    path: str = ""
    before: Json = None
    after: Json = None

    def dump(self) -> JsonObject:
        """The change as JSON; places that do not apply are left out."""
        places: JsonObject = {"node_id": self.node_id, "edge_id": self.edge_id, "path": self.path}
        body: JsonObject = {"kind": self.kind, **{key: value for key, value in places.items() if value}}
        if self.path:
            body |= {"before": self.before, "after": self.after}
        return {**body, "text": json_object(self.text)}


def changes(patch: Patch) -> list[Change]:
    """Every operation of a patch as a change with a sentence."""
    return [_change(operation) for operation in patch.operations]


def describe(found: Iterable[Change]) -> list[Text]:
    """One line per thing, in the order first met: ``~ Modified node: embedder_1 (model changed)``."""
    grouped: dict[tuple[str, str], _Group] = {}
    for change in found:
        subject = change.node_id or change.edge_id or "flow"
        grouped.setdefault((_verb(change.kind), subject), _Group()).add(change)
    return [group.line(verb, subject) for (verb, subject), group in grouped.items()]


def _change(operation: Operation) -> Change:
    if isinstance(operation, AddNode):
        return _node("node_added", operation.node.id, "Added node", "新增节点")
    if isinstance(operation, RemoveNode):
        return _node("node_removed", operation.id, "Removed node", "删除节点")
    if isinstance(operation, Move):
        return _node("node_moved", operation.node, "Moved node", "移动节点")
    if isinstance(operation, AddEdge):
        edge = operation.edge
        key = f"{edge.source}:{edge.source_port}>{edge.target}:{edge.target_port}"
        return _edge("edge_added", key, "Connected", "新增连线")
    if isinstance(operation, RemoveEdge):
        return _edge("edge_removed", operation.id, "Disconnected", "删除连线")
    if isinstance(operation, EditText):
        return _field(operation.node, ["config", *operation.path[1:]], operation.was, None)
    if isinstance(operation, Set | Unset):
        after = operation.value if isinstance(operation, Set) else None
        return _field(operation.node, operation.path, _was(operation), after)
    after = operation.value if isinstance(operation, SetFlow) else None
    path = ".".join(operation.path)
    text = Text(en=f"Changed {path} of the flow", zh=f"修改流程的 {path}")
    return Change("flow_changed", text, path=path, before=_was(operation), after=after)


def _was(operation: Set | Unset | SetFlow | UnsetFlow) -> Json:
    return operation.was if says(operation, "was") else None


def _node(kind: Kind, node_id: str, en: str, zh: str) -> Change:
    return Change(kind, Text(en=f"{en}: {node_id}", zh=f"{zh}：{node_id}"), node_id=node_id)


def _edge(kind: Kind, edge_id: str, en: str, zh: str) -> Change:
    return Change(kind, Text(en=f"{en}: {edge_id}", zh=f"{zh}：{edge_id}"), edge_id=edge_id)


def _field(node_id: str, path: list[str], before: Json, after: Json) -> Change:
    shown = ".".join(path)
    text = Text(en=f"Changed {shown} of {node_id}", zh=f"修改 {node_id} 的 {shown}")
    return Change("node_changed", text, node_id=node_id, path=shown, before=before, after=after)


def _verb(kind: Kind) -> str:
    return "flow_changed" if kind == "flow_changed" else kind


_LINES: dict[str, tuple[str, str, str]] = {
    "node_added": ("+", "Added node", "新增节点"), "node_removed": ("-", "Removed node", "删除节点"),
    "node_changed": ("~", "Modified node", "修改节点"), "node_moved": ("~", "Moved node", "移动节点"),
    "edge_added": ("+", "Connected", "新增连线"), "edge_removed": ("-", "Disconnected", "删除连线"),
    "flow_changed": ("~", "Modified", "修改"),
}  # fmt: skip


@dataclass(slots=True)
class _Group:
    """All changes of one thing, in one line."""

    paths: list[str] = field(default_factory=list)

    def add(self, change: Change) -> None:
        if change.path:
            self.paths.append(change.path.removeprefix("config."))

    def line(self, verb: str, subject: str) -> Text:
        sign, en, zh = _LINES[verb]
        names = ", ".join(self.paths[:5]) + (" …" if len(self.paths) > 5 else "")
        after_en, after_zh = (f" ({names} changed)", f"（{names} 已更改）") if names else ("", "")
        return Text(en=f"{sign} {en}: {subject}{after_en}", zh=f"{sign} {zh}：{subject}{after_zh}")
