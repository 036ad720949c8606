"""Which branch a flow will probably take, learned from the runs before.

A prediction is only ever used to *prepare*: to open what a node of the likely branch needs (a model,
a connection) while the nodes before it still work. Nothing runs because of it, so a wrong one costs
the preparation and nothing else. What was predicted, hit, saved and wasted is counted as it happened.

For each node with branches there are fading counts, over all runs and by the value of every cheap
feature (short texts, numbers and switches among the run's inputs). Each way of counting is marked on
how often it would have been right so far; the best one speaks, the plain counts first among equals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from sage_studio.kernel import Json, JsonObject

FADE = 0.97
"""What a run back counts, compared with the next one: half after about 23 runs."""
LEAST_SEEN = 3.0
"""Below this much evidence nothing is said."""
LIKELY = 0.6
"""From this probability on, preparing pays."""
BETTER_BY = 0.05
"""So much more often right must a feature be than the plain counts to be believed."""
MOST_FEATURES, MOST_VALUES, LONGEST_VALUE = 8, 32, 40
ALL_RUNS = ""


class Prediction(NamedTuple):
    """The likely branch (an output port), how likely, and the feature it rests on ("" = all runs)."""

    branch: str
    probability: float
    basis: str


class PredictionStore(Protocol):
    """Keeps what was learned about one flow between runs."""

    async def load(self) -> JsonObject | None: ...

    async def save(self, learned: JsonObject) -> None: ...


def features_of(inputs: Mapping[str, Any]) -> dict[str, str]:
    """The cheap features of a run: those of its inputs that are switches, numbers or short texts."""
    found: dict[str, str] = {}
    for name, value in inputs.items():
        if len(found) < MOST_FEATURES and isinstance(value, (str, bool, int, float)):
            text = str(value)
            if len(text) <= LONGEST_VALUE:
                found[name] = text
    return found


class _Counts:
    """Fading counts by branch, for one value of one feature."""

    __slots__ = ("by_branch",)

    def __init__(self, by_branch: Mapping[str, float] | None = None) -> None:
        self.by_branch = dict(by_branch or {})

    @property
    def total(self) -> float:
        return sum(self.by_branch.values())

    def add(self, branch: str) -> None:
        for name in self.by_branch:
            self.by_branch[name] *= FADE
        self.by_branch[branch] = self.by_branch.get(branch, 0.0) + 1.0

    def likely(self) -> tuple[str, float] | None:
        """The most frequent branch and its share, held back a little while there is little evidence."""
        total = self.total
        if total < LEAST_SEEN:
            return None
        branch = max(self.by_branch, key=lambda name: (self.by_branch[name], name))
        return branch, self.by_branch[branch] / (total + 1.0)


class _Feature:
    """One way of counting: a table by value, and how often it was right lately."""

    __slots__ = ("asked", "by_value", "right")

    def __init__(self) -> None:
        self.by_value: dict[str, _Counts] = {}
        self.asked = 0.0
        self.right = 0.0

    @property
    def mark(self) -> float:
        return self.right / self.asked if self.asked >= LEAST_SEEN else 0.0

    def learn(self, value: str, branch: str) -> None:
        counts = self.by_value.get(value)
        if counts is None:
            if len(self.by_value) >= MOST_VALUES:
                # The value seen least makes room: features with endless values never get far.
                del self.by_value[min(self.by_value, key=lambda known: self.by_value[known].total)]
            counts = self.by_value[value] = _Counts()
        guess = counts.likely()
        self.asked = self.asked * FADE + 1.0
        self.right = self.right * FADE + (1.0 if guess is not None and guess[0] == branch else 0.0)
        counts.add(branch)


class BranchHistory:
    """What one flow's branching nodes did in earlier runs."""

    def __init__(self) -> None:
        self._nodes: dict[str, dict[str, _Feature]] = {}

    def observe(self, node_id: str, branch: str, features: Mapping[str, str]) -> None:
        """Learn what a node did in a run with these features."""
        ways = self._nodes.setdefault(node_id, {})
        for name, value in {ALL_RUNS: "", **features}.items():
            if name in ways or len(ways) <= MOST_FEATURES:
                ways.setdefault(name, _Feature()).learn(value, branch)

    def predict(self, node_id: str, features: Mapping[str, str]) -> Prediction | None:
        """The likely branch of a node, or None while too little is known."""
        ways = self._nodes.get(node_id)
        if ways is None:
            return None
        plain = ways.get(ALL_RUNS)
        best: Prediction | None = None
        best_mark = -1.0
        for name, way in ways.items():
            counts = way.by_value.get("" if name == ALL_RUNS else features.get(name, "\0"))
            guess = counts.likely() if counts is not None else None
            if guess is None:
                continue
            mark = way.mark if name == ALL_RUNS else way.mark - BETTER_BY
            if mark > best_mark or (plain is way and mark == best_mark):
                best, best_mark = Prediction(guess[0], guess[1], name), mark
        return best

    def to_json(self) -> JsonObject:
        """The whole history as plain data; ``from_json`` reads it back."""
        return {
            node_id: {
                name: {
                    "asked": round(way.asked, 4),
                    "right": round(way.right, 4),
                    "values": {
                        value: {branch: round(count, 4) for branch, count in counts.by_branch.items()}
                        for value, counts in way.by_value.items()
                    },
                }
                for name, way in ways.items()
            }
            for node_id, ways in self._nodes.items()
        }

    @classmethod
    def from_json(cls, learned: Mapping[str, Json] | None) -> BranchHistory:
        """A history from ``to_json``; anything that is not one gives an empty history."""
        history = cls()
        try:
            for node_id, ways in (learned or {}).items():
                history._nodes[node_id] = {name: _read_feature(way) for name, way in _items(ways)}
        except (AttributeError, TypeError, ValueError, KeyError):
            return cls()
        return history


