"""How long nodes are expected to take: learned from earlier runs, else by type, else by category."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from sage_studio.engine.plan import PlanNode

Source = Literal["learned", "type", "category"]

BY_TYPE_MS: Mapping[str, float] = {
    "llm": 3_000.0,
    "http_request": 300.0,
    "embedder": 200.0,
    "pdf_parser": 400.0,
    "file_reader": 20.0,
    "file_writer": 20.0,
    "vector_writer": 50.0,
    "retriever": 30.0,
    "extractive_answer": 20.0,
    "code": 20.0,
    "notify": 10.0,
}
"""What a first run is planned with; the order of magnitude is all that matters."""
BY_CATEGORY_MS: Mapping[str, float] = {
    "ai": 1_000.0,
    "service": 500.0,
    "source": 200.0,
    "output": 20.0,
    "processing": 5.0,
    "utility": 1.0,
    "control": 0.1,
    "trigger": 0.1,
}
ITERATIONS = 10
"""Assumed for a loop nobody has seen at work."""


class Expected(NamedTuple):
    """Milliseconds a node is expected to take, where that comes from, and on how many runs it rests."""

    ms: float
    source: Source
    runs: int = 0


@dataclass(frozen=True, slots=True)
class Durations:
    """``by_node`` holds, by node id, the median milliseconds of a completed attempt and the number of
    runs behind it."""

    by_node: Mapping[str, tuple[float, int]] = field(default_factory=dict)

    def expected(self, node: PlanNode) -> Expected:
        """For a node without a body; a container that was seen at work counts whole."""
        if (known := self.by_node.get(node.id)) is not None:
            return Expected(known[0], "learned", known[1])
        if (by_type := BY_TYPE_MS.get(node.type)) is not None:
            return Expected(by_type, "type")
        return Expected(BY_CATEGORY_MS.get(node.spec.category, 1.0) if node.spec else 1.0, "category")
