"""Branches are predicted from what earlier runs did, from features only where they help."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

import pytest

from sage_studio.engine.prediction import LIKELY, BranchHistory, Scorecard, features_of


def _learn(history: BranchHistory, runs: int, branch: Callable[[dict[str, str]], str], seed: int = 1) -> None:
    chance = random.Random(seed)
    for number in range(runs):
        features = {"language": chance.choice(["zh", "zh", "zh", "en"]), "ticket": f"T{number}"}
        history.observe("ask", branch(features), features)


def test_nothing_is_said_before_there_is_evidence() -> None:
    history = BranchHistory()
    history.observe("ask", "true", {})

    assert history.predict("ask", {}) is None
    assert history.predict("unknown", {}) is None


def test_the_frequent_branch_is_predicted_with_its_share() -> None:
    history, chance = BranchHistory(), random.Random(4)
    for _ in range(300):
        history.observe("ask", "zh" if chance.random() < 0.7 else "en", {})

    prediction = history.predict("ask", {})

    assert prediction is not None
    assert prediction.branch == "zh"
    assert prediction.probability == pytest.approx(0.7, abs=0.15)
    assert prediction.probability >= LIKELY


def test_a_feature_that_decides_is_found_and_believed() -> None:
    history = BranchHistory()
    _learn(history, 60, lambda features: features["language"])

    chinese = history.predict("ask", {"language": "zh", "ticket": "T1"})
    english = history.predict("ask", {"language": "en", "ticket": "T2"})

    assert chinese is not None
    assert english is not None
    assert (chinese.branch, chinese.basis) == ("zh", "language")
    assert (english.branch, english.basis) == ("en", "language")


def test_a_feature_that_tells_nothing_is_not_believed() -> None:
    history, chance = BranchHistory(), random.Random(2)
    _learn(history, 100, lambda features: "big" if chance.random() < 0.8 else "small")

    prediction = history.predict("ask", {"language": "en", "ticket": "T1"})

    assert prediction is not None
    assert (prediction.branch, prediction.basis) == ("big", "")


def test_an_unknown_value_falls_back_to_all_runs() -> None:
    history = BranchHistory()
    _learn(history, 60, lambda features: features["language"])

    prediction = history.predict("ask", {"language": "fr"})

    assert prediction is not None
    assert (prediction.branch, prediction.basis) == ("zh", "")


def test_a_change_of_habit_is_learned_within_a_few_dozen_runs() -> None:
    history = BranchHistory()
    _learn(history, 200, lambda features: "old")
    _learn(history, 40, lambda features: "new")

    prediction = history.predict("ask", {})

    assert prediction is not None
    assert prediction.branch == "new"


def test_the_hit_rate_beats_the_base_rate_where_a_feature_decides() -> None:
    """Prequential: every run is predicted before it is learned."""
    history, chance, hits, base = BranchHistory(), random.Random(9), 0, 0
    for _ in range(500):
        language = "zh" if chance.random() < 0.7 else "en"
        branch = language if chance.random() < 0.95 else "other"
        prediction = history.predict("ask", {"language": language})
        hits += prediction is not None and prediction.branch == branch
        base += branch == "zh"
        history.observe("ask", branch, {"language": language})

    assert hits / 500 > 0.9
    assert base / 500 < 0.75


def test_history_survives_being_stored_and_stays_small() -> None:
    history = BranchHistory()
    _learn(history, 2_000, lambda features: features["language"])

    stored = json.dumps(history.to_json())
    again = BranchHistory.from_json(json.loads(stored))

    assert again.to_json() == history.to_json()
    said, before = again.predict("ask", {"language": "en"}), history.predict("ask", {"language": "en"})
    assert said is not None
    assert before is not None
    assert (said.branch, said.basis) == (before.branch, before.basis)
    assert said.probability == pytest.approx(before.probability, abs=1e-4)
    assert len(stored) < 5_000


@pytest.mark.parametrize(
    "broken", [{"n": 1}, {"n": {"x": {}}}, {"n": {"x": {"asked": 1, "right": 1, "values": 3}}}]
)
def test_a_broken_history_is_an_empty_one(broken: dict[str, object]) -> None:
    assert BranchHistory.from_json(broken).to_json() == {}  # type: ignore[arg-type]


def test_only_cheap_inputs_are_features() -> None:
    assert features_of(
        {"language": "zh", "urgent": True, "text": "long " * 50, "files": [1], "count": 3, "nothing": None}
    ) == {"language": "zh", "urgent": "True", "count": "3"}


def test_a_scorecard_tells_hits_and_waste_apart() -> None:
    card = Scorecard()
    card.predicted(hit=True)
    card.predicted(hit=False)
    card.prepared, card.used, card.saved_ms, card.wasted_ms = 2, 1, 120.0, 80.0
    whole = Scorecard.from_json(card.to_json())
    whole.add(card)

    assert card.hit_rate == 0.5
    assert whole.to_json() == {
        "predictions": 4, "hits": 2, "hit_rate": 0.5, "prepared": 4, "used": 2, "failed": 0,
        "saved_ms": 240.0, "wasted_ms": 160.0,
    }  # fmt: skip
