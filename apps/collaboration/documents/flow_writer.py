"""Writing a flow into a CRDT document: a whole flow once, single operations afterwards.

The document (ARCHITECTURE §2): ``meta`` plain values; ``nodes`` id → map with plain values, a
``config`` map (last writer wins per key) and a ``texts`` map of shared texts; ``edges`` and
``notes`` id → plain values. All calls belong inside one ``LiveDoc.change``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import pycrdt

from apps.collaboration.documents.library import LiveDoc
from sage_studio.kernel import Json, JsonObject

SharedTexts = Callable[[str], Collection[str]]
"""Node type → names of the fields that several people edit character by character."""

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
            self.set_note(str(note["id"]), note)

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
        for name in self._shared_texts(str(node["type"])):
            value = config.get(name, "")
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
        self._node(node_id)["deleted"] = self._now_ms

    def set(self, node_id: str, path: list[str], value: Json) -> None:
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

    def unset(self, node_id: str, path: list[str]) -> None:
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

    def edit_text(self, node_id: str, name: str, delta: list[Mapping[str, Any]]) -> None:
        """Apply a delta (``retain``/``insert``/``delete``, counted in UTF-16 units) to a shared text."""
        text = _text_at(self._node(node_id), name)
        if text is None:
            raise KeyError(f"{node_id} has no shared text {name}")
        replace_text(text, text_after(str(text), delta))

    def move(self, node_id: str, pos: list[float], parent: str | None) -> None:
        node = self._node(node_id)
        _assign(node, "pos", list(pos))
        _assign(node, "parent", parent)

    def add_edge(self, edge: JsonObject, *, at_ms: int | None = None) -> None:
        kept = {key: value for key, value in edge.items() if key != "id"}
        self._edges[str(edge["id"])] = {
            **kept, "at": self._now_ms if at_ms is None else at_ms, "by": self._person_id,
        }  # fmt: skip

    def remove_edge(self, edge_id: str) -> None:
        if edge_id in self._edges:
            del self._edges[edge_id]

    def set_flow(self, path: list[str], value: Json) -> None:
        """Set a value of the flow itself (name, settings, inputs …)."""
        _assign(self._meta, path[0], _with(self._meta.get(path[0]), path[1:], value))

    def unset_flow(self, path: list[str]) -> None:
        if path[0] not in self._meta:
            return
        if len(path) == 1:
            del self._meta[path[0]]
        else:
            self._meta[path[0]] = _without(self._meta[path[0]], path[1:])

    def set_note(self, note_id: str, note: JsonObject) -> None:
        self._notes[note_id] = {key: value for key, value in note.items() if key != "id"}

    def remove_note(self, note_id: str) -> None:
        if note_id in self._notes:
            del self._notes[note_id]

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


def _with(current: Any, path: list[str], value: Json) -> Json:
    """``current`` with ``value`` at ``path``; containers on the way are copied or made."""
    if not path:
        return value
    inner = dict(current) if isinstance(current, dict) else {}
    inner[path[0]] = _with(inner.get(path[0]), path[1:], value)
    return inner


def _without(current: Any, path: list[str]) -> Json:
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


def text_after(text: str, delta: list[Mapping[str, Any]]) -> str:
    """``text`` with ``delta`` applied; counts are UTF-16 units, as browsers count."""
    units = text.encode("utf-16-le")
    out, pos = [], 0
    for step in delta:
        if "retain" in step:
            out.append(units[pos : pos + 2 * step["retain"]])
            pos += 2 * step["retain"]
        elif "delete" in step:
            pos += 2 * step["delete"]
        else:
            out.append(str(step["insert"]).encode("utf-16-le"))
    out.append(units[pos:])
    return b"".join(out).decode("utf-16-le", "replace")