def _items(value: Any) -> list[tuple[str, Any]]:
    return list(value.items())


def _read_feature(way: Any) -> _Feature:
    feature = _Feature()
    feature.asked, feature.right = float(way["asked"]), float(way["right"])
    for value, counts in _items(way["values"]):
        feature.by_value[value] = _Counts({branch: float(count) for branch, count in _items(counts)})
    return feature


@dataclass(slots=True)
class Scorecard:
    """What predicting has brought. ``saved_ms`` is time nodes did not have to wait for their
    preparation; ``wasted_ms`` went into preparations nobody used."""

    predictions: int = 0
    hits: int = 0
    prepared: int = 0
    used: int = 0
    failed: int = 0
    saved_ms: float = 0.0
    wasted_ms: float = 0.0

    @property
    def hit_rate(self) -> float | None:
        return self.hits / self.predictions if self.predictions else None

    def predicted(self, *, hit: bool) -> None:
        self.predictions += 1
        self.hits += hit

    def add(self, other: Scorecard) -> None:
        """Sum up, for a flow over many runs."""
        for name in ("predictions", "hits", "prepared", "used", "failed", "saved_ms", "wasted_ms"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def to_json(self) -> JsonObject:
        return {
            "predictions": self.predictions,
            "hits": self.hits,
            "hit_rate": None if self.hit_rate is None else round(self.hit_rate, 4),
            "prepared": self.prepared,
            "used": self.used,
            "failed": self.failed,
            "saved_ms": round(self.saved_ms, 1),
            "wasted_ms": round(self.wasted_ms, 1),
        }

    @classmethod
    def from_json(cls, given: Mapping[str, Json] | None) -> Scorecard:
        card = cls()
        for name in ("predictions", "hits", "prepared", "used", "failed", "saved_ms", "wasted_ms"):
            value = (given or {}).get(name)
            if isinstance(value, (int, float)):
                setattr(card, name, value)
        return card
