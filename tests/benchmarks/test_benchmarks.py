"""The measurements run and hold together; a short form of each is part of the normal test run.

Speed itself is judged by ``make bench`` on a calm machine. Here only what is far off is refused, with
the machine's own speed taken into account, so that a busy one does not fail a good change.
"""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

from tests.benchmarks import durable, engine, flow, harness, library, rooms, runs, startup, waiting
from tests.benchmarks.harness import Measurement
from tests.benchmarks.product import running_product, sign_up

pytestmark = [pytest.mark.bench, pytest.mark.timeout(400)]
# How far beyond the target a figure may be on a machine that does other things at the same time.
TOLERATED = 20


def one(**facts: object) -> Measurement:
    return Measurement(**{"name": "x", "value": 10.0, "unit": "ms", **facts})  # type: ignore[arg-type]


def test_a_time_is_reached_below_its_target_and_a_rate_above() -> None:
    assert one(target=12.0).reached is True
    assert one(target=8.0).reached is False
    assert one(target=8.0, better="higher").reached is True
    assert one().reached is None


def test_a_slow_machine_is_taken_into_account() -> None:
    twice_as_slow = 2 * harness.REFERENCE_STEP_US

    assert one(step_us=twice_as_slow).at_reference_speed == pytest.approx(5.0)
    assert one(step_us=twice_as_slow, better="higher").at_reference_speed == pytest.approx(20.0)
    assert one(step_us=twice_as_slow, unit="MB").at_reference_speed == 10.0


def test_percentiles_are_values_that_were_measured() -> None:
    values = [float(n) for n in range(1, 101)]

    assert harness.percentile(values, 0.5) == 50
    assert harness.percentile(values, 0.95) == 95
    assert harness.percentile([3.0], 0.99) == 3.0


def test_the_record_holds_every_figure_with_its_calibration_and_its_target(tmp_path: Path) -> None:
    path = harness.write_json([one(target=12.0, step_us=0.2)], tmp_path, short=True)
    record = json.loads(path.read_text(encoding="utf-8"))

    assert record["measurements"][0]["step_us"] == 0.2
    assert record["measurements"][0]["reached"] is True
    assert "≤ 12.0 ms" in harness.table([one(target=12.0, step_us=0.2)])


@pytest.mark.parametrize(
    "suite",
    [engine, library, flow, durable, waiting],
    ids=["engine", "library", "flow", "durable", "waiting"],
)
def test_the_engine_is_measured_and_nothing_is_far_off(suite: ModuleType) -> None:
    nothing_is_far_off(suite.measure(short=True))


def test_the_running_product_is_measured_and_nothing_is_far_off() -> None:
    """One start serves all three suites here; ``make bench`` gives each its own."""
    with running_product() as product:
        owner = sign_up(product)
        found = startup.results(product.first_answer_s, product.memory_mb(), 0.0, harness.calibrate())
        found += runs.measure_on(product, owner, short=True)
        found += rooms.measure_on(product, owner, short=True)

    nothing_is_far_off(found)


def nothing_is_far_off(found: list[Measurement]) -> None:
    assert found
    for measurement in found:
        assert measurement.value > 0
        assert measurement.step_us > 0
        assert measurement.more.get("lost", 0) == 0, measurement
        assert measurement.more.get("sockets closed", 0) == 0, measurement
        if measurement.target is not None:
            far = measurement.target * TOLERATED, measurement.target / TOLERATED
            off = measurement.value > far[0] if measurement.better == "lower" else measurement.value < far[1]
            assert not off, harness.table([measurement])
