"""The batch size is found while working: near the best fixed size, and better when things change.

All in virtual time (``workloads``): the same code measures the controller and every fixed size.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from sage_studio.engine.adaptive_batching import BatchController, starting_size
from sage_studio.engine.batch_driver import Machine, TooMuch, in_batches
from sage_studio.engine.memory_pressure import container_pressure
from sage_studio.kernel import SageError
from sage_studio.sdk.errors import NODE_FAILED
from tests.optimise.workloads import (
    Cost,
    Linear,
    MemoryCliff,
    RateLimit,
    Work,
    adaptive_s,
    best_fixed_s,
)

ITEMS = 60_000


def phases(*rows: tuple[float, int]) -> Callable[[float], int]:
    """A value for each stretch of time: ``(until, value)``; the last one stays."""

    def at(seconds: float) -> int:
        return next((value for until, value in rows if seconds < until), rows[-1][1])

    return at


def turns(loose_s: float, loose: int, tight_s: float, tight: int) -> Callable[[float], int]:
    """Two values in turn."""
    return lambda seconds: loose if seconds % (loose_s + tight_s) < loose_s else tight


class Heavier(Linear):
    """Items become so heavy after a while that large batches choke (the square grows), then light again."""

    def __call__(self, size: int, at: float) -> Cost:
        self.square_s = 0.0 if at % 240 < 120 else 1e-5
        return super().__call__(size, at)


@pytest.mark.parametrize(("total", "size"), [(None, 10), (99, 10), (100, 50), (1000, 50), (1001, 100)])
def test_the_first_size_comes_from_the_table(total: int | None, size: int) -> None:
    assert starting_size(total) == size
    assert BatchController(total).size() == size


STEADY: dict[str, Callable[[], Work]] = {
    "a fixed cost per call": Linear,
    "a small fixed cost": lambda: Linear(call_s=0.005),
    "a best size in the middle": lambda: Linear(call_s=0.05, square_s=1e-5),
    "a best size in the middle, noisy": lambda: Linear(call_s=0.05, square_s=1e-5, noise=0.2),
    "a fixed cost, noisy": lambda: Linear(noise=0.2),
    "memory for 300": lambda: MemoryCliff(lambda at: 300),
    "memory for 40": lambda: MemoryCliff(lambda at: 40),
    "1,000 a second": lambda: RateLimit(lambda at: 1000),
    "170 a second": lambda: RateLimit(lambda at: 170),
}


@pytest.mark.parametrize("make", STEADY.values(), ids=STEADY.keys())
def test_within_five_percent_of_the_best_fixed_size_when_conditions_are_steady(
    make: Callable[[], Work],
) -> None:
    _, best_s = best_fixed_s(make, ITEMS)

    settled_s = adaptive_s(make(), 2 * ITEMS, BatchController(2 * ITEMS), after=ITEMS)

    assert settled_s <= best_s * 1.05


QUIET = [name for name in STEADY if "noisy" not in name]


@pytest.mark.parametrize("name", QUIET)
def test_the_search_itself_costs_less_than_five_percent_where_times_are_not_noisy(name: str) -> None:
    _, best_s = best_fixed_s(STEADY[name], ITEMS)

    assert adaptive_s(STEADY[name](), ITEMS, BatchController(ITEMS)) <= best_s * 1.05


SHIFTING: dict[str, tuple[int, Callable[[], Work]]] = {
    "items become heavy and light again": (400_000, lambda: Heavier(call_s=0.2)),
    "memory shrinks and grows": (60_000, lambda: MemoryCliff(phases((20, 600), (60, 30), (1e9, 300)))),
    "memory in turns": (60_000, lambda: MemoryCliff(turns(25, 1000, 25, 25))),
    "a rate limit in turns": (
        400_000, lambda: RateLimit(turns(30, 10**6, 60, 800), call_s=0.3, item_s=0.0001),
    ),
    "a rate limit in long turns": (
        300_000, lambda: RateLimit(turns(40, 10**6, 120, 600), call_s=0.2, item_s=0.00005),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("items", "make"), SHIFTING.values(), ids=SHIFTING.keys())
def test_beats_every_fixed_size_when_conditions_shift(items: int, make: Callable[[], Work]) -> None:
    best, best_s = best_fixed_s(make, items)

    found_s = adaptive_s(make(), items, BatchController(items))

    assert found_s < best_s, f"fixed {best}: {best_s:.1f} s, adaptive: {found_s:.1f} s"


def test_memory_pressure_shrinks_the_batch_without_waiting_for_a_failure() -> None:
    controller = BatchController(10_000)
    before = controller.size()

    controller.done(before, 0.1, pressure=0.97)

    assert controller.size() <= before / 2


def test_a_size_never_leaves_its_bounds() -> None:
    chance = random.Random(3)
    controller = BatchController(5_000, minimum=4, maximum=96)
    for _ in range(5_000):
        size = controller.size()
        assert 4 <= size <= 96
        what = chance.random()
        if what < 0.9:
            controller.done(size, chance.uniform(0.01, 1.0), pressure=chance.uniform(0.2, 1.0))
        elif what < 0.95:
            controller.does_not_fit(chance.uniform(0.01, 1.0))
        else:
            controller.limited(chance.uniform(0.1, 5.0))


# Driving work with it


class Clockwork:
    """Virtual time for ``in_batches``."""

    def __init__(self) -> None:
        self.at = 0.0
        self.waits: list[float] = []

    def now(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.at += seconds

    def machine(self) -> Machine:
        return Machine(self.now, self.sleep, memory_pressure=lambda: None)


def _refusal() -> SageError:
    return SageError(NODE_FAILED, {"message": "busy"})


async def test_results_come_in_order_whatever_was_refused_on_the_way() -> None:
    clock, chance = Clockwork(), random.Random(5)

    async def work(batch: Sequence[int]) -> Sequence[int]:
        clock.at += 0.01 + 0.0001 * len(batch)
        if len(batch) > 200:
            raise MemoryError
        if chance.random() < 0.2:
            raise TooMuch(_refusal(), 1.5)
        return [item * 2 for item in batch]

    doubled = await in_batches(range(5_000), work, controller=BatchController(5_000), machine=clock.machine())

    assert doubled == [item * 2 for item in range(5_000)]
    assert set(clock.waits) == {1.5}


async def test_work_that_never_passes_ends_with_its_own_error() -> None:
    clock = Clockwork()

    async def work(batch: Sequence[int]) -> Sequence[int]:
        raise TooMuch(_refusal(), 30)

    with pytest.raises(SageError) as caught:
        await in_batches([1, 2], work, controller=BatchController(2), machine=clock.machine())

    assert caught.value.code is NODE_FAILED
    assert 200 < sum(clock.waits) <= 300


async def test_one_item_too_big_is_an_error_not_an_endless_loop() -> None:
    async def work(batch: Sequence[int]) -> Sequence[int]:
        raise MemoryError

    with pytest.raises(MemoryError):
        await in_batches([1, 2, 3], work, controller=BatchController(3))


async def test_progress_is_said_after_every_batch() -> None:
    said: list[tuple[int, int]] = []

    async def work(batch: Sequence[int]) -> Sequence[int]:
        return batch

    await in_batches(
        range(25), work, controller=BatchController(25), on_progress=lambda done, of: said.append((done, of))
    )

    assert said[-1] == (25, 25)
    assert [done for done, _ in said] == sorted(done for done, _ in said)


def test_files_that_were_only_read_are_no_memory_pressure(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("990\n")
    (tmp_path / "memory.stat").write_text("anon 190\nfile 800\ninactive_file 700\n")

    assert container_pressure(tmp_path) == pytest.approx(0.29)


def test_a_container_without_a_limit_is_judged_by_its_machine(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("max\n")

    assert container_pressure(tmp_path) is None
