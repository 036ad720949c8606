"""Writing a flow into a CRDT document: a whole flow once, single operations afterwards.

The document (ARCHITECTURE §2): ``meta`` plain values; ``nodes`` id → map with plain values, a
``config`` map (last writer wins per key) and a ``texts`` map of shared texts; ``edges`` and
``notes`` id → plain values. All calls belong inside one ``LiveDoc.change``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pycrdt

from apps.collaboration.documents.library import LiveDoc
from sage_studio.flow.operations import Delete, Delta, Retain
from sage_studio.kernel import Json, JsonObject

SharedTexts = Callable[[str], Mapping[str, str]]
"""Node type → the fields that several people edit character by character, with their defaults."""

_OWN_PLACE = frozenset({"id", "config", "texts", "deleted"})
_META_SKIP = frozenset({"nodes", "edges", "notes"})


class FlowWriter:
    """Changes one document. ``now_ms`` stamps edges and deletions, ``person_id`` says who."""

    def __init__(
        self, doc: LiveDoc, *, shared_texts: SharedTexts, now_ms: int, person_id: str | None
    ) -> None:
        self._meta = doc.root("meta")
        self._nodes = doc.root("nodes")
        self._edges = doc.root("edges")
        self._notes = doc.root("notes")
        self._shared_texts = shared_texts
        self._now_ms = now_ms
        self._person_id = person_id

    def write_flow(self, flow: JsonObject) -> None:
        """Everything of a flow into an empty document. Only for the birth of a document."""
        for key, value in flow.items():
            if key not in _META_SKIP:
                self._meta[key] = value
        for node in _objects(flow.get("nodes")):
            self.add_node(node)
        for order, edge in enumerate(_objects(flow.get("edges"))):
            self.add_edge(edge, at_ms=self._now_ms + order)
        for note in _objects(flow.get("notes")):
            self.set_flow(["notes", str(note["id"])], note)

    def add_node(self, node: JsonObject) -> None:
        """Create a node; one of that id that was deleted comes back with these values."""
        node_id = str(node["id"])
        existing = self._nodes.get(node_id)
        if isinstance(existing, pycrdt.Map):
            self._revive(existing, node)
            return
        config, texts = self._split(node)
        fields: dict[str, Any] = {key: value for key, value in node.items() if key not in _OWN_PLACE}
        fields["config"] = pycrdt.Map(config)
        fields["texts"] = pycrdt.Map({name: pycrdt.Text(text) for name, text in texts.items()})
        self._nodes[node_id] = pycrdt.Map(fields)

    def _split(self, node: JsonObject) -> tuple[dict[str, Json], dict[str, str]]:
        """Configuration and shared texts; every shared text is created with its node."""
        raw = node.get("config")
        config = dict(raw) if isinstance(raw, dict) else {}
        texts = {}
        for name, default in self._shared_texts(str(node["type"])).items():
            value = config.get(name, default)
            if isinstance(value, str):
                texts[name] = value
                config.pop(name, None)
        return config, texts

    def _revive(self, node: pycrdt.Map[Any], wanted: JsonObject) -> None:
        for key in list(node.keys()):
            if key not in wanted and key not in ("config", "texts"):
                del node[key]
        for key, value in wanted.items():
            if key not in _OWN_PLACE:
                _assign(node, key, value)
        raw = wanted.get("config")
        config = dict(raw) if isinstance(raw, dict) else {}
        texts = node.get("texts")
        kept = set(texts.keys()) if isinstance(texts, pycrdt.Map) else set()
        current = node.get("config")
        for key in list(current.keys()) if isinstance(current, pycrdt.Map) else []:
            if key not in config:
                self.unset(str(wanted["id"]), ["config", key])
        for key in kept - set(config):
            self.set(str(wanted["id"]), ["config", key], "")
        for key, value in config.items():
            self.set(str(wanted["id"]), ["config", key], value)

    def remove_node(self, node_id: str) -> None:
        """Mark a node as deleted; it can come back, with what others typed meanwhile."""
        if self.is_alive(node_id):
            self._node(node_id)["deleted"] = self._now_ms

    def is_alive(self, node_id: str) -> bool:
        node = self._nodes.get(node_id)
        return isinstance(node, pycrdt.Map) and node.get("deleted") is None

    def set(self, node_id: str, path: Sequence[str], value: Json) -> None:
        """Set one value. A path into a shared text edits the text to become ``value``."""
        node = self._node(node_id)
        head, rest = path[0], path[1:]
        if head in ("config", "texts") and rest:
            text = _text_at(node, rest[0])
            if text is not None and len(rest) == 1 and isinstance(value, str):
                replace_text(text, value)
                return
            target = node.get("config")
            if not isinstance(target, pycrdt.Map):
                node["config"] = target = pycrdt.Map({})
                target = node["config"]
            _assign(target, rest[0], _with(target.get(rest[0]), rest[1:], value))
            return
        _assign(node, head, _with(node.get(head), rest, value))

    def unset(self, node_id: str, path: Sequence[str]) -> None:
        """Remove one value; nothing happens when it is not there."""
        node = self._node(node_id)
        owner = node.get("config") if path[0] in ("config", "texts") and len(path) > 1 else node
        keys = path[1:] if owner is not node else path
        if isinstance(owner, pycrdt.Map) and keys[0] in owner:
            if len(keys) == 1:
                del owner[keys[0]]
            else:
                owner[keys[0]] = _without(owner[keys[0]], keys[1:])
        text = _text_at(node, path[1]) if path[0] in ("config", "texts") and len(path) == 2 else None
        if text is not None:
            replace_text(text, "")

    def edit_text(self, node_id: str, name: str, delta: Delta) -> None:
        """Apply a delta to a text; one that is no shared text (yet) is set as a plain value."""
        text = _text_at(self._node(node_id), name)
        if text is not None:
            replace_text(text, text_after(str(text), delta))
            return
        config = self._node(node_id).get("config")
        current = config.get(name) if isinstance(config, pycrdt.Map) else None
        self.set(node_id, ["config", name], text_after(current if isinstance(current, str) else "", delta))

    def move(self, node_id: str, pos: Sequence[float]) -> None:
        _assign(self._node(node_id), "pos", list(pos))

    def release_children(self, node_id: str) -> None:
        """Take the nodes inside a container out of it."""
        for key in list(self._nodes.keys()):
            node = self._nodes[key]
            if isinstance(node, pycrdt.Map) and node.get("parent") == node_id:
                del node["parent"]

    def remove_edges_of(self, node_id: str) -> None:
        """Remove the edges at a node, so that they do not return when the node does."""
        for key in list(self._edges.keys()):
            edge = self._edges[key]
            if isinstance(edge, dict) and node_id in (edge.get("source"), edge.get("target")):
                del self._edges[key]

    def add_edge(self, edge: JsonObject, *, at_ms: int | None = None) -> None:
        kept = {key: value for key, value in edge.items() if key != "id"}
        self._edges[str(edge["id"])] = {
            **kept, "at": self._now_ms if at_ms is None else at_ms, "by": self._person_id,
        }  # fmt: skip

    def remove_edge(self, edge_id: str) -> None:
        if edge_id in self._edges:
            del self._edges[edge_id]

    def set_flow(self, path: Sequence[str], value: Json) -> None:
        """Set a value of the flow itself: ``["name"]``, ``["settings", …]``, ``["notes", id, …]``."""
        root, rest = (self._notes, path[1:]) if path[0] == "notes" else (self._meta, path)
        value = _with(root.get(rest[0]), rest[1:], value)
        if root is self._notes and isinstance(value, dict):
            value = {key: item for key, item in value.items() if key != "id"}
        _assign(root, rest[0], value)

    def unset_flow(self, path: Sequence[str]) -> None:
        root, rest = (self._notes, path[1:]) if path[0] == "notes" else (self._meta, path)
        if rest[0] not in root:
            return
        if len(rest) == 1:
            del root[rest[0]]
        else:
            root[rest[0]] = _without(root[rest[0]], rest[1:])

    def _node(self, node_id: str) -> pycrdt.Map[Any]:
        node = self._nodes.get(node_id)
        if not isinstance(node, pycrdt.Map):
            raise KeyError(node_id)
        return node


def _objects(value: Json) -> list[JsonObject]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text_at(node: pycrdt.Map[Any], name: str) -> pycrdt.Text | None:
    texts = node.get("texts")
    found = texts.get(name) if isinstance(texts, pycrdt.Map) else None
    return found if isinstance(found, pycrdt.Text) else None


def _assign(target: pycrdt.Map[Any], key: str, value: Any) -> None:
    """Write only what differs: an equal write would still grow the document and beat other writers."""
    if key in target and target[key] == value and not isinstance(target[key], pycrdt.Map | pycrdt.Text):
        return
    if value is None and key not in target:
        return
    target[key] = value


def _with(current: Any, path: Sequence[str], value: Json) -> Json:
    """``current`` with ``value`` at ``path``; containers on the way are copied or made."""
    if not path:
        return value
    inner = dict(current) if isinstance(current, dict) else {}
    inner[path[0]] = _with(inner.get(path[0]), path[1:], value)
    return inner


def _without(current: Any, path: Sequence[str]) -> Json:
    if not isinstance(current, dict) or path[0] not in current:
        return current
    inner = dict(current)
    if len(path) == 1:
        del inner[path[0]]
    else:
        inner[path[0]] = _without(inner[path[0]], path[1:])
    return inner


def replace_text(text: pycrdt.Text, wanted: str) -> None:
    """Turn a shared text into ``wanted`` by editing only the part that differs, so that what
    others type elsewhere in it stays. The library counts in bytes of UTF-8."""
    current = str(text)
    if current == wanted:
        return
    shorter = min(len(current), len(wanted))
    head = 0
    while head < shorter and current[head] == wanted[head]:
        head += 1
    tail = 0
    while tail < shorter - head and current[-1 - tail] == wanted[-1 - tail]:
        tail += 1
    start = len(current[:head].encode())
    end = start + len(current[head : len(current) - tail].encode())
    if end > start:
        del text[start:end]
    if insert := wanted[head : len(wanted) - tail]:
        text.insert(start, insert)


def text_after(text: str, delta: Delta) -> str:
    """``text`` with ``delta`` applied; counts are characters (code points)."""
    out, pos = [], 0
    for step in delta:
        if isinstance(step, Retain):
            out.append(text[pos : pos + step.retain])
            pos += step.retain
        elif isinstance(step, Delete):
            pos += step.delete
        else:
            out.append(step.insert)
    return "".join([*out, text[pos:]])
