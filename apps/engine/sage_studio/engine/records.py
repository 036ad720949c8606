"""What a run leaves behind: events, node results, batches of both, and how it ended.

These are plain data. Rows, files and sockets are made of them elsewhere.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

from sage_studio.kernel import Json, JsonObject, Problem, json_object

NodeKey: TypeAlias = tuple[str, str]
NodeState = Literal[
    "pending", "queued", "running", "waiting", "paused", "completed", "failed", "skipped", "cancelled"
]
UNDER_WAY_STATES: frozenset[str] = frozenset({"pending", "queued", "running", "waiting"})
FINAL_NODE_STATES: frozenset[str] = frozenset({"completed", "failed", "skipped", "cancelled"})


class FlowState(enum.StrEnum):
    """Where a flow or its run stands; the first three come before a worker has the run."""

    DRAFT = "draft"
    VALIDATING = "validating"
    READY = "ready"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self in _FINAL_RUN_STATES


_FINAL_RUN_STATES = frozenset({FlowState.COMPLETED, FlowState.FAILED, FlowState.CANCELLED})


class Event(NamedTuple):
    """One entry of a run's log; ``at`` is seconds since the epoch, ``seq`` has no gaps."""

    type: str
    seq: int
    at: float
    node_id: str | None
    iteration_path: str
    attempt: int
    data: JsonObject

    def to_json(self, run_id: str) -> JsonObject:
        """The event as CONTRACTS shows it."""
        shape: JsonObject = {
            "type": self.type,
            "run_id": run_id,
            "seq": self.seq,
            "at": iso(self.at),
            "data": self.data,
        }
        if self.node_id is not None:
            shape["node_id"] = self.node_id
            shape["iteration_path"] = self.iteration_path
            shape["attempt"] = self.attempt
        return shape


class NodeRecord(NamedTuple):
    """One attempt of one node as it stands; a later record of the same attempt replaces it.

    ``ports`` counts the items on every output port that was taken. ``waits`` holds what the attempt
    has waited for, by name: ``{since, until?, done?, payload?}``. ``inputs`` and ``config`` are kept in
    debug runs, ``resources`` where they were measured. A container's iteration has a record
    of its own, whose ``node_id`` is the container and whose path is the iteration's.
    """

    node_id: str
    iteration_path: str
    attempt: int
    state: NodeState
    started_at: float | None
    finished_at: float | None
    outputs: Mapping[str, Any] | None
    error: Problem | None
    ports: Mapping[str, int] | None
    waits: Mapping[str, Any] | None = None
    inputs: Mapping[str, Any] | None = None
    config: Mapping[str, Any] | None = None
    resources: JsonObject | None = None

    @property
    def items(self) -> int | None:
        """How many items the node gave: on its fullest port, or 1; None without outputs."""
        return max(self.ports.values()) if self.ports else None

    @property
    def key(self) -> tuple[str, str, int]:
        return self.node_id, self.iteration_path, self.attempt


NO_DETAILS = (None,) * len(NodeRecord._field_defaults)
"""The fields of a record that most have not."""


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """How a run ended, or why it paused.

    The state ``running`` says that the run is *parked*: all that is left waits for a signal or for
    ``wake_at`` (seconds since the epoch, None: for signals only), and no worker need hold it.
    """

    state: FlowState
    error: Problem | None = None
    outputs: Mapping[str, Any] | None = None
    reason: str = ""
    wake_at: float | None = None


_KEY = itemgetter(0, 1, 2)
"""``NodeRecord.key`` of many."""


class Spelled(Protocol):
    """Events and records that are made when somebody asks for them (``spans.Span``)."""

    @property
    def events(self) -> list[Event]: ...

    @property
    def records(self) -> list[NodeRecord]: ...


