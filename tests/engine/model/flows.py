"""Random flows: levels of small nodes, joined by edges and expressions, with containers within containers.

Nodes are made one after another and read only from those before them, so that there are no circles; the
document may hold them in another order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from hypothesis import strategies as st

from tests.engine.model.nodes import ALWAYS, STUCK_S

Choice = TypeVar("Choice")
Draw = Callable[[st.SearchStrategy[Any]], Any]
NodeBody = dict[str, Any]

MERGE_MODES = ("first", "any", "all", "append", "zip", "combine", "by_node")
ENTRY_PORTS = {
    "calc": "many", "act": "many", "once": "many", "merge": "values",
    "loop_for": "items", "map_each": "items", "loop_while": "initial",
}  # fmt: skip
EPOCH = 1_800_000_000
SUB_FLOWS: dict[str, dict[str, Any]] = {
    "sums": {
        "nodes": [
            {"id": "one", "type": "calc", "config": {"base": "{{ flow.inputs.n }}", "turns": 2}},
            {"id": "two", "type": "act", "config": {"reads": ["{{ one.value }}"]}},
        ],
        "edges": [],
        "outputs": [{"name": "n", "value": "{{ two.value }}"}],
    },
    "fails": {"nodes": [{"id": "bad", "type": "calc", "config": {"fails": ALWAYS}}], "edges": []},
}
CALC_PORTS = ("value", "list", "odd")


@dataclass
class Source:
    """Something that later nodes may read: by edges from ``ports``, by expressions from ``names``."""

    id: str
    ports: tuple[str, ...]
    names: tuple[str, ...]


@dataclass
class Place:
    """Where nodes are being put: a level, and what can be read there. ``retries`` are those of the container;
    ``entry`` is the port of it that every node here hangs on (the sections of a ``try_catch``)."""

    parent: str | None = None
    depth: int = 0
    beside: list[Source] = field(default_factory=list)
    outer: list[Source] = field(default_factory=list)
    plain_names: tuple[str, ...] = ()
    retries: int = 0
    is_in_loop: bool = False
    entry: str | None = None
    is_limited: bool = False
    """Whether a time limit around it ends what would never end."""


class Maker:
    """Draws one flow of at most ``room`` nodes, with containers to ``depth``."""

    def __init__(self, draw: Draw, *, room: int, depth: int, limits: bool) -> None:
        self._draw = draw
        self._may_limit = limits
        self.room = room
        self.depth = depth
        self.nodes: list[NodeBody] = []
        self.edges: list[dict[str, str]] = []
        # In bodies that may run in chunks, nothing only the run itself may do, and no limits.
        self.is_mild = False
        # Whether a container has a time limit.
        self.has_limits = False

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

    def level(self, place: Place, most: int, least: int = 1) -> None:
        for _ in range(least + self.number(most - least)):
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
        if place.entry is not None:
            self._enter(node_id, place)

    def _kinds(self, place: Place) -> list[str]:
        kinds = ["calc"] * 5 + ["act"] * 3 + ["once", "switch", "if_else", "if_else", "merge", "merge"]
        if self.is_mild:
            kinds.remove("once")
        kinds *= 2
        if self.depth and not self.is_mild:
            kinds += ["wait", "wait", "sub_flow", *(["stop", "stop"] if place.is_in_loop else ["stop"])]
        if place.depth < self.depth and self.room > 1:
            kinds += ["loop_for", "loop_while", "map_each", "parallel", "try_catch", "try_catch"] * 4
        return kinds

    def add(self, node_id: str, kind: str, place: Place, config: dict[str, Any], *outputs: str) -> Source:
        """Put a node down, with what any node may have: an answer to errors, limits, disabled, pinned."""
        node: NodeBody = {"id": node_id, "type": kind, "config": config}
        if place.parent is not None:
            node["parent"] = place.parent
        ports = outputs
        if self.chance(20):
            node["on_error"] = self.one_of(["continue", "route"])
            ports = (*outputs, "error") if node["on_error"] == "route" else outputs
        if self.chance(4):
            node["disabled"] = True
        elif outputs and self.chance(4):
            node["pinned"] = self.one_of([7, {outputs[0]: 9}, {outputs[-1]: [1, 2]}])
        is_free = not (self.is_mild or place.is_limited)
        if kind in {"calc", "act", "once"} and config["base"] % 9 == 0 and is_free:
            node["concurrency"] = 1 + config["base"] % 2
        self.nodes.append(node)
        return Source(node_id, ports, outputs)

    def _enter(self, node_id: str, place: Place) -> None:
        """Hang a node (or something in its body) on the port of its container that is its section."""
        family = [node for node in self.nodes if node["id"] == node_id or node.get("parent") == node_id]
        for node in reversed(family):
            port = ENTRY_PORTS.get(node["type"], "value")
            is_taken = any(e["target"] == node["id"] and e["target_port"] == port for e in self.edges)
            if port in {"many", "values"} or not is_taken:
                assert place.parent is not None
                assert place.entry is not None
                self.edge(place.parent, place.entry, node["id"], port)
                return

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
        self._misbehave(config, place, self.retry(source.id))
        if kind == "calc" and not config.keys() & {"fails_within", "hangs"} and self.chance(25):
            # What fails at first would succeed at once where another one had succeeded before it.
            self.nodes[-1]["cache"] = config.get("fails", ALWAYS) == ALWAYS
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

    def _misbehave(self, config: dict[str, Any], place: Place, retries: int) -> None:
        """Let the newest node, which is tried again so often, fail or hang, sometimes. Attempts are numbered
        over lost workers: what fails only at first is always tried again, so that it comes to the same."""
        node = self.nodes[-1]
        if self.chance(5):
            config["can_retry"] = False
        is_certain = (
            node["type"] != "once" and "can_retry" not in config and "errors" not in node.get("retry", {})
        )
        times = [ALWAYS, *(range(1, retries + 1) if is_certain else ())]
        if self.chance(12):
            config["fails"] = self.one_of(times)
        if place.retries and self.chance(20):
            config["fails_within"] = self.one_of([ALWAYS, *range(1, place.retries + 1)])
        if self.chance(10):
            config["asks_s"] = self.one_of([0.5, 40])
        if place.is_limited and node["type"] != "once" and self.chance(15):
            config["hangs"] = ALWAYS
            node["timeout_s"] = STUCK_S
        elif self.chance(10):
            config["hangs"] = self.one_of(times)
            node["timeout_s"] = self.one_of([0.01, 1, 5_000])

    def _make_act(self, node_id: str, place: Place) -> Source:
        return self._make_calc(node_id, place, "act")

    def _make_once(self, node_id: str, place: Place) -> Source:
        return self._make_calc(node_id, place, "once")

    def retry(self, node_id: str) -> int:
        """Give the newest node retries, sometimes; how many."""
        if not self.chance(25):
            return 0
        count = 1 + self.number(1)
        self.nodes[-1]["retry"] = {
            "count": count,
            "delay_s": self.one_of([0, 0, 1, 30]),
            "backoff": self.one_of([1, 2, 3]),
            "jitter": self.one_of([0, 0, 0.5]),
        }
        if self.chance(20):
            self.nodes[-1]["retry"]["errors"] = self.one_of(
                [["model.*"], ["node.timeout"], ["model.planned", "node.*"]]
            )
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

    def _make_switch(self, node_id: str, place: Place) -> Source:
        config: dict[str, Any] = {"case_1": self.number(2), "case_2": self.number(2)}
        if name := self.expression(place):
            config["by"] = name.replace(" }}", " % 3 }}")
            if self.chance(30):
                config["case_3"] = name.replace(" }}", " > 20 }}")
        source = self.add(node_id, "switch", place, config, "case_1", "case_2", "case_3", "default")
        if self.chance(90):
            self.wire(place, node_id, "value")
        return source

    def _make_stop(self, node_id: str, place: Place) -> Source:
        config: dict[str, Any] = {"what": "run"}
        if place.is_in_loop or self.chance(20):
            config["what"] = self.one_of(["iteration", "loop"] if self.chance(80) else ["run"])
        if self.chance(15):
            config["ends_with"] = "error"
        elif self.chance(50):
            config["value"] = self.number(9)
        source = self.add(node_id, "stop", place, config)
        if self.chance(85):
            self.wire(place, node_id, "value")
        return source

    def _make_wait(self, node_id: str, place: Place) -> Source:
        mode = self.one_of(["until", "signal", "approval"])
        config: dict[str, Any] = {"mode": mode}
        if mode == "until":
            config["until"] = EPOCH + 100 * self.number(9)
        source = self.add(node_id, "wait", place, config, "value", "payload", "approved", "rejected")
        self.wire(place, node_id, "value")
        return source

    def _make_sub_flow(self, node_id: str, place: Place) -> Source:
        config: dict[str, Any] = {"flow": self.one_of(list(SUB_FLOWS))}
        if name := self.expression(place):
            config["inputs"] = {"n": name}
        source = self.add(node_id, "sub_flow", place, config, "outputs")
        self.retry(node_id)
        if self.chance(30):
            self.wire(place, node_id, "value")
        return source

    # Containers

    def limit(self, container_id: str) -> None:
        """Give the newest node, a container, a time limit, sometimes."""
        node = self.nodes_by_id(container_id)
        is_fit = self._may_limit and not self.is_mild and not node["config"].get("chunk_size")
        if is_fit and self.chance(20):
            node["timeout_s"] = self.one_of([1, 50, 3_000])
            self.has_limits = True

    def _inside(self, container: Source, place: Place, gives: tuple[str, ...], *, retries: int) -> Place:
        return Place(
            parent=container.id,
            depth=place.depth + 1,
            outer=[Source(container.id, gives, gives), *place.beside, *place.outer],
            plain_names=("item", "index") if "item" in gives else place.plain_names,
            retries=retries,
            is_in_loop=place.is_in_loop or "item" in gives,
            is_limited=(place.is_limited or "timeout_s" in self.nodes_by_id(container.id))
            and not self.is_mild,
        )

    def _fill(self, inner: Place, most: int) -> None:
        """Nodes of a body, and sometimes what its result is."""
        self.level(inner, most)
        assert inner.parent is not None
        sources = [source for source in inner.beside if source.ports]
        if sources and self.chance(50):
            for _ in range(1 + self.number(1)):
                source = self.one_of(sources)
                self.edge(source.id, self.one_of(source.ports), inner.parent, "result")

    def _items(self, node_id: str, place: Place, config: dict[str, Any]) -> None:
        """A list, a number of rounds, or what another node gives."""
        lists = [source for source in self.readable(place) if "list" in source.ports]
        if lists and self.chance(40):
            source = self.one_of(lists)
            if self.chance(50):
                self.edge(source.id, "list", node_id, "items")
            else:
                config["items"] = "{{ " + source.id + ".list }}"
        if "items" not in config:
            config["items"] = [self.number(9) for _ in range(self.number(4))] if self.chance(70) else 3

    def _make_loop_for(self, node_id: str, place: Place) -> Source:
        config: dict[str, Any] = {}
        source = self.add(node_id, "loop_for", place, config, "results", "last", "count")
        retries = self.retry(node_id)
        self.limit(node_id)
        self._items(node_id, place, config)
        inner = self._inside(source, place, ("item", "index", "previous"), retries=retries)
        self._fill(inner, 4)
        self._body_fields(inner, config)
        return source

    def _body_fields(self, inner: Place, config: dict[str, Any]) -> None:
        own = Place(beside=inner.beside, plain_names=inner.plain_names)
        if self.chance(20) and (name := self.expression(own)):
            config["result"] = name
        if self.nodes_by_id(inner.parent)["type"] == "loop_for" and self.chance(30):
            name = self.expression(own) or "{{ index }}"
            config["break_when"] = name.replace(" }}", f" > {self.number(60)} }}}}")

    def nodes_by_id(self, node_id: str | None) -> NodeBody:
        return next(node for node in self.nodes if node["id"] == node_id)

    def _make_loop_while(self, node_id: str, place: Place) -> Source:
        condition = self.one_of(["index < 2", "index < 3 && item !== 5", "true", "(item ?? 0) < 50"])
        config: dict[str, Any] = {
            "condition": "{{ " + condition + " }}",
            "max_iterations": 1 + self.number(2),
            "on_limit": self.one_of(["stop", "fail"]),
            "check": self.one_of(["before", "after"]),
        }
        source = self.add(node_id, "loop_while", place, config, "value", "count")
        retries = self.retry(node_id)
        self.limit(node_id)
        if self.chance(60):
            self.wire(place, node_id, "initial")
        inner = self._inside(source, place, ("item", "index"), retries=retries)
        self._fill(inner, 3)
        self._body_fields(inner, config)
        return source

    def _make_map_each(self, node_id: str, place: Place) -> Source:
        config: dict[str, Any] = {
            "parallelism": 1 + self.number(2),
            "on_item_error": self.one_of(["fail", "collect", "skip"]),
            "chunk_size": self.one_of([0, 1, 2, 3]),
        }
        source = self.add(node_id, "map_each", place, config, "results", "errors", "count")
        retries = self.retry(node_id)
        self.limit(node_id)
        self._items(node_id, place, config)
        was_mild, self.is_mild = self.is_mild, self.is_mild or config["chunk_size"] > 0
        inner = self._inside(source, place, ("item", "index"), retries=retries)
        self._fill(inner, 4)
        self.is_mild = was_mild
        self._body_fields(inner, config)
        return source

    def _make_parallel(self, node_id: str, place: Place) -> Source:
        config: dict[str, Any] = {"wait_for": self.one_of(["all", "all", "first", "some"])}
        if config["wait_for"] == "some":
            config["needed"] = 1 + self.number(1)
        if self.chance(30):
            config["limit"] = 1 + self.number(1)
        source = self.add(node_id, "parallel", place, config, "results", "first")
        retries = self.retry(node_id)
        self.limit(node_id)
        if self.chance(60):
            self.wire(place, node_id, "value")
        inner = self._inside(source, place, ("value",), retries=retries)
        for _ in range(1 + self.number(2)):
            lane = replace(inner, beside=[])
            self.level(lane, 2)
            ports = [each for each in lane.beside if each.ports]
            if ports and self.chance(30):
                chosen = self.one_of(ports)
                self.edge(chosen.id, self.one_of(chosen.ports), node_id, "result")
        return source

    def _make_try_catch(self, node_id: str, place: Place) -> Source:
        config: dict[str, Any] = {}
        source = self.add(node_id, "try_catch", place, config, "result", "caught")
        retries = self.retry(node_id)
        self.limit(node_id)
        if self.chance(60):
            self.wire(place, node_id, "value")
        tried = self._inside(source, place, ("try",), retries=retries)
        self._fill(tried, 4)
        for section in ("catch", "finally"):
            if self.chance(70):
                inner = self._inside(source, place, (section,), retries=retries)
                inner.entry = section
                if self.chance(30):
                    inner.outer += tried.beside
                self._fill(inner, 2)
        if self.chance(15) and (name := self.expression(Place(beside=tried.beside))):
            config["result"] = name
        return source


@st.composite
def flows(draw: Draw, *, room: int = 24, depth: int = 4, limits: bool = True) -> dict[str, Any]:
    """A flow that compiles, of at most ``room`` nodes; with ``limits``, flows and containers may have a time
    limit, with nodes in them that never end."""
    maker = Maker(draw, room=room, depth=depth, limits=limits)
    is_limited = limits and maker.chance(12)
    settings: dict[str, Any] = {"timeout_s": maker.one_of([20, 100_000])} if is_limited else {}
    maker.level(Place(is_limited=bool(settings)), room, 1 + maker.number(room // 2))
    nodes = maker.nodes[::-1] if maker.chance(30) else maker.nodes
    flow: dict[str, Any] = {"nodes": nodes, "edges": maker.edges, "settings": settings}
    if maker.chance(15):
        flow["settings"]["on_error"] = "continue"
    # Waiting for a place takes as long as others please: no time limit could be foreseen.
    if not maker.has_limits and not settings and maker.chance(30):
        flow["settings"]["concurrency"] = 1 + maker.number(3)
    return flow
