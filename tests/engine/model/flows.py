"""Random flows: levels of small nodes, joined by edges and expressions, with containers within containers.

Nodes are made one after another and read only from those before them, so that there are no circles; the
document may hold them in another order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from hypothesis import strategies as st

from tests.engine.model.nodes import ALWAYS

Choice = TypeVar("Choice")
Draw = Callable[[st.SearchStrategy[Any]], Any]
NodeBody = dict[str, Any]

MERGE_MODES = ("first", "any", "all", "append", "zip", "combine", "by_node")
CALC_PORTS = ("value", "list", "odd")


@dataclass
class Source:
    """Something that later nodes may read: by edges from ``ports``, by expressions from ``names``."""

    id: str
    ports: tuple[str, ...]
    names: tuple[str, ...]


@dataclass
class Place:
    """Where nodes are being put: a level, and what can be read there."""

    parent: str | None = None
    depth: int = 0
    beside: list[Source] = field(default_factory=list)
    outer: list[Source] = field(default_factory=list)
    plain_names: tuple[str, ...] = ()
    retries: int = 0
    is_in_loop: bool = False


class Maker:
    """Draws one flow of at most ``room`` nodes, with containers to ``depth``."""

    def __init__(self, draw: Draw, *, room: int, depth: int) -> None:
        self._draw = draw
        self.room = room
        self.depth = depth
        self.nodes: list[NodeBody] = []
        self.edges: list[dict[str, str]] = []

    # Small draws

    def number(self, most: int) -> int:
        return int(self._draw(st.integers(0, most)))

    def chance(self, percent: int) -> bool:
        """True in so many of a hundred cases; False is the simpler case."""
        return self.number(99) >= 100 - percent

    def one_of(self, options: Sequence[Choice]) -> Choice:
        chosen: Choice = self._draw(st.sampled_from(options))
        return chosen

    # Levels

    def level(self, place: Place, most: int) -> None:
        for _ in range(1 + self.number(most - 1)):
            if self.room <= 0:
                return
            self.node(place)

    def node(self, place: Place) -> None:
        self.room -= 1
        kind = self.one_of(self._kinds(place))
        make: Callable[[str, Place], Source] = getattr(self, f"_make_{kind}")
        node_id = f"{kind[:2]}{len(self.nodes)}"
        source = make(node_id, place)
        place.beside.append(source)

    def _kinds(self, place: Place) -> list[str]:
        return ["calc"] * 5 + ["act"] * 3 + ["once"] + ["if_else"] * 2 + ["merge"] * 2

    def add(self, node_id: str, kind: str, place: Place, config: dict[str, Any], *outputs: str) -> Source:
        """Put a node down, with what any node may have: retries, an answer to errors, disabled, pinned."""
        node: NodeBody = {"id": node_id, "type": kind, "config": config}
        if place.parent is not None:
            node["parent"] = place.parent
        ports = outputs
        if self.chance(20):
            node["on_error"] = self.one_of(["continue", "route"])
            ports = (*outputs, "error") if node["on_error"] == "route" else outputs
        if self.chance(4):
            node["disabled"] = True
        elif self.chance(4):
            node["pinned"] = self.one_of([7, {outputs[0]: 9}, {outputs[-1]: [1, 2]}])
        self.nodes.append(node)
        return Source(node_id, ports, outputs)

    # Reading

    def readable(self, place: Place) -> list[Source]:
        return [*place.beside, *place.beside, *place.outer]

    def expression(self, place: Place) -> str | None:
        """The name of something that can be read here."""
        names = [f"{s.id}.{name}" for s in self.readable(place) for name in s.names] + list(place.plain_names)
        return "{{ " + self.one_of(names) + " }}" if names else None

    def reads(self, place: Place) -> Any:
        found = [self.expression(place) for _ in range(self.number(2))]
        return [text for text in found if text] or None

    def wire(self, place: Place, target: str, port: str) -> None:
        """An edge from something that can be read here to a port."""
        sources = [source for source in self.readable(place) if source.ports]
        if sources:
            source = self.one_of(sources)
            self.edge(source.id, self.one_of(source.ports), target, port)

    def edge(self, source: str, source_port: str, target: str, target_port: str) -> None:
        edge = {
            "source": source, "source_port": source_port, "target": target, "target_port": target_port,
        }  # fmt: skip
        if edge not in self.edges:
            self.edges.append(edge)

    # Nodes without a body

    def _make_calc(self, node_id: str, place: Place, kind: str = "calc") -> Source:
        config: dict[str, Any] = {"base": self.number(40), "turns": self.number(3)}
        if reads := self.reads(place):
            config["reads"] = reads
        source = self.add(node_id, kind, place, config, *CALC_PORTS)
        retries = self.retry(source.id)
        if self.chance(12):
            config["fails"] = self.one_of([ALWAYS, *range(1, retries + 1)])
        if place.retries and self.chance(20):
            config["fails_within"] = self.one_of([ALWAYS, *range(1, place.retries + 1)])
        if self.chance(5):
            config["can_retry"] = False
        for port in ("a", "b"):
            if self.chance(45):
                self.wire(place, node_id, port)
        if self.chance(15):
            self.wire(place, node_id, "needed")
        if self.chance(10):
            self.wire(place, node_id, "base")
        for _ in range(self.number(3) if self.chance(20) else 0):
            self.wire(place, node_id, "many")
        return source

    def _make_act(self, node_id: str, place: Place) -> Source:
        return self._make_calc(node_id, place, "act")

    def _make_once(self, node_id: str, place: Place) -> Source:
        return self._make_calc(node_id, place, "once")

    def retry(self, node_id: str) -> int:
        """Give the newest node retries, sometimes; how many."""
        if not self.chance(25):
            return 0
        count = 1 + self.number(1)
        self.nodes[-1]["retry"] = {"count": count, "delay_s": 0, "jitter": 0}
        return count

    def _make_if_else(self, node_id: str, place: Place) -> Source:
        config: dict[str, Any] = {}
        name = self.expression(place)
        if name is not None and self.chance(40):
            config["condition"] = name.replace(" }}", f" {self.one_of(['>', '<'])} {self.number(60)} }}}}")
        source = self.add(node_id, "if_else", place, config, "true", "false")
        if self.chance(90):
            self.wire(place, node_id, "value")
        return source

    def _make_merge(self, node_id: str, place: Place) -> Source:
        config = {"mode": self.one_of(MERGE_MODES)}
        source = self.add(node_id, "merge", place, config, "value", "count")
        before = len(self.edges)
        for _ in range(1 + self.number(3)):
            self.wire(place, node_id, "values")
        if len(self.edges) == before:
            # Nothing to merge here yet: an empty merge is a fault of the flow.
            self.nodes[-1].update(type="calc", config={"base": 1})
            return Source(node_id, CALC_PORTS, CALC_PORTS)
        return source


@st.composite
def flows(draw: Draw, *, room: int = 16, depth: int = 4) -> dict[str, Any]:
    """A flow that compiles, of at most ``room`` nodes."""
    maker = Maker(draw, room=room, depth=depth)
    maker.level(Place(), room)
    nodes = maker.nodes[::-1] if maker.chance(30) else maker.nodes
    flow: dict[str, Any] = {"nodes": nodes, "edges": maker.edges, "settings": {}}
    if maker.chance(15):
        flow["settings"]["on_error"] = "continue"
    if maker.chance(30):
        flow["settings"]["concurrency"] = 1 + maker.number(3)
    return flow
