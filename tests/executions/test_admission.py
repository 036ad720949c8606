"""When a worker takes no more runs."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from apps.executions.adapters.admission import ENOUGH_RUNS, Admission


@dataclass
class Machine:
    """What the worker looks at."""

    now: float = 0.0
    used_s: float = 0.0
    pressure: float | None = 0.5

    def admission(self, max_runs: int = 1000) -> Admission:
        return Admission(
            max_runs=max_runs,
            memory_ceiling=0.9,
            pressure=lambda: self.pressure,
            clock=lambda: self.now,
            processor=lambda: self.used_s,
        )

    def work(self, seconds: float, share: float) -> None:
        self.now += seconds
        self.used_s += seconds * share


@pytest.mark.parametrize(("active", "room"), [(0, 10), (9, 1), (10, 0), (11, 0)])
def test_a_worker_never_takes_more_than_its_number(active: int, room: int) -> None:
    assert Machine().admission(10).room(active) == room


def test_a_busy_processor_is_kept_busy_and_not_swamped() -> None:
    machine = Machine()
    admission = machine.admission()
    machine.work(1, 0.97)
    assert [admission.room(active) for active in (0, ENOUGH_RUNS - 1, ENOUGH_RUNS, 900)] == [
        ENOUGH_RUNS, 1, 0, 0
    ]  # fmt: skip
    machine.work(1, 0.4)
    assert admission.room(900) == 100


def test_a_thousand_runs_that_only_wait_are_taken() -> None:
    machine = Machine()
    admission = machine.admission()
    machine.work(1, 0.2)
    assert admission.room(999) == 1


def test_where_memory_is_short_one_run_at_a_time_is_taken() -> None:
    machine = Machine(pressure=0.95)
    admission = machine.admission()
    machine.work(1, 0.1)
    assert [admission.room(active) for active in (0, 1, 50)] == [1, 0, 0]
    machine.pressure = None
    machine.work(1, 0.1)
    assert admission.room(50) == 950