class Batch:
    """What is written in one transaction: all of it or nothing."""

    __slots__ = ("_entries", "_has_spans", "_nodes", "outcome", "spent")

    def __init__(
        self,
        events: Sequence[Event] = (),
        nodes: Mapping[tuple[str, str, int], NodeRecord] | None = None,
        outcome: RunOutcome | None = None,
    ) -> None:
        self._entries: list[Any] = [*events]
        self._nodes: dict[tuple[str, str, int], NodeRecord] = dict(nodes or {})
        self._has_spans = False
        self.outcome = outcome
        # What the run has spent in all, as (micros, currency); None when it did not change.
        self.spent: tuple[int, str] | None = None

    def add(self, event: Event) -> None:
        self._entries.append(event)

    def add_span(self, span: Spelled) -> None:
        """Add what is spelled out only when the batch is read."""
        self._entries.append(span)
        self._has_spans = True

    def put(self, record: NodeRecord) -> None:
        """Add the record of an attempt, or replace it."""
        self._nodes[(record.node_id, record.iteration_path, record.attempt)] = record

    @property
    def events(self) -> list[Event]:
        """In the order of their numbers."""
        if self._has_spans:
            self._spell_out()
        return self._entries

    @property
    def nodes(self) -> dict[tuple[str, str, int], NodeRecord]:
        """The newest record of every attempt."""
        if self._has_spans:
            self._spell_out()
        return self._nodes

    def _spell_out(self) -> None:
        entries, self._entries, self._has_spans = self._entries, [], False
        for entry in entries:
            if isinstance(entry, Event):
                self._entries.append(entry)
            else:
                self._entries += entry.events
                self._nodes.update(zip(map(_KEY, entry.records), entry.records, strict=True))

    def __bool__(self) -> bool:
        return bool(self._entries or self._nodes or self.outcome)


@dataclass(frozen=True, slots=True)
class RunProgress:
    """A run as its records tell it, for starting or taking it over.

    ``nodes`` holds the newest attempt of every node that has one, by (node id, iteration path);
    children of finished iterations may be left out. ``started_at`` is None for a run no worker has
    begun. ``signals`` are those delivered so far, by ``signal_key``; ``lost`` counts the attempts that
    ended with their worker, by (node id, iteration path).
    """

    last_seq: int = 0
    started_at: float | None = None
    nodes: Mapping[NodeKey, NodeRecord] = field(default_factory=dict)
    signals: Mapping[str, Json] = field(default_factory=dict)
    lost: Mapping[NodeKey, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunResult:
    """What whoever ran a flow gets back; ``nodes`` maps node id to its last record at the top level."""

    run_id: str
    state: FlowState
    outputs: Mapping[str, Any]
    error: Problem | None
    nodes: Mapping[str, NodeRecord]
    duration_ms: int
    reason: str = ""
    cost_micros: int = 0
    currency: str = ""

    def node_state(self, node_id: str) -> str:
        record = self.nodes.get(node_id)
        return record.state if record else "pending"


class StreamReference(dict[str, Json]):
    """``{"$stream": name, "items": n, "samples": […]}``: what a port gave that carried a stream. A type of
    its own, so that stores do not take its ``$`` for a person's."""


CHECKPOINT = "$checkpoint"
"""Under this name a record's outputs hold the node's part of a stream checkpoint."""


def has_checkpoint(record: NodeRecord) -> bool:
    """Whether a record holds a part of a checkpoint, so that its attempt goes on."""
    return record.outputs is not None and CHECKPOINT in record.outputs


def signal_key(node_id: str, iteration_path: str, name: str) -> str:
    """The address of a signal within its run."""
    return f"{node_id}|{iteration_path}|{name}"


def iso(at: float) -> str:
    """Seconds since the epoch as ISO 8601 in UTC with milliseconds."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


COUNTED = (list, tuple)
"""Values that count as many items."""


def count_ports(outputs: Mapping[str, Any]) -> dict[str, int]:
    """Items by port taken: the length of a list, 1 for anything else."""
    return {port: len(value) if isinstance(value, COUNTED) else 1 for port, value in outputs.items()}


def as_json_error(problem: Problem) -> Json:
    """A problem as a plain JSON object (a TypedDict is one already; this tells the checker)."""
    return json_object(problem)
