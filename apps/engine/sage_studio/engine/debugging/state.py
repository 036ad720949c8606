"""What a debug session knows, as plain data: breakpoints, stops, and who may pass.

All of it travels in ``debug_state`` events, so a session is the fold of its run's log: every
person sees the same, and another worker goes on with it after a crash.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from sage_studio.engine.debugging.places import Place
from sage_studio.kernel import Json, JsonObject

Phase = Literal["before", "error"]
Reason = Literal["breakpoint", "error", "run_to", "entry", "pause", "step", "waiting"]
FIRM_REASONS: frozenset[str] = frozenset({"breakpoint", "error", "run_to"})
ANY_NODE = "*"
# Beyond this, held nodes are counted in events, not listed: a map over ten thousand items holds many.
MAX_STOPS_TOLD = 50


@dataclass(frozen=True, slots=True)
class Breakpoint:
    """Where to stop: before a node, or (``on="error"``) when its last attempt has failed.

    ``node_id`` may be ``*`` with ``on="error"``. ``condition`` is an expression over the names the
    node itself may read, and ``inputs``; ``hit_count`` lets the first ``hit_count - 1`` hits pass.
    With ``log`` (a text with ``{{ }}``) the run writes a log line and goes on.
    """

    node_id: str
    on: Phase = "before"
    condition: str = ""
    hit_count: int = 1
    log: str = ""
    enabled: bool = True

    @property
    def key(self) -> tuple[str, str]:
        return self.node_id, self.on

    def to_json(self) -> JsonObject:
        return {
            "node_id": self.node_id,
            "on": self.on,
            "condition": self.condition,
            "hit_count": self.hit_count,
            "log": self.log,
            "enabled": self.enabled,
        }

    @classmethod
    def from_json(cls, shape: Mapping[str, Any]) -> Breakpoint:
        return cls(**{name: shape[name] for name in cls.__slots__ if name in shape})


@dataclass(frozen=True, slots=True)
class Edits:
    """What a person changed at a stop: ports and configuration fields that replace the node's own."""

    inputs: Mapping[str, Json] = field(default_factory=dict)
    config: Mapping[str, Json] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.inputs or self.config)

    def merged(self, newer: Edits) -> Edits:
        return Edits({**self.inputs, **newer.inputs}, {**self.config, **newer.config})

    def to_json(self) -> JsonObject:
        return {"inputs": dict(self.inputs), "config": dict(self.config)}


@dataclass(slots=True)
class Stop:
    """A node that stands at the gate. ``id`` is new for every stop of a run."""

    id: str
    place: Place
    attempt: int
    phase: Phase
    reason: Reason
    edits: Edits = field(default_factory=Edits)
    note: str = ""

    @property
    def is_firm(self) -> bool:
        """Whether ``continue`` elsewhere leaves it standing: somebody asked for exactly this stop."""
        return self.reason in FIRM_REASONS

    @property
    def key(self) -> tuple[Place, Phase]:
        return self.place, self.phase

    def to_json(self) -> JsonObject:
        return {
            "id": self.id,
            "node_id": self.place.node_id,
            "iteration_path": self.place.path,
            "attempt": self.attempt,
            "phase": self.phase,
            "reason": self.reason,
            "edits": self.edits.to_json() if self.edits else None,
            "note": self.note,
        }

    @classmethod
    def from_json(cls, shape: Mapping[str, Any]) -> Stop:
        edits = shape.get("edits") or {}
        return cls(
            id=shape["id"],
            place=Place(shape["node_id"], shape["iteration_path"]),
            attempt=shape["attempt"],
            phase=shape["phase"],
            reason=shape["reason"],
            edits=Edits(edits.get("inputs", {}), edits.get("config", {})),
            note=shape.get("note", ""),
        )


