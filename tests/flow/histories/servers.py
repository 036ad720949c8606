"""The people behind the API: the server's replica with its rules, and the headless writer's operations."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from apps.collaboration.documents.copying import purge
from apps.collaboration.documents.flow_writer import FlowWriter
from apps.collaboration.documents.library import ROOTS, LiveDoc
from apps.collaboration.documents.patching import write_operations
from apps.collaboration.rooms.ports import Loaded, Row
from apps.collaboration.rooms.replica import Replica, Verdict
from apps.collaboration.wire.scan import scan_update
from sage_studio.flow.document import FlowEdge, FlowNode
from sage_studio.flow.operations import (
    AddEdge,
    AddNode,
    Delete,
    Delta,
    EditText,
    Insert,
    Move,
    Operation,
    RemoveEdge,
    RemoveNode,
    Retain,
    Set,
    SetFlow,
    Unset,
    UnsetFlow,
)
from sage_studio.flow.projection import Multiple, project
from sage_studio.kernel import JsonObject
from tests.flow.histories.script import Step

SHARED_TEXTS = {"llm": {"prompt": "Say:", "rules": ""}}
TYPES = ("source", "map", "llm", "merge")
OUTPUTS = ("items", "text", "value")
INPUTS = ("items", "documents", "values")
KEYS = ("limit", "mode", "x")
TEXTS = ("prompt", "rules")


class GapError(Exception):
    """An update builds on changes that are not here: everything that is missing has to be sent."""


class Server:
    """One server process with the document open, which also writes to it without a browser."""

    def __init__(self, client: int, now_ms: int, multiple: Multiple) -> None:
        self._client = client
        self._now_ms = now_ms
        self._multiple = multiple
        self._replica = Replica(Loaded(1, 0, [], {}), max_depth=32)
        self._made = 0

    # ---- what arrives

    def take(self, updates: Sequence[bytes]) -> list[bytes]:
        """What was new, as the room passes it on. Raises GapError."""
        news = [self._take(update) for update in updates]
        return [update for update in news if update]

    def _take(self, update: bytes) -> bytes:
        scan = scan_update(update, roots=ROOTS, max_structs=1_000_000)
        sender = uuid.UUID(int=0)
        verdict = self._replica.judge(scan, sender)
        if verdict is Verdict.GAP:
            raise GapError
        assert verdict is Verdict.FINE, f"an honest update was judged {verdict.name}"
        return self._replica.apply(update, scan, sender)[0]

    def lacking(self, vector: bytes) -> bytes:
        return self._replica.encode(vector)

    def vector(self) -> bytes:
        return self._replica.state_vector()

    # ---- what it writes

    def act(self, step: Step) -> list[bytes]:
        self._now_ms += step.wait_ms
        live = LiveDoc([self._replica.encode()], client_id=self._client)
        with live.change():
            if step.verb == "purge":
                purge(live, deleted_before_ms=self._now_ms - 500)
            else:
                self._write(live, step)
        update = live.take_change()
        if not update:
            return []
        self._replica.catch_up([Row(self._replica.seq + 1, update)])
        return [update]

    def _write(self, live: LiveDoc, step: Step) -> None:
        raw = live.dump()
        writer = FlowWriter(
            live, shared_texts=_shared_texts, now_ms=self._now_ms, person_id=f"p{self._client}"
        )
        write_operations(writer, _Author(self._flow(raw), raw, self._new_id).operations(step))

    def _new_id(self, kind: str) -> str:
        self._made += 1
        return f"{kind}_{self._client}_{self._made}"

    def _flow(self, raw: Any) -> Mapping[str, Any]:
        return project(raw, self._multiple).document

    def end(self) -> dict[str, Any]:
        raw = LiveDoc([self._replica.encode()]).dump()
        found = project(raw, self._multiple)
        flow = {"document": found.document, "problems": [problem.facts() for problem in found.problems]}
        clocks = LiveDoc([self._replica.encode()]).clocks()
        return {
            "raw": raw,
            "flow": flow,
            "shown": flow,
            "clocks": {str(client): clock for client, clock in clocks.items()},
            "pending": False,
        }


def _shared_texts(kind: str) -> Mapping[str, str]:
    return SHARED_TEXTS.get(kind, {})


class _Author:
    """Turns a step into operations of a flow patch, as they would be checked against this flow."""

    def __init__(self, flow: Mapping[str, Any], raw: Mapping[str, Any], new_id: Callable[[str], str]) -> None:
        self._nodes = [node["id"] for node in flow["nodes"]]
        self._edges = [edge["id"] for edge in flow["edges"]]
        self._notes = sorted(raw["notes"])
        self._raw_nodes: Mapping[str, Any] = raw["nodes"]
        self._new_id = new_id

    def operations(self, step: Step) -> list[Operation]:
        verb = getattr(self, f"_{step.verb}", None)
        if verb is None:
            return []
        found: list[Operation] = verb(step.a, step.b, step.value)
        return found

    def _node(self, kind: str, pos: Sequence[float], **more: Any) -> FlowNode:
        fields = {"id": self._new_id(kind), "type": kind, "pos": list(pos), **more}
        return FlowNode.model_validate(fields)

    def _add(self, a: int, b: int, value: int) -> list[Operation]:
        return [AddNode(node=self._node(_pick(TYPES, a), (value, b)))]

    def _add_inside(self, a: int, b: int, value: int) -> list[Operation]:
        inside = {"parent": _pick(self._nodes, b)} if self._nodes else {}
        return [AddNode(node=self._node(_pick(TYPES, a), (value, b), **inside))]

    def _move(self, a: int, b: int, value: int) -> list[Operation]:
        return [Move(node=node, pos=(value, b)) for node in _one(self._nodes, a)]

    def _move_all(self, _a: int, b: int, value: int) -> list[Operation]:
        return [Move(node=node, pos=(value + at, b)) for at, node in enumerate(self._nodes)]

    def _set(self, a: int, b: int, value: int) -> list[Operation]:
        path = ["config", _pick(KEYS, b)]
        return [Set(node=node, path=path, value=value) for node in _one(self._nodes, a)]

    def _unset(self, a: int, b: int, _value: int) -> list[Operation]:
        return [Unset(node=node, path=["config", _pick(KEYS, b)]) for node in _one(self._nodes, a)]

    def _rename(self, a: int, _b: int, value: int) -> list[Operation]:
        return [Set(node=node, path=["name"], value=f"name {value}") for node in _one(self._nodes, a)]

    def _disable(self, a: int, _b: int, value: int) -> list[Operation]:
        return [Set(node=node, path=["disabled"], value=value % 2 == 0) for node in _one(self._nodes, a)]

    def _connect(self, a: int, b: int, value: int) -> list[Operation]:
        if not self._nodes:
            return []
        ends = {
            "source": _pick(self._nodes, a), "source_port": _pick(OUTPUTS, value),
            "target": _pick(self._nodes, b), "target_port": _pick(INPUTS, value),
        }  # fmt: skip
        return [AddEdge(edge=FlowEdge.model_validate(ends))]

    def _reconnect(self, a: int, b: int, value: int) -> list[Operation]:
        return [*self._cut(value, 0, 0), *self._connect(a, b, value)]

    def _cut(self, a: int, _b: int, _value: int) -> list[Operation]:
        return [RemoveEdge(id=edge) for edge in _one(self._edges, a)]

    def _remove(self, a: int, b: int, value: int) -> list[Operation]:
        first = _one(self._nodes, a)
        second = [node for node in _one(self._nodes, b) if value % 4 == 0 and node not in first]
        return [RemoveNode(id=node) for node in first + second]

    def _restore(self, a: int, b: int, value: int) -> list[Operation]:
        gone = sorted(set(self._raw_nodes) - set(self._nodes))
        kind = _pick(TYPES, b)
        fields = {"type": kind, "pos": [value, b], "config": {"limit": value}}
        return [AddNode(node=FlowNode.model_validate({"id": node, **fields})) for node in _one(gone, a)]

    def _put_in(self, a: int, b: int, _value: int) -> list[Operation]:
        parent = _pick(self._nodes, b) if self._nodes else None
        return [Set(node=node, path=["parent"], value=parent) for node in _one(self._nodes, a)]

    def _take_out(self, a: int, _b: int, _value: int) -> list[Operation]:
        return [Unset(node=node, path=["parent"]) for node in _one(self._nodes, a)]

    def _type(self, a: int, b: int, value: int) -> list[Operation]:
        name = _pick(TEXTS, b)
        insert = Insert(insert=f"é{value}😀" if value % 3 == 0 else f"<{value}>")
        return [self._edit(node, name, value, insert) for node in _one(self._writers(), a)]

    def _wipe(self, a: int, b: int, value: int) -> list[Operation]:
        name = _pick(TEXTS, b)
        delete = Delete(delete=1 + value % 5)
        return [self._edit(node, name, value, delete) for node in _one(self._writers(), a)]

    def _edit(self, node: str, name: str, value: int, step: Insert | Delete) -> EditText:
        place = value % (len(self._text(node, name)) + 1)
        delta: Delta = [Retain(retain=place), step] if place else [step]
        return EditText(node=node, path=["texts", name], delta=delta)

    def _retype(self, a: int, b: int, value: int) -> list[Operation]:
        path = ["config", _pick(TEXTS, b)]
        said = f"Say {value} 😀 again"
        return [Set(node=node, path=path, value=said) for node in _one(self._writers(), a)]

    def _writers(self) -> list[str]:
        return sorted(key for key, node in self._raw_nodes.items() if "prompt" in (node.get("texts") or {}))

    def _text(self, node: str, name: str) -> str:
        return str(self._raw_nodes[node]["texts"].get(name, ""))

    def _note(self, a: int, b: int, value: int) -> list[Operation]:
        body: JsonObject = {"text": str(value), "pos": [a, b], "size": [100, 50]}
        return [SetFlow(path=["notes", self._new_id("note")], value=body)]

    def _note_set(self, a: int, _b: int, value: int) -> list[Operation]:
        return [SetFlow(path=["notes", note, "text"], value=f"note {value}") for note in _one(self._notes, a)]

    def _note_cut(self, a: int, _b: int, _value: int) -> list[Operation]:
        return [UnsetFlow(path=["notes", note]) for note in _one(self._notes, a)]

    def _flow(self, _a: int, _b: int, value: int) -> list[Operation]:
        return [SetFlow(path=["name"], value=f"flow {value}")]

    def _settings(self, _a: int, _b: int, value: int) -> list[Operation]:
        return [SetFlow(path=["settings", "timeout_s"], value=value)]


def _pick(items: Sequence[str], index: int) -> str:
    return items[index % len(items)]


def _one(items: Sequence[str], index: int) -> list[str]:
    return [_pick(items, index)] if items else []
