"""The one pure projection of a live document onto the flow it stands for.

Input is the plain-JSON dump of the Y.Doc: ``{"meta", "nodes", "edges", "notes"}``. Whatever people
or hostile clients left in there, the result is a flow that parses, and the same one on every
replica: ``frontend/src/flow-core`` holds the same function in TypeScript, and both run the vectors
in ``tests/golden/projection``. Nothing here raises.

Left out and named as a problem: an edge without both ends, a second edge on a port that takes one
(the earliest by ``(at, id)`` stays), the latest edge of a cycle, and every value of a wrong shape.
An edge of a node that was deleted after the edge was drawn is left out without a word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sage_studio.flow import shapes
from sage_studio.flow.cycles import cycle_losers
from sage_studio.flow.document import MAX_EDGES, MAX_NODES, MAX_NOTES, SCHEMA, edge_id
from sage_studio.flow.levels import lifted
from sage_studio.flow.problems import Problem
from sage_studio.flow.values import as_object, code_units, is_number, plain, plain_text
from sage_studio.kernel import Json, JsonObject

Multiple = Callable[[str, str], bool]
"""(node type, input port) → whether the port takes any number of edges; True when unknown."""

_NODE_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)
_ENDS = ("source", "source_port", "target", "target_port")
_NOT_IN_NODE = frozenset({"id", "deleted", "texts"})
_NOT_IN_EDGE = frozenset({"id", "at", "by"})
_NOT_IN_META = frozenset({"schema", "schema_", "nodes", "edges", "notes"})


@dataclass(frozen=True, slots=True)
class Projection:
    """``document`` is the flow as plain JSON (it always parses); ``problems`` say what was left out."""

    document: JsonObject
    problems: tuple[Problem, ...]


def project(raw: Json, multiple: Multiple | None = None) -> Projection:
    """The flow a live document stands for."""
    source = as_object(raw)
    problems: list[Problem] = []
    nodes = _nodes(as_object(source.get("nodes")), problems)
    edges = _edges(as_object(source.get("edges")), as_object(source.get("nodes")), nodes, multiple, problems)
    document: JsonObject = {
        "schema": SCHEMA,
        **_meta(as_object(source.get("meta")), problems),
        "nodes": [nodes[key] for key in sorted(nodes)],
        "edges": list[Json](edges),
        "notes": _notes(as_object(source.get("notes")), problems),
    }
    return Projection(document, tuple(sorted(problems, key=Problem.order)))


def _fields(
    source: Mapping[str, Json], known: shapes.Shape, skip: frozenset[str], wrong: Callable[[str], None]
) -> JsonObject:
    """The values of ``source`` that have the shape asked for; unknown keys are kept as they are."""
    result: JsonObject = {}
    for key, value in source.items():
        if key in skip or value is None:
            continue
        clean = plain(value)
        check = known.get(key)
        if check is None or check(clean):
            result[plain_text(key)] = clean
        else:
            wrong(key)
    return result


def _meta(meta: JsonObject, problems: list[Problem]) -> JsonObject:
    def wrong(path: str) -> None:
        problems.append(Problem("meta.field", path=path))

    fields = _fields(meta, shapes.META, _NOT_IN_META, wrong)
    settings = as_object(fields.get("settings"))
    inputs = fields.get("inputs")
    kept: list[Json] = []
    for index, item in enumerate(inputs if isinstance(inputs, list) else []):
        if shapes.is_flow_input(item):
            kept.append(item)
        else:
            wrong(f"inputs[{index}]")
    return {
        "name": "", "description": "", "outputs": [], "variables": {},
        **fields,
        "settings": _fields(settings, shapes.SETTINGS, frozenset(), lambda key: wrong(f"settings.{key}")),
        "inputs": kept,
    }  # fmt: skip


def _nodes(raw: JsonObject, problems: list[Problem]) -> dict[str, JsonObject]:
    """Live nodes by id, their texts folded into their configuration."""
    nodes: dict[str, JsonObject] = {}
    for key in sorted(raw, key=code_units):
        value = raw[key]
        if isinstance(value, dict) and value.get("deleted") is not None:
            continue
        kind = value.get("type") if isinstance(value, dict) else None
        if not (isinstance(value, dict) and _NODE_ID.fullmatch(key) and shapes.is_type_name(kind)):
            problems.append(Problem("node.malformed", node_id=plain_text(key)))
        elif len(nodes) >= MAX_NODES:
            problems.append(Problem("node.too_many", node_id=key))
        else:
            nodes[key] = _node(key, value, problems)
    _check_parents(nodes, problems)
    return nodes


def _node(node_id: str, raw: JsonObject, problems: list[Problem]) -> JsonObject:
    def wrong(path: str) -> None:
        problems.append(Problem("node.field", node_id=node_id, path=path))

    fields = _fields(raw, shapes.NODE, _NOT_IN_NODE, wrong)
    config = dict(as_object(fields.get("config")))
    for name, value in as_object(raw.get("texts")).items():
        if isinstance(value, str):
            config[plain_text(name)] = plain_text(value)
        else:
            wrong(f"texts.{plain_text(name)}")
    return {"id": node_id, "name": "", "pos": [0, 0], **fields, "config": config}


def _check_parents(nodes: dict[str, JsonObject], problems: list[Problem]) -> None:
    """Drop parents that are not there, and one parent of every ring (the largest node id loses)."""
    arcs: list[tuple[str, str]] = []
    for node_id in sorted(nodes):
        parent = nodes[node_id].get("parent")
        if isinstance(parent, str) and parent not in nodes:
            del nodes[node_id]["parent"]
            problems.append(Problem("node.parent_missing", node_id=node_id, other=parent))
        elif isinstance(parent, str):
            arcs.append((node_id, parent))
    for index in cycle_losers(arcs):
        node_id, parent = arcs[index]
        del nodes[node_id]["parent"]
        problems.append(Problem("node.parent_cycle", node_id=node_id, other=parent))


@dataclass(frozen=True, slots=True)
class _Drawn:
    """One edge as drawn: when, under which canonical id, between which ends."""

    at: float
    id: str
    value: JsonObject

    def end(self, name: str) -> str:
        return str(self.value[name])


def _edges(
    raw: JsonObject,
    raw_nodes: JsonObject,
    nodes: dict[str, JsonObject],
    multiple: Multiple | None,
    problems: list[Problem],
) -> list[JsonObject]:
    drawn = [edge for edge in _drawn(raw, problems) if _has_both_ends(edge, raw_nodes, nodes, problems)]
    if multiple is not None:
        drawn = _one_edge_per_port(drawn, nodes, multiple, problems)
    losers = _cycle_losers(drawn, nodes)
    problems.extend(Problem("edge.cycle", edge_id=drawn[index].id) for index in losers)
    kept = [edge for index, edge in enumerate(drawn) if index not in losers]
    problems.extend(Problem("edge.too_many", edge_id=edge.id) for edge in kept[MAX_EDGES:])
    return [edge.value for edge in sorted(kept[:MAX_EDGES], key=lambda edge: code_units(edge.id))]


def _cycle_losers(drawn: list[_Drawn], nodes: dict[str, JsonObject]) -> set[int]:
    """Indexes of the edges left out so that no level has a cycle."""
    parents = {node_id: node.get("parent") for node_id, node in nodes.items()}
    arcs = [lifted(edge.end("source"), edge.end("target"), parents) for edge in drawn]  # type: ignore[arg-type]
    ordering = [index for index, arc in enumerate(arcs) if arc is not None]
    losers = cycle_losers([arc for arc in arcs if arc is not None])
    return {ordering[index] for index in losers}


def _drawn(raw: JsonObject, problems: list[Problem]) -> list[_Drawn]:
    """Well-formed edges, oldest first; the same connection stored under two keys is one edge."""
    found: dict[str, _Drawn] = {}
    for key in sorted(raw, key=code_units):
        value = raw[key]
        ends = [value.get(end) for end in _ENDS] if isinstance(value, dict) else []
        if not (isinstance(value, dict) and all(isinstance(end, str) and end for end in ends)):
            problems.append(Problem("edge.malformed", edge_id=plain_text(key)))
            continue
        names = [plain_text(str(end)) for end in ends]
        at = plain(value.get("at"))
        edge = _Drawn(
            at=float(at) if isinstance(at, int | float) and not isinstance(at, bool) else 0.0,
            id=edge_id(*names),
            value={
                "id": edge_id(*names),
                **_fields(value, {}, _NOT_IN_EDGE, lambda _key: None),
            },
        )
        known = found.get(edge.id)
        if known is None or edge.at < known.at:
            found[edge.id] = edge
    return sorted(found.values(), key=lambda edge: (edge.at, code_units(edge.id)))


def _has_both_ends(
    edge: _Drawn, raw_nodes: JsonObject, nodes: dict[str, JsonObject], problems: list[Problem]
) -> bool:
    for end in (edge.end("source"), edge.end("target")):
        if end in nodes:
            continue
        deleted = as_object(raw_nodes.get(end)).get("deleted")
        drawn_before = isinstance(deleted, int | float) and is_number(deleted) and edge.at <= deleted
        if not drawn_before:
            problems.append(Problem("edge.dangling", edge_id=edge.id, other=end))
        return False
    return True


def _one_edge_per_port(
    drawn: list[_Drawn], nodes: dict[str, JsonObject], multiple: Multiple, problems: list[Problem]
) -> list[_Drawn]:
    kept: list[_Drawn] = []
    holder: dict[tuple[str, str], str] = {}
    for edge in drawn:
        target, port = edge.end("target"), edge.end("target_port")
        if multiple(str(nodes[target]["type"]), port):
            kept.append(edge)
            continue
        first = holder.setdefault((target, port), edge.id)
        if first == edge.id:
            kept.append(edge)
        else:
            problems.append(Problem("edge.port_taken", edge_id=edge.id, node_id=target, other=first))
    return kept


def _notes(raw: JsonObject, problems: list[Problem]) -> list[Json]:
    notes: list[Json] = []
    for key in sorted(raw, key=code_units):
        value = raw[key]
        note_id = plain_text(key)
        if not isinstance(value, dict) or len(notes) >= MAX_NOTES:
            problems.append(Problem("note.malformed", path=f"notes.{note_id}"))
            continue

        def wrong(name: str, note_id: str = note_id) -> None:
            problems.append(Problem("note.malformed", path=f"notes.{note_id}.{name}"))

        notes.append({"id": note_id, **_fields(value, shapes.NOTE, frozenset({"id"}), wrong)})
    return notes
