"""What journal rows changed, in words of the flow: told by the CRDT itself while rows are replayed.

Each row is applied to a document and the events it raises are read, so that two people who write at
the same time are told apart exactly, and the cost follows the size of the change, not of the flow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from apps.collaboration.documents.library import LiveDoc
from sage_studio.kernel import Json, JsonObject

LISTED = 40
"""Changes of one stretch that are kept one by one; the rest is a number."""

_PLACE = frozenset({"pos", "size", "parent"})
_ENDS_EACH_OTHER = {
    ("node_added", "node_removed"),
    ("node_restored", "node_removed"),
    ("node_removed", "node_restored"),
    ("edge_added", "edge_removed"),
    ("edge_removed", "edge_added"),
}


@dataclass(frozen=True, slots=True)
class Touch:
    """One thing that changed: ``field`` for settings and texts, ``was`` for names."""

    kind: str
    id: str = ""
    field: str = ""
    was: str = ""


class Watcher:
    """Applies rows to a document and says what each touched."""

    def __init__(self, doc: LiveDoc) -> None:
        self._doc = doc
        self._touched: list[Touch] = []

    def touches(self, bodies: Iterable[bytes]) -> Iterator[list[Touch]]:
        """For each row what it touched. Raises what ``LiveDoc.apply`` raises."""
        with self._doc.watched(self._heard):
            for body in bodies:
                self._touched = []
                self._doc.apply(body)
                yield self._touched

    def _heard(self, root: str, path: list[Any], keys: Mapping[str, Mapping[str, Any]]) -> None:
        place = [str(step) for step in path]
        if root == "nodes":
            self._touched += self._in_nodes(place, keys)
        elif root == "edges" and not place:
            for edge, how in keys.items():
                self._touched.append(Touch("edge_removed" if _is_gone(how) else "edge_added", edge))
        elif root == "notes":
            self._touched += [Touch("note_changed", place[0] if place else note) for note in keys or [""]]
        elif root == "meta":
            self._touched += [Touch("flow_changed", field=key) for key in ([place[0]] if place else keys)]

    def _in_nodes(self, place: list[str], keys: Mapping[str, Mapping[str, Any]]) -> Iterable[Touch]:
        match place:
            case []:
                for node, how in keys.items():
                    yield Touch("node_purged" if _is_gone(how) else "node_added", node)
            case [node]:
                for key, how in keys.items():
                    yield _of_node(node, key, how)
            case [node, "texts", *rest]:
                for key in rest[:1] or keys:
                    yield Touch("text_edited", node, key)
            case [node, "config", *rest]:
                for key in rest[:1] or keys:
                    yield Touch("node_configured", node, key)
            case [node, key, *_]:
                yield Touch("node_configured", node, key)


def _is_gone(how: Mapping[str, Any]) -> bool:
    return how.get("action") == "delete"


def _of_node(node: str, key: str, how: Mapping[str, Any]) -> Touch:
    if key == "deleted":
        is_back = _is_gone(how) or not how.get("newValue")
        return Touch("node_restored" if is_back else "node_removed", node)
    if key == "name":
        return Touch("node_renamed", node, was=str(how.get("oldValue") or ""))
    if key in _PLACE:
        return Touch("node_moved", node)
    return Touch("node_configured", node, key)


class Tally:
    """The changes of one stretch put together: what was added and then set up is one addition, what
    was taken back did not happen."""

    def __init__(self, known: Iterable[JsonObject] = ()) -> None:
        self._changes: dict[tuple[str, str], JsonObject] = {}
        for change in known:
            self._changes[str(change["kind"]), str(change["id"])] = dict(change)

    def add(self, touch: Touch) -> None:
        for before, after in _ENDS_EACH_OTHER:
            if touch.kind == after and self._changes.pop((before, touch.id), None) is not None:
                self._forget(touch.id)
                return
        if ("node_added", touch.id) in self._changes or touch.kind == "node_purged":
            return
        change = self._changes.setdefault(
            (touch.kind, touch.id), {"kind": touch.kind, "id": touch.id, "fields": []}
        )
        if touch.was:
            change.setdefault("was", touch.was)
        fields = change["fields"]
        assert isinstance(fields, list)
        if touch.field and touch.field not in fields and len(fields) < LISTED:
            fields.append(touch.field)

    def _forget(self, node: str) -> None:
        for kind in ("node_renamed", "node_moved", "node_configured", "text_edited"):
            self._changes.pop((kind, node), None)

    def changes(self, names: Mapping[str, str]) -> list[JsonObject]:
        """All changes, with the names that nodes have now and edges between those names."""
        return [{**change, "name": _name(change, names)} for change in self._changes.values()]


def _name(change: JsonObject, names: Mapping[str, str]) -> Json:
    identity = str(change["id"])
    if str(change["kind"]).startswith("edge_") and ">" in identity:
        source, target = (names.get(end.split(":")[0], "") for end in identity.split(">", 1))
        return f"{source} → {target}"
    return names.get(identity) or change.get("name") or ""


def names_in(doc: LiveDoc) -> dict[str, str]:
    """Node id → name, or type where a node has none; deleted nodes are still among them."""
    nodes = doc.dump()["nodes"]
    return {
        str(key): str(node.get("name") or node.get("type") or "")
        for key, node in nodes.items()
        if isinstance(node, dict)
    }