@dataclass(frozen=True, slots=True)
class Pass:
    """Who may go through the gate: everybody, nobody, or one node with all that is inside it.

    ``into``: the first node inside stops.
    """

    kind: Literal["free", "none", "within"] = "free"
    place: Place | None = None
    into: bool = False

    def lets(self, place: Place) -> bool:
        if self.kind == "within" and self.place is not None:
            return place == self.place or self.place.holds(place)
        return self.kind == "free"

    def to_json(self) -> JsonObject:
        if self.place is None:
            return {"kind": self.kind}
        return {
            "kind": self.kind,
            "node_id": self.place.node_id,
            "iteration_path": self.place.path,
            "into": self.into,
        }

    @classmethod
    def from_json(cls, shape: Mapping[str, Any]) -> Pass:
        place = Place(shape["node_id"], shape["iteration_path"]) if "node_id" in shape else None
        return cls(shape["kind"], place, shape.get("into", False))


FREE, NOBODY = Pass("free"), Pass("none")


@dataclass(slots=True)
class DebugState:
    """A session as it stands.

    ``stops`` are in order of arrival; ``current`` is the id of the one that steps act on.
    ``released`` are places that a person let go and that have not settled since: after a crash they
    pass without stopping again. ``arrival`` is the reason the next node to arrive gets when nobody
    may pass. ``commands_done`` is the number of the last command that was carried out.
    """

    breakpoints: dict[tuple[str, str], Breakpoint] = field(default_factory=dict)
    hits: dict[tuple[str, str], int] = field(default_factory=dict)
    stops: list[Stop] = field(default_factory=list)
    current: str | None = None
    passing: Pass = FREE
    arrival: Reason = "pause"
    run_to: str | None = None
    released: list[Place] = field(default_factory=list)
    stops_made: int = 0
    commands_done: int = 0

    @property
    def mode(self) -> Literal["running", "stepping", "paused"]:
        if self.passing.kind == "free":
            return "running"
        return "stepping" if self.passing.kind == "within" else "paused"

    def stop(self, stop_id: str | None) -> Stop | None:
        return next((stop for stop in self.stops if stop.id == stop_id), None)

    def to_json(self) -> JsonObject:
        """The shape of ``debug_state`` events; ``from_json`` makes a session of it again."""
        told = sorted(self.stops, key=lambda stop: (not stop.is_firm, stop.id != self.current))
        return {
            "mode": self.mode,
            "current": self.current,
            "stops": [stop.to_json() for stop in told[:MAX_STOPS_TOLD]],
            "stops_count": len(self.stops),
            "breakpoints": [
                {**point.to_json(), "hits": self.hits.get(key, 0)} for key, point in self.breakpoints.items()
            ],
            "passing": self.passing.to_json(),
            "arrival": self.arrival,
            "run_to": self.run_to,
            "released": [[place.node_id, place.path] for place in self.released],
            "stops_made": self.stops_made,
            "commands_done": self.commands_done,
        }

    @classmethod
    def from_json(cls, shape: Mapping[str, Any]) -> DebugState:
        points = [Breakpoint.from_json(point) for point in shape["breakpoints"]]
        return cls(
            breakpoints={point.key: point for point in points},
            hits={(point["node_id"], point["on"]): point["hits"] for point in shape["breakpoints"]},
            stops=[Stop.from_json(stop) for stop in shape["stops"]],
            current=shape["current"],
            passing=Pass.from_json(shape["passing"]),
            arrival=cast(Reason, shape["arrival"]),
            run_to=shape["run_to"],
            released=[Place(node_id, path) for node_id, path in shape["released"]],
            stops_made=shape["stops_made"],
            commands_done=shape["commands_done"],
        )

    @classmethod
    def begun(cls, breakpoints: list[Breakpoint], *, pause_at_start: bool = False) -> DebugState:
        """A session whose run has not started."""
        state = cls({point.key: point for point in breakpoints})
        if pause_at_start:
            state.passing, state.arrival = NOBODY, "entry"
        return state
