"""The projection against the vectors it shares with the browser, and against any JSON at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from sage_studio.flow.document import FlowDocument
from sage_studio.flow.projection import project

VECTORS = sorted((Path(__file__).parent.parent / "golden" / "projection").glob("*.json"))


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_every_replica_projects_the_shared_vectors_alike(path: Path) -> None:
    vector = json.loads(path.read_text())

    result = project(vector["input"], lambda kind, port: vector["specs"].get(kind, {}).get(port, True))

    assert result.document == vector["expected"]["document"]
    assert [problem.facts() for problem in result.problems] == vector["expected"]["problems"]


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_every_problem_says_what_happened_and_what_to_do_in_both_languages(path: Path) -> None:
    for problem in project(json.loads(path.read_text())["input"]).problems:
        texts = [str(text) for text in (*problem.message().values(), *problem.hint().values())]
        assert all(text and "{" not in text for text in texts)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda children: (
        st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=8), children, max_size=4)
    ),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    ["type", "version", "name", "config", "pos", "size", "parent", "disabled", "deleted", "retry",
     "timeout_s", "on_error", "cache", "pinned", "notes", "texts", "source", "source_port", "target",
     "target_port", "at", "by", "id", "text", "color", "settings", "inputs", "outputs", "variables",
     "description", "schema", "schema_", "mode", "count", "model_config"]
)  # fmt: skip
NAMES = st.sampled_from(["a", "b", "c", "items", "document"])
THING = st.dictionaries(FIELDS, NAMES | JSON | st.dictionaries(FIELDS, JSON, max_size=3), max_size=8)
LIVE = st.fixed_dictionaries(
    {"meta": THING | JSON, "nodes": st.dictionaries(NAMES, THING) | JSON,
     "edges": st.dictionaries(NAMES, THING) | JSON, "notes": st.dictionaries(NAMES, THING) | JSON}
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(raw=LIVE | JSON)
def test_whatever_the_document_holds_the_projection_is_a_flow_that_parses(raw: Any) -> None:
    first = project(raw, lambda _kind, _port: False)

    FlowDocument.model_validate(first.document)
    assert project(raw, lambda _kind, _port: False) == first


EDGES = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef"), st.integers(0, 3)), max_size=25
)


@given(edges=EDGES)
def test_the_projected_graph_never_has_a_cycle_and_loses_no_edge_it_could_keep(
    edges: list[tuple[str, str, int]],
) -> None:
    raw: dict[str, Any] = {
        "nodes": {name: {"type": "merge"} for name in "abcdef"},
        "edges": {
            str(index): {"source": a, "source_port": str(index), "target": b, "target_port": "i", "at": at}
            for index, (a, b, at) in enumerate(edges)
        },
    }

    result = project(raw)

    kept = [(edge["source"], edge["target"]) for edge in _edges(result.document)]
    assert not _reaches_itself(kept)
    for problem in result.problems:
        source, target = (
            problem.edge_id.split(">")[0].split(":")[0],
            problem.edge_id.split(">")[1].split(":")[0],
        )
        assert _reaches_itself([*kept, (source, target)])


def _edges(document: Any) -> list[dict[str, str]]:
    edges: list[dict[str, str]] = document["edges"]
    return edges


def _reaches_itself(arcs: list[tuple[str, str]]) -> bool:
    reach = {(a, b) for a, b in arcs}
    while True:
        wider = reach | {(a, d) for a, b in reach for c, d in reach if b == c}
        if wider == reach:
            return any(a == b for a, b in reach)
        reach = wider


def test_two_thousand_nodes_in_one_ring_lose_one_edge_quickly() -> None:
    names = [f"n{index}" for index in range(2000)]
    raw: dict[str, Any] = {
        "nodes": {name: {"type": "merge"} for name in names},
        "edges": {
            str(index): {
                "source": name, "source_port": "o", "target": names[(index + 1) % 2000],
                "target_port": "i", "at": 2000 - index,
            }
            for index, name in enumerate(names)
        },
    }  # fmt: skip

    result = project(raw)

    assert [problem.edge_id for problem in result.problems] == ["n0:o>n1:i"]
    assert len(_edges(result.document)) == 1999
