"""Flows and values made up by Hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from sage_studio.flow import FlowDocument, edge_id, parse

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-100, 100) | st.floats(-10, 10) | TEXTS,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(TEXTS, children, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from(["prompt", "model", "top_k", "size"])
IDS = st.sampled_from(["a", "b", "c", "d"])
RETRY = st.none() | st.fixed_dictionaries({}, optional={"count": st.integers(0, 20), "delay_s": st.just(0.5)})


@st.composite
def nodes(draw: st.DrawFn, node_id: str, others: list[str]) -> dict[str, Any]:
    node: dict[str, Any] = {"id": node_id, "type": draw(st.sampled_from(["llm", "merge"]))}
    optional: dict[str, st.SearchStrategy[Any]] = {
        "name": TEXTS,
        "config": st.dictionaries(KEYS, VALUES, max_size=3),
        "pos": st.tuples(st.integers(-5, 5), st.floats(-5, 5)).map(list),
        "size": st.none() | st.just([100, 50.5]),
        "disabled": st.booleans(),
        "retry": RETRY,
        "timeout_s": st.none() | st.just(30) | st.just(1.5),
        "on_error": st.sampled_from(["fail", "continue"]),
        "pinned": VALUES,
        "parent": st.none() | st.sampled_from([None, *(other for other in others if other > node_id)]),
        "extra": VALUES,
    }
    for key, strategy in optional.items():
        if draw(st.booleans()):
            node[key] = draw(strategy)
    return node


@st.composite
def flows(draw: st.DrawFn) -> FlowDocument:
    """A small flow; any two share ids, so that their difference is of every kind."""
    ids = sorted(draw(st.sets(IDS)))
    ports = st.sampled_from(["o", "p"])
    edges = []
    for source, port, target in draw(st.sets(st.tuples(IDS, ports, IDS), max_size=5)):
        if source in ids and target in ids:
            edge = {"source": source, "source_port": port, "target": target, "target_port": "i"}
            edges.append(edge | draw(st.sampled_from([{}, {"label": "x"}, {"label": "y"}])))
    body: dict[str, Any] = {
        "schema": "sage-studio/flow@1",
        "nodes": [draw(nodes(node_id, ids)) for node_id in ids],
        "edges": edges,
        "name": draw(TEXTS),
        "settings": draw(
            st.fixed_dictionaries({}, optional={"timeout_s": st.just(60), "mode": st.just("batch")})
        ),
        "variables": draw(st.dictionaries(KEYS, VALUES, max_size=2)),
        "notes": [
            {"id": key, "text": draw(TEXTS)} for key in sorted(draw(st.sets(st.sampled_from(["n1", "n2"]))))
        ],
    }
    if draw(st.booleans()):
        body["inputs"] = [{"name": "q", "type": "string"}]
    return parse(body)


__all__ = ["TEXTS", "VALUES", "edge_id", "flows"]
