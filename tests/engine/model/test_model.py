"""The engine against the model, briefly; ``python -m tests.engine.model`` does it at length."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from sage_studio.engine import fused, journal, restore, scope
from sage_studio.engine.inputs import gather
from sage_studio.engine.plan import PlanNode
from tests.engine.model.search import Disagreement, search

STEPS = 3_000
SEED = 20_261_124

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

Outputs = Sequence[Mapping[str, Any] | None]


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="sage_studio.engine")


def test_random_flows_do_what_the_model_says_through_crashes_pauses_and_cancels() -> None:
    try:
        counts = search(steps=STEPS, seed=SEED, depth=4)
    except Disagreement as found:
        pytest.fail(f"{found}\n{json.dumps(found.case, ensure_ascii=False, indent=1)}")
    assert counts.steps >= STEPS
    assert counts.crashes > 100
    assert {"completed", "failed", "cancelled"} <= set(counts.endings)


def _required_inputs_do_not_count(patch: pytest.MonkeyPatch) -> None:
    def lenient(node: PlanNode, ids: Sequence[str], outputs: Outputs) -> dict[str, Any] | None:
        return gather(
            replace(node, inputs=tuple(replace(port, required=False) for port in node.inputs)), ids, outputs
        )

    for module in (scope, fused):
        patch.setattr(module, "gather", lenient)


def _nothing_is_skipped(patch: pytest.MonkeyPatch) -> None:
    for module in (scope, fused):
        patch.setattr(module, "gather", lambda node, ids, outputs: gather(node, ids, outputs) or {})


def _containers_begin_afresh_after_a_crash(patch: pytest.MonkeyPatch) -> None:
    for module in (scope, restore):
        patch.setattr(module, "is_taken_up", lambda *_: False)


def _event_numbers_begin_anew(patch: pytest.MonkeyPatch) -> None:
    begin = journal.Journal.__init__

    def anew(self: journal.Journal, *given: Any) -> None:
        begin(self, *given)
        self._seq = 0

    patch.setattr(journal.Journal, "__init__", anew)


def _nothing_waits_for_the_disk(patch: pytest.MonkeyPatch) -> None:
    flush = journal.Journal.flush

    async def at_once(self: journal.Journal) -> None:
        if self._batch.outcome is not None:
            await flush(self)

    patch.setattr(journal.Journal, "flush", at_once)


@pytest.mark.parametrize(
    "plant",
    [
        _required_inputs_do_not_count,
        _nothing_is_skipped,
        _containers_begin_afresh_after_a_crash,
        _event_numbers_begin_anew,
        _nothing_waits_for_the_disk,
    ],
    ids=lambda plant: plant.__name__.strip("_"),
)
def test_a_planted_fault_is_found(
    plant: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each fault is one that reading alone might not see; the model must."""
    plant(monkeypatch)
    with pytest.raises(Disagreement):
        search(steps=STEPS, seed=SEED, depth=2, shrinks=False)
