"""Nodes whose promises to the optimiser are kept, and random flows of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, ClassVar

from hypothesis import strategies as st

from sage_studio.plugins.registry import builtin_registry
from sage_studio.sdk import Context, Field, Node, NodeError, NodeOutput, NodeSpec, Port, text

EXECUTIONS: ContextVar[list[tuple[str, str]]] = ContextVar("executions")


def _port(name: str, **more: Any) -> Port:
    return Port(name=name, label=text(name, name), **more)


def _spec(type_id: str, **more: Any) -> NodeSpec:
    words = text(type_id, type_id)
    more.setdefault("inputs", (_port("a"), _port("after", use="expressions")))
    more.setdefault("outputs", (_port("value"),))
    fields = (
        Field(name="reads", type="any", label=words),
        Field(name="turns", type="integer", label=words, default=0, expression="never"),
        Field(name="fails", type="boolean", label=words, default=False, expression="never"),
    )
    return NodeSpec(
        id=type_id, name=words, description=words, category="utility", icon="dot", config=fields, **more
    )


class Calc(Node):
    """Deterministic, without effects; always gives its port."""

    spec: ClassVar = _spec("t_calc", deterministic=True, gives_all=True)

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        EXECUTIONS.get().append((ctx.node_id, ctx.iteration_path))
        for _ in range(ctx.config["turns"]):
            await asyncio.sleep(0)
        if ctx.config["fails"]:
            raise NodeError.plain(f"{ctx.node_id} fails as planned")
        return {"value": [self.spec.id, inputs.get("a"), ctx.config["reads"]]}


class Free(Calc):
    """Without effects, but nobody may assume that it does the same twice."""

    spec: ClassVar = _spec("t_free", gives_all=True)


class Act(Calc):
    """With an effect outside."""

    spec: ClassVar = _spec("t_act", effect="idempotent", gives_all=True)


class Maybe(Calc):
    """Leaves its port out when it is given nothing to read."""

    spec: ClassVar = _spec("t_maybe", deterministic=True)

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        given = await super().run(ctx, inputs)
        return given if ctx.config["reads"] else {}


class Needy(Calc):
    """Requires its input."""

    spec: ClassVar = _spec(
        "t_needy",
        deterministic=True,
        gives_all=True,
        inputs=(_port("a", required=True), _port("after", use="expressions")),
    )


class Many(Calc):
    """Takes any number of edges and shows whom they are from."""

    spec: ClassVar = _spec(
        "t_many",
        deterministic=True,
        gives_all=True,
        inputs=(_port("a", multiple=True), _port("after", use="expressions", multiple=True)),
    )


OWN = (Calc, Free, Act, Maybe, Needy, Many)
EFFECTS = {"t_act"}


class Library:
    """The built-in nodes and those above."""

    def get(self, type_id: str, version: str | None = None) -> type[Node] | None:
        return next((node for node in OWN if node.spec.id == type_id), builtin_registry().get(type_id))


LIBRARY = Library()
Draw = Callable[[st.SearchStrategy[Any]], Any]


@st.composite
def flows(draw: Draw) -> dict[str, Any]:
    """Levels of nodes joined by edges and expressions, with loops; documents are in order of reading."""
    nodes: list[dict[str, Any]] = []
    edges: list[dict[str, Any]] = []
    _fill(draw, nodes, edges, parent=None, outer=[], depth=0)
    settings: dict[str, Any] = {}
    if draw(st.integers(0, 5)) == 0:
        settings["on_error"] = "continue"
    if draw(st.integers(0, 4)) == 0:
        settings["concurrency"] = draw(st.integers(1, 3))
    body: dict[str, Any] = {"nodes": nodes, "edges": edges, "settings": settings}
    top = [node["id"] for node in nodes if "parent" not in node]
    if draw(st.booleans()):
        body["outputs"] = [{"name": "out", "value": "{{ " + draw(st.sampled_from(top)) + " }}"}]
    return body


def _fill(
    draw: Draw,
    nodes: list[dict[str, Any]],
    edges: list[dict[str, Any]],
    *,
    parent: str | None,
    outer: list[str],
    depth: int,
) -> None:
    beside: list[str] = []
    for _ in range(draw(st.integers(1, 4 if depth else 9))):
        node_id = f"n{len(nodes)}"
        if beside and draw(st.integers(0, 3)) == 0 and _twin(draw, node_id, beside, nodes, edges):
            beside.append(node_id)
            continue
        is_loop = depth < 2 and draw(st.integers(0, 5)) == 0
        node = _loop(draw, node_id) if is_loop else _leaf(draw, node_id, beside + outer, in_loop=depth > 0)
        if parent is not None:
            node["parent"] = parent
        nodes.append(node)
        _wire(draw, node, beside, outer if depth else [], edges)
        if is_loop:
            _fill(draw, nodes, edges, parent=node_id, outer=beside + outer, depth=depth + 1)
        beside.append(node_id)


def _twin(
    draw: Draw, node_id: str, beside: list[str], nodes: list[dict[str, Any]], edges: list[dict[str, Any]]
) -> bool:
    """A copy of a node beside this one, with its settings and connections."""
    other = draw(st.sampled_from(beside))
    model = next(node for node in nodes if node["id"] == other)
    if model["type"] in {"loop_for", "map_each"}:
        return False
    nodes.append({**model, "id": node_id})
    edges.extend({**edge, "target": node_id} for edge in list(edges) if edge["target"] == other)
    return True


def _loop(draw: Draw, node_id: str) -> dict[str, Any]:
    kind = draw(st.sampled_from(["loop_for", "map_each"]))
    items = draw(st.sampled_from([[], [1], [1, 2, 3], ["x", "x"]]))
    return {"id": node_id, "type": kind, "config": {"items": items}}


def _leaf(draw: Draw, node_id: str, known: list[str], *, in_loop: bool) -> dict[str, Any]:
    kind = draw(st.sampled_from([node.spec.id for node in OWN] + ["t_calc"] * 3))
    node: dict[str, Any] = {"id": node_id, "type": kind, "config": {"turns": draw(st.integers(0, 3))}}
    texts = ["1", "{{ 2 }}", None]
    texts += ["{{ " + name + " }}" for name in known]
    texts += ["{{ inputs.after }}", "{{ inputs }}", "{{ inputs.a }}"]
    texts += ["{{ item }}", "{{ index }}"] if in_loop else []
    node["config"]["reads"] = draw(st.sampled_from(texts))
    odd = draw(st.integers(0, 19))
    if odd == 0:
        node["config"]["fails"] = True
    elif odd == 1:
        node["disabled"] = True
    elif odd == 2:
        node["pinned"] = {"value": "pinned"}
    node["on_error"] = draw(st.sampled_from(["fail"] * 4 + ["continue", "route"]))
    return node


def _wire(
    draw: Draw, node: dict[str, Any], beside: list[str], outer: list[str], edges: list[dict[str, Any]]
) -> None:
    if node["type"] in {"loop_for", "map_each"}:
        return
    for port in ("a", "after"):
        for _ in range(draw(st.integers(0, 2)) if node["type"] == "t_many" else draw(st.integers(0, 1))):
            choices = beside[-4:] or outer
            if choices:
                source = draw(st.sampled_from(choices))
                port_of = "value"
                edges.append(
                    {"source": source, "source_port": port_of, "target": node["id"], "target_port": port}
                )
