"""What reading, checking and hashing a big flow costs, and what one expression costs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from sage_studio.engine import compile_flow
from sage_studio.expressions import compile_template
from sage_studio.flow import diff, hashes, parse, validate
from sage_studio.plugins.registry import builtin_registry
from tests.benchmarks.harness import Measurement, calibrate, collector_as_served

ROUNDS = 5


SCOPE: dict[str, Any] = {
    "retriever_a1": {"documents": [{"text": f"passage {i}", "score": i / 50} for i in range(50)]},
    "inputs": {"question": "Why?"},
}
# (what, expression, target in µs, what others take)
EXPRESSIONS = (
    ("path", "{{ retriever_a1.documents[0].text }}", 5, "quickjs-ng 94, jinja2 15"),
    ("text with two paths", "Q: {{ inputs.question }} {{ retriever_a1.documents.length }}", 10, ""),
    ("conditional", "{{ retriever_a1.documents.length > 10 ? 'many' : 'few' }}", 8, "monty 473"),
    (
        "filter and map over 50",
        "{{ retriever_a1.documents.filter(d => d.score > 0.4).map(d => d.text) }}",
        110,
        "quickjs-ng 107",
    ),
)


def measure(*, short: bool) -> list[Measurement]:
    rounds = 200 if short else 5_000
    found = [
        _expression(what, source, rounds, target, compare) for what, source, target, compare in EXPRESSIONS
    ]
    with collector_as_served():
        return found + _documents(1_000 if short else 9_999)


def _expression(what: str, source: str, rounds: int, target: float, compare: str) -> Measurement:
    template = compile_template(source)
    step_us = calibrate()
    began = time.thread_time()
    for _ in range(rounds):
        template.evaluate(SCOPE)
    value = (time.thread_time() - began) / rounds * 1e6
    return Measurement(f"expression, {what}", value, "µs", target, compare=compare, step_us=step_us)


def _documents(nodes: int) -> list[Measurement]:
    small = _best_made_ready(100)  # also makes what is kept per type, as a server has it
    share = nodes / 10_000
    step_us = calibrate()
    parsed_ms, checked_ms, planned_ms = _best_made_ready(nodes)
    text = json.dumps(_chain(nodes))
    document, other = parse(text), parse(text)
    _, hashed_ms = _timed(lambda: hashes(document))
    other.nodes[nodes // 2].config["fields"] = {"a": 1}
    _, compared_ms = _timed(lambda: diff(document, other))
    found = [
        Measurement(f"flow of {nodes:,} nodes: {what}", value, "ms", target * share, step_us=step_us)
        for what, value, target in (
            ("read and check the shape", parsed_ms, 600),
            ("validate, each node with an expression", checked_ms, 2_500),
            ("read, validate and plan", parsed_ms + checked_ms + planned_ms, 600),
            ("both hashes", hashed_ms, 900),
            ("difference of one field", compared_ms, 2_500),
        )
    ]
    growth = (parsed_ms + checked_ms + planned_ms) / nodes / (sum(small) / 100)
    name = f"cost per node at {nodes:,} nodes against 100: read, validate, plan"
    return [*found, Measurement(name, growth, "×", 2.0, step_us=step_us)]


def _best_made_ready(nodes: int) -> tuple[float, ...]:
    """Each stage at its best of several rounds: what others do to the processor's caches comes on top."""
    return tuple(map(min, zip(*(_made_ready(nodes) for _ in range(ROUNDS)), strict=True)))


def _made_ready(nodes: int) -> tuple[float, float, float]:
    """Milliseconds to read, to check and to plan a flow nobody has seen before."""
    text = json.dumps(_chain(nodes))
    types = builtin_registry()
    compile_template.cache_clear()
    document, parsed_ms = _timed(lambda: parse(text))
    _, checked_ms = _timed(lambda: validate(document, types))
    _, planned_ms = _timed(lambda: compile_flow(document, types))
    return parsed_ms, checked_ms, planned_ms


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    began = time.thread_time()
    result = work()
    return result, (time.thread_time() - began) * 1e3


def _chain(nodes: int) -> dict[str, Any]:
    """A trigger and a chain of mapping nodes, each with an expression that names the one before."""
    chained = [
        {
            "id": f"map_{i}",
            "type": "data_map",
            "version": "1.0.0",
            "pos": [i * 240.5, 80],
            "config": {"fields": {"text": "{{ item.text }}", "n": f"{{{{ map_{i - 1}.items.length }}}}"}},
        }
        for i in range(1, nodes)
    ]
    edges = [
        {"source": f"map_{i - 1}", "source_port": "items", "target": f"map_{i}", "target_port": "items"}
        for i in range(1, nodes)
    ]
    first = {"id": "map_0", "type": "data_map", "config": {"fields": {}}}
    return {"schema": "sage-studio/flow@1", "name": "Chain", "nodes": [first, *chained], "edges": edges}
