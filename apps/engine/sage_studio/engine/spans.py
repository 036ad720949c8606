"""Completions of cheap nodes, noted in passing and spelled out as events and records on demand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, cast

from sage_studio.engine.masks import Masks
from sage_studio.engine.plan import PlanNode
from sage_studio.engine.records import COUNTED, NO_DETAILS, Event, NodeRecord
from sage_studio.kernel import JsonObject

Row: TypeAlias = tuple[PlanNode, float, float, Mapping[str, Any]]
"""A node, when it began and finished, and what it gave."""
EVENTS_PER_ROW = 2
# Three tuples per node are made here: by their own constructors they cost twice as much.
_made: Callable[..., Any] = tuple.__new__


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
            masked = self._masks.value if self._masks.has_any else None
            events: list[Event] = []
            records: list[NodeRecord] = []
            for node, began, finished, outputs in self._rows:
                node_id, items = node.id, None
                ports = {}
                for port, value in outputs.items():
                    ports[port] = count = len(value) if isinstance(value, COUNTED) else 1
                    items = count if items is None or count > items else items
                facts: JsonObject = {
                    "duration_ms": round((finished - began) * 1000),
                    "items": items,
                    "ports": cast(JsonObject, ports),
                    "cached": False,
                }
                stored = outputs if masked is None else masked(outputs)
                events += (
                    _made(Event, ("node_started", seq, began, node_id, path, 1, {})),
                    _made(Event, ("node_completed", seq + 1, finished, node_id, path, 1, facts)),
                )
                records.append(
                    _made(
                        NodeRecord,
                        (node_id, path, 1, "completed", began, finished, stored, None, ports, *NO_DETAILS),
                    )
                )
                seq += EVENTS_PER_ROW
            self._spelled_out = events, records
        return self._spelled_out
