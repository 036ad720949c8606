"""Random flows, stepped at random, against the model; with workers that die on the way."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed as seeded, settings, strategies as st

from tests.debugging.robot import play_debugged
from tests.engine.model.compare import check
from tests.engine.model.flows import SUB_FLOWS, flows
from tests.engine.model.interpreter import TooLong
from tests.engine.model.jumping import run_jumping
from tests.engine.model.play import Trouble
from tests.engine.model.search import INPUTS, troubles

EXAMPLES = 60
SEED = 20_261_123


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_however_a_run_is_stepped_it_does_what_the_model_says(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="sage_studio.engine")
    pressed: Counter[str] = Counter()

    @seeded(SEED)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    # No time limits of flows and containers: the robot looks for questions every hundredth of a second, and
    # a node that never ends would have it look for days.
    @given(flows(depth=3, room=14, limits=False), troubles(), st.integers(0, 1_000_000))
    def attempt(flow: dict[str, Any], befall: list[Trouble], dice: int) -> None:
        played, presses = run_jumping(play_debugged(flow, INPUTS, befall, dice))
        pressed.update(presses)
        try:
            check(flow, INPUTS, played, flows=SUB_FLOWS)
        except TooLong:
            return

    attempt()
    assert pressed["step_over"] > EXAMPLES
    assert pressed["focus"] > 0
