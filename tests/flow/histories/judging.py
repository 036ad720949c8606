"""What must be true at the end of every history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sage_studio.flow.document import FlowDocument
from tests.flow.histories.browsers import Browsers, Ports
from tests.flow.histories.playing import play
from tests.flow.histories.script import History

Flow = Mapping[str, Any]


def judge(history: History, browsers: Browsers) -> list[str]:
    """Play it: everybody has one document and one flow, and that flow can be run. Returns the codes of the
    problems that were left out of it."""
    ends = play(history, browsers)
    first = ends[0]
    for number, end in enumerate(ends):
        who = f"{history.people[number]} {number}"
        assert not end["pending"], f"{who} still waits for changes"
        assert end["clocks"] == first["clocks"], f"{who} has heard of other changes"
        assert end["raw"] == first["raw"], f"{who} has another document"
        assert end["flow"] == first["flow"], f"{who} sees another flow in the same document"
        assert end["shown"] == end["flow"], f"the screen of {who} shows another flow than its document"
    check_flow(first["flow"]["document"], browsers.ports)
    return [problem["code"] for problem in first["flow"]["problems"]]


def check_flow(flow: Flow, ports: Ports) -> None:
    """The rules of a flow, said once more in the plainest way."""
    FlowDocument.model_validate(flow)
    nodes = {node["id"]: node for node in flow["nodes"]}
    taken: set[tuple[str, str]] = set()
    for node in nodes.values():
        assert node.get("parent", node["id"]) in nodes, "a parent that is not there"
    for edge in flow["edges"]:
        assert edge["source"] in nodes, "an edge from nowhere"
        assert edge["target"] in nodes, "an edge to nowhere"
        place = (edge["target"], edge["target_port"])
        single = not ports[nodes[edge["target"]]["type"]].get(edge["target_port"], False)
        assert not (single and place in taken), "two edges on a port that takes one"
        taken.add(place)
    parents = [(key, node["parent"]) for key, node in nodes.items() if node.get("parent")]
    assert not _has_ring(parents), "containers inside each other"
    around = {key: _around(key, nodes) for key in nodes}
    assert not _has_ring([arc for edge in flow["edges"] for arc in _orders(edge, around)]), "a cycle"


def _around(key: str, nodes: Mapping[str, Flow]) -> list[str | None]:
    """The node itself, then its containers outwards, then the canvas."""
    found: list[str | None] = [key]
    while (key := nodes[key].get("parent", "")) and len(found) <= len(nodes):
        found.append(key)
    return [*found, None]


def _orders(edge: Flow, around: Mapping[str, Sequence[str | None]]) -> list[tuple[str, str]]:
    """What an edge puts in order on the innermost level both its ends stand on; between a container and
    what is inside it: nothing."""
    source, target = around[edge["source"]], around[edge["target"]]
    if edge["source"] != edge["target"] and (edge["source"] in target or edge["target"] in source):
        return []
    for at, level in enumerate(source[1:]):
        if level in target[1:]:
            return [(str(source[at]), str(target[target.index(level) - 1]))]
    return []


def _has_ring(arcs: Sequence[tuple[str, str]]) -> bool:
    """By taking away, again and again, whatever nothing leads to."""
    left = list(arcs)
    while left:
        targets = {target for _, target in left}
        kept = [arc for arc in left if arc[0] in targets]
        if len(kept) == len(left):
            return True
        left = kept
    return False
