"""Completions of cheap nodes, noted in passing and spelled out as events and records on demand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, cast

from sage_studio.engine.masks import Masks
from sage_studio.engine.plan import PlanNode
from sage_studio.engine.records import Event, NodeRecord, count_ports
from sage_studio.kernel import JsonObject

Row: TypeAlias = tuple[PlanNode, float, float, Mapping[str, Any]]
"""A node, when it began and finished, and what it gave."""
EVENTS_PER_ROW = 2


class Span:
    """First attempts of pure nodes of one level that completed one after another. ``first_seq`` is set
    when the journal takes the span up."""

    __slots__ = ("_masks", "_path", "_rows", "_spelled_out", "first_seq")

    def __init__(self, path: str, rows: Sequence[Row], masks: Masks) -> None:
        self._path = path
        self._rows = rows
        self._masks = masks
        self._spelled_out: tuple[list[Event], list[NodeRecord]] | None = None
        self.first_seq = 0

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def events(self) -> list[Event]:
        """``node_started`` and ``node_completed`` of every node."""
        return self._spell_out()[0]

    @property
    def records(self) -> list[NodeRecord]:
        return self._spell_out()[1]

    def _spell_out(self) -> tuple[list[Event], list[NodeRecord]]:
        if self._spelled_out is None:
            path, seq = self._path, self.first_seq
            events: list[Event] = []
            records: list[NodeRecord] = []
            for node, began, finished, outputs in self._rows:
                ports = count_ports(outputs)
                facts: JsonObject = {
                    "duration_ms": round((finished - began) * 1000),
                    "items": max(ports.values()) if ports else None,
                    "ports": cast(JsonObject, ports),
                    "cached": False,
                }
                events.append(Event("node_started", seq, began, node.id, path, 1, {}))
                events.append(Event("node_completed", seq + 1, finished, node.id, path, 1, facts))
                stored = self._masks.value(outputs)
                records.append(
                    NodeRecord(node.id, path, 1, "completed", began, finished, stored, None, ports)
                )
                seq += EVENTS_PER_ROW
            self._spelled_out = events, records
        return self._spelled_out
