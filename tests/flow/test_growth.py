"""From a hundred nodes to ten thousand: reading, checking and planning a flow grow with it, no faster."""

from __future__ import annotations

import gc
import json
from contextlib import suppress
from typing import Any

import pytest

from sage_studio.engine import compile_flow
from sage_studio.expressions import compile_template
from sage_studio.expressions.handing import compile_handing_over
from sage_studio.flow import parse, validate
from sage_studio.kernel import collector_paused
from sage_studio.plugins.registry import builtin_registry
from tests.counting import calls_made

SMALL, BIG = 100, 10_000
# Python functions called per node: what has been reached, with room for a little.
MOST_CALLS = {"parse": 20, "validate": 90, "plan": 90}


def chain(nodes: int) -> str:
    """Mapping nodes one after another, each reading the one before by a connection and by name."""
    made: list[dict[str, Any]] = [{"id": "map_0", "type": "data_map", "config": {"fields": {}}}]
    for i in range(1, nodes):
        fields = {"text": "{{ item.text }}", "n": f"{{{{ map_{i - 1}.items.length }}}}"}
        made.append({"id": f"map_{i}", "type": "data_map", "config": {"fields": fields}})
    edges = [
        {"source": f"map_{i - 1}", "source_port": "items", "target": f"map_{i}", "target_port": "items"}
        for i in range(1, nodes)
    ]
    return json.dumps({"schema": "sage-studio/flow@1", "nodes": made, "edges": edges})


def calls(nodes: int) -> dict[str, int]:
    text = chain(nodes)
    compile_template.cache_clear()
    compile_handing_over.cache_clear()
    document = parse(text)
    types = builtin_registry()
    return {
        "parse": calls_made(lambda: parse(text)),
        "validate": calls_made(lambda: validate(document, types)),
        "plan": calls_made(lambda: compile_flow(document, types)),
    }


@pytest.mark.timeout(400)
def test_the_work_on_a_flow_grows_with_its_nodes() -> None:
    calls(SMALL)  # what is kept per type is made now
    small, big = calls(SMALL), calls(BIG)
    for step, count in big.items():
        per_node = count / BIG, small[step] / SMALL
        assert per_node[0] <= per_node[1] * 1.2, (
            f"{step}: {per_node[0]:.0f} calls per node, not {per_node[1]:.0f}"
        )
        assert small[step] / SMALL <= MOST_CALLS[step], step


def test_the_collector_does_not_go_over_a_flow_again_and_again() -> None:
    text, types, looked = chain(2_000), builtin_registry(), []

    def note(phase: str, _facts: dict[str, int]) -> None:
        looked.append(phase)

    gc.collect()
    gc.callbacks.append(note)
    try:
        document = parse(text)
        validate(document, types)
        compile_flow(document, types)
    finally:
        gc.callbacks.remove(note)

    # Between the three steps it may look once.
    assert looked.count("start") <= 3
    assert gc.isenabled()


def test_pauses_of_the_collector_nest_and_end_with_an_error() -> None:
    with collector_paused(), suppress(ValueError), collector_paused():
        assert not gc.isenabled()
        raise ValueError
    assert gc.isenabled()
