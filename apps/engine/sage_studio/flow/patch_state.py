"""A flow while a patch is being applied: nodes by id, opened into plain JSON only when touched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from sage_studio.flow import shapes
from sage_studio.flow.document import MAX_EDGES, MAX_NODES, FlowDocument, FlowEdge, FlowNode, edge_id
from sage_studio.flow.operations import Delta, EditText, Set, SetFlow, Unset, UnsetFlow, says
from sage_studio.flow.parsing import parse_plain, read_model
from sage_studio.flow.text_delta import apply_delta
from sage_studio.flow.values import same
from sage_studio.kernel import Json, JsonObject, SageError, define_error

BAD_PATH = define_error(
    "patch.path", 2052, status=422,
    en="“{path}” cannot be changed by this operation.", zh="此操作不能修改 “{path}”。",
    hint_en="Use config.<field>, name, retry, … for nodes; name, settings.<key>, … for the flow.",
    hint_zh="节点可用 config.<字段>、name、retry 等；流程可用 name、settings.<键> 等。",
)  # fmt: skip
BAD_VALUE = define_error(
    "patch.value", 2053, status=422,
    en="The value does not fit “{path}”.", zh="该值不适用于 “{path}”。",
    hint_en="Compare with the flow document's reference.", hint_zh="请参考流程文档的字段说明。",
)  # fmt: skip

TOO_MANY = define_error(
    "patch.too_many", 2054, status=422,
    en="The flow would hold more nodes or connections than fit.", zh="流程中的节点或连线数量将超出上限。",
    hint_en="Split the flow into sub-flows.", hint_zh="请将流程拆分为子流程。",
)  # fmt: skip

# "pos" belongs to ``move``; an id never changes.
_NOT_SET = frozenset({"id", "pos", "texts", "deleted"})
_NOT_SET_FLOW = frozenset({"schema", "schema_", "nodes", "edges"})
_NESTED = frozenset({"config", "retry", "pinned"})
_REQUIRED = frozenset({"type"})
_NODE_DEFAULTS: JsonObject = {"name": "", "disabled": False, "on_error": "fail", "cache": False, "config": {}}
_FLOW_DEFAULTS: JsonObject = {
    "name": "", "description": "", "settings": {}, "inputs": [], "outputs": [], "variables": {},
}  # fmt: skip
_SETTINGS_DEFAULTS: JsonObject = {
    "mode": "batch", "on_error": "fail", "executor": "local", "timezone": "UTC", "optimise": "on",
    "unread_nodes": "run",
}  # fmt: skip


class Conflicted(Exception):
    """The ground of an operation has changed; ``now`` is what is there."""

    def __init__(self, reason: str, now: Json) -> None:
        super().__init__(reason)
        self.reason = reason
        self.now = now


class State:
    """``nodes`` hold models while untouched and plain JSON once opened."""

    def __init__(self, document: FlowDocument) -> None:
        self.nodes: dict[str, FlowNode | JsonObject] = {node.id: node for node in document.nodes}
        self.edges: dict[str, FlowEdge] = {}
        for edge in document.edges:
            fresh = self.with_id(edge)
            self.edges[fresh.id] = fresh
        self.flow = document.model_dump(
            mode="json", by_alias=True, exclude_defaults=True, exclude={"nodes", "edges", "notes"}
        )
        self.notes: JsonObject = {note.id: self.as_json(note) | {"id": note.id} for note in document.notes}

    @staticmethod
    def as_json(model: BaseModel) -> JsonObject:
        result: JsonObject = model.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return result

    @staticmethod
    def with_id(edge: FlowEdge) -> FlowEdge:
        right = edge_id(edge.source, edge.source_port, edge.target, edge.target_port)
        return edge if edge.id == right else edge.model_copy(update={"id": right})

    # ----------------------------------------------------------------------------------------- nodes

    def node_json(self, node_id: str) -> JsonObject:
        node = self.nodes[node_id]
        return self.as_json(node) if isinstance(node, FlowNode) else node

    def open(self, node_id: str) -> JsonObject:
        """The node as JSON that may be changed. Raises Conflicted when it is gone."""
        node = self.nodes.get(node_id)
        if node is None:
            raise Conflicted("missing", None)
        if isinstance(node, FlowNode):
            node = self.as_json(node)
            self.nodes[node_id] = node
        return node

    def open_config(self, node_id: str) -> JsonObject:
        config = self.open(node_id).setdefault("config", {})
        assert isinstance(config, dict)
        return config

    def edges_of(self, node_id: str) -> list[FlowEdge]:
        return [edge for edge in self.edges.values() if node_id in (edge.source, edge.target)]

    def children_of(self, node_id: str) -> list[str]:
        return [
            key
            for key, node in self.nodes.items()
            if (node.parent if isinstance(node, FlowNode) else node.get("parent")) == node_id
        ]

    def check_parent(self, node_id: str, parent: str) -> None:
        """Raises Conflicted when the container is gone or lies inside the node."""
        seen: str | None = parent
        for _ in range(len(self.nodes) + 1):
            if seen is None:
                return
            if seen == node_id:
                raise Conflicted("impossible", parent)
            if seen not in self.nodes:
                raise Conflicted("missing", parent)
            upper = self.node_json(seen).get("parent")
            seen = upper if isinstance(upper, str) else None

    # ----------------------------------------------------------------------------------------- places

    def node_place(self, node_id: str, path: Sequence[str], *, make: bool) -> tuple[JsonObject, str]:
        """The object and the key that ``path`` leads to; ``make`` adds objects on the way."""
        too_short = path[0] == "config" and len(path) < 2
        too_long = len(path) > 1 and path[0] in shapes.NODE and path[0] not in _NESTED
        if path[0] in _NOT_SET or too_short or too_long:
            raise _bad(BAD_PATH, path)
        return _walk(self.open(node_id), path, make=make)

    def flow_place(self, path: Sequence[str], *, make: bool) -> tuple[JsonObject, str]:
        if path[0] == "notes" and len(path) == 2:
            return self.notes, path[1]
        nested = path[0] in ("settings", "variables")
        if path[0] in _NOT_SET_FLOW or path[0] == "notes" or (not nested and len(path) > 1):
            raise _bad(BAD_PATH, path)
        return _walk(self.flow, path, make=make)

    def node_value(self, node_id: str, path: Sequence[str]) -> Json:
        return _value(self.node_json(node_id), path, _NODE_DEFAULTS)

    def made(self, node_id: str, path: Sequence[str]) -> list[str]:
        """The shortest part of ``path`` that is not there yet: what taking a new value back removes."""
        node = self.node_json(node_id)
        for length in range(2 if path[0] == "config" else 1, len(path)):
            if _value(node, path[:length], {}) is None:
                return list(path[:length])
        return list(path)

    def flow_value(self, path: Sequence[str]) -> Json:
        if path[0] == "notes":
            return self.notes.get(path[1])
        if path[0] == "settings" and len(path) == 2:
            return _value(self.flow, path, {"settings": {}}, _SETTINGS_DEFAULTS.get(path[1]))
        return _value(self.flow, path, _FLOW_DEFAULTS)

    # ----------------------------------------------------------------------------------------- checks

    @staticmethod
    def check_was(operation: Set | Unset | SetFlow | UnsetFlow, now: Json) -> None:
        if says(operation, "was") and not same(operation.was, now):
            raise Conflicted("changed", now)

    def check_node_value(self, path: Sequence[str], value: Json) -> None:
        check = shapes.NODE.get(path[0]) if len(path) == 1 else None
        if path[0] == "retry" and len(path) == 2:
            check = shapes.RETRY.get(path[1])
        if check is not None and not check(value):
            raise _bad(BAD_VALUE, path, "value")

    def check_flow_value(self, path: Sequence[str], value: Json) -> None:
        check = shapes.META.get(path[0]) if len(path) == 1 else None
        if path[0] == "settings" and len(path) == 2:
            check = shapes.SETTINGS.get(path[1])
        if path[0] == "notes":
            check = shapes.note
        if path == ["inputs"]:
            check = shapes.flow_inputs
        if check is not None and not check(value):
            raise _bad(BAD_VALUE, path, "value")

    @staticmethod
    def check_may_go(path: Sequence[str]) -> None:
        if path[0] in _REQUIRED:
            raise _bad(BAD_PATH, path)

    def edited(self, operation: EditText) -> tuple[str | None, str, Delta]:
        """(text before or None, text after, the delta back). Raises Conflicted when it does not fit."""
        if len(operation.path) != 2 or operation.path[0] != "texts":
            raise _bad(BAD_PATH, operation.path)
        now = self.open_config(operation.node).get(operation.path[1])
        if now is not None and not isinstance(now, str):
            raise Conflicted("changed", now)
        if operation.was is not None and operation.was != (now or ""):
            raise Conflicted("changed", now)
        changed = apply_delta(now or "", operation.delta)
        if changed is None:
            raise Conflicted("changed", now)
        return now, *changed

    # ----------------------------------------------------------------------------------------- result

    def finish(self) -> FlowDocument:
        """The document, its touched nodes checked. Raises SageError when one has lost its shape."""
        nodes = [
            node if isinstance(node, FlowNode) else read_model(FlowNode, node) for node in self.nodes.values()
        ]
        notes: list[Json] = [
            {**note, "id": key} for key, note in self.notes.items() if isinstance(note, dict)
        ]
        if len(nodes) > MAX_NODES or len(self.edges) > MAX_EDGES:
            raise _bad(TOO_MANY, ["nodes"], "")
        document = parse_plain({"nodes": [], **self.flow, "notes": notes})
        document.nodes = nodes
        document.edges = list(self.edges.values())
        return document


def _bad(code: Any, path: Sequence[str], part: str = "path") -> SageError:
    return SageError(code, {"path": ".".join(path)[:200]}, path=part)


def _walk(holder: JsonObject, path: Sequence[str], *, make: bool) -> tuple[JsonObject, str]:
    for step in path[:-1]:
        below = holder.get(step)
        if below is None and make:
            below = {}
            holder[step] = below
        if below is None:
            return {}, path[-1]
        if not isinstance(below, dict):
            raise Conflicted("changed", below)
        # Values may be shared with the document the patch is applied to.
        below = dict(below)
        holder[step] = below
        holder = below
    return holder, path[-1]


def _value(source: JsonObject, path: Sequence[str], defaults: JsonObject, last: Json = None) -> Json:
    """What is at ``path``; ``last`` is the default of its last step."""
    value: Json = source.get(path[0], defaults.get(path[0]))
    for step in path[1:]:
        value = value.get(step, last if step is path[-1] else None) if isinstance(value, dict) else None
    return value
