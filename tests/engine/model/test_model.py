"""The engine against the model, briefly; ``python -m tests.engine.model`` does it at length."""

from __future__ import annotations

import json
import logging

import pytest

from tests.engine.model.search import Disagreement, search

STEPS = 4_000
SEED = 20_261_123


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_random_flows_do_what_the_model_says_through_crashes_pauses_and_cancels(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL, logger="sage_studio.engine")
    try:
        counts = search(steps=STEPS, seed=SEED, depth=4)
    except Disagreement as found:
        pytest.fail(f"{found}\n{json.dumps(found.case, ensure_ascii=False, indent=1)}")
    assert counts.steps >= STEPS
    assert counts.crashes > 50
    assert {"completed", "failed", "cancelled"} <= set(counts.endings)
