"""What is held never exceeds the budget, everybody is served, and the important go first."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

import pytest
from hypothesis import given, settings, strategies as st

from sage_studio.engine.resources import (
    OVERTAKEN_MOST,
    TOO_MUCH,
    Amount,
    ResourcePool,
    machine_budget,
)
from sage_studio.kernel import SageError


@dataclass(frozen=True)
class Wants:
    cpu: float = 0.0
    memory_mb: int = 0
    gpu: int = 0


BUDGET = Amount(4000, 1000, 2)
wants = st.builds(
    Wants,
    cpu=st.sampled_from([0, 0.1, 0.5, 1, 2, 4]),
    memory_mb=st.sampled_from([0, 1, 250, 999, 1000]),
    gpu=st.integers(0, 2),
)


@dataclass(frozen=True)
class Job:
    wants: Wants
    priority: float
    starts: int
    lasts: int
    is_cancelled_after: int | None


jobs = st.lists(
    st.builds(
        Job,
        wants=wants,
        priority=st.sampled_from([0.0, 1.0, 5.0]),
        starts=st.integers(0, 5),
        lasts=st.integers(0, 4),
        is_cancelled_after=st.one_of(st.none(), st.none(), st.integers(0, 6)),
    ),
    max_size=30,
)


async def _turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


@settings(max_examples=300, deadline=None)
@given(jobs)
def test_holds_never_exceed_the_budget_and_everybody_is_served(plan: list[Job]) -> None:
    served: list[int] = []

    async def one(pool: ResourcePool, number: int, job: Job) -> None:
        await _turns(job.starts)
        async with pool.hold(job.wants, job.priority):
            assert pool.held.fits_in(pool.budget)
            assert min(pool.held) >= 0
            await _turns(job.lasts)
        served.append(number)

    async def whole() -> ResourcePool:
        pool = ResourcePool(BUDGET)
        tasks = [asyncio.create_task(one(pool, number, job)) for number, job in enumerate(plan)]
        for turn in range(8):
            for task, job in zip(tasks, plan, strict=True):
                if job.is_cancelled_after == turn:
                    task.cancel()
            await asyncio.sleep(0)
        async with asyncio.timeout(60):
            await asyncio.gather(*tasks, return_exceptions=True)
        return pool

    pool = asyncio.run(whole())

    assert pool.held == Amount()
    assert pool.waiting == 0
    assert set(served) >= {number for number, job in enumerate(plan) if job.is_cancelled_after is None}


async def _queue(pool: ResourcePool, order: list[str], name: str, needs: Wants, priority: float) -> None:
    async with pool.hold(needs, priority):
        order.append(name)
        await asyncio.sleep(0)


async def test_the_one_with_the_most_hanging_on_it_goes_first() -> None:
    pool = ResourcePool(Amount(1000))
    order: list[str] = []
    async with asyncio.TaskGroup() as group, pool.hold(Wants(cpu=1)):
        for name, priority in (("low", 10), ("high", 9_000), ("middle", 500), ("also middle", 500)):
            group.create_task(_queue(pool, order, name, Wants(cpu=1), priority))
        await _turns(3)

    assert order == ["high", "middle", "also middle", "low"]


async def test_a_small_one_slips_past_a_large_one_that_does_not_fit_yet() -> None:
    pool = ResourcePool(Amount(2000))
    order: list[str] = []
    async with asyncio.TaskGroup() as group, pool.hold(Wants(cpu=1)):
        group.create_task(_queue(pool, order, "large", Wants(cpu=2), 9.0))
        group.create_task(_queue(pool, order, "small", Wants(cpu=1), 1.0))
        await _turns(4)
        assert order == ["small"]

    assert order == ["small", "large"]


async def test_a_large_one_is_not_overtaken_for_ever() -> None:
    pool = ResourcePool(Amount(2000))
    order: list[str] = []
    chance = random.Random(1)

    async def stream() -> None:
        """Small ones that always overlap, so that there is never room for two processors."""
        async with asyncio.TaskGroup() as group:
            for number in range(200):
                group.create_task(_queue(pool, order, f"small {number}", Wants(cpu=1), chance.random()))
                await asyncio.sleep(0)

    async with asyncio.TaskGroup() as group:
        group.create_task(stream())
        await _turns(5)
        group.create_task(_queue(pool, order, "large", Wants(cpu=2), 0.0))

    assert order.index("large") <= 5 + OVERTAKEN_MOST + 3


async def test_asking_for_more_than_there_is_says_what_is_missing() -> None:
    pool = ResourcePool(Amount(2000, 512, 0))

    with pytest.raises(SageError) as caught:
        pool.check([("Embed", Wants(cpu=1)), ("Train", Wants(cpu=3, gpu=1)), ("Load", Wants(memory_mb=600))])

    first, *others = [caught.value, *caught.value.errors]
    assert first.code is TOO_MUCH
    assert first.message() == "“Train” needs 3.0 processors; this worker has 2.0."
    assert [error.message("zh") for error in others] == [
        "“Train” 需要 1 个 GPU，而此工作进程只有 0。",
        "“Load” 需要 600 MB 内存，而此工作进程只有 512。",
    ]


async def test_what_can_never_be_had_is_refused_rather_than_waited_for() -> None:
    pool = ResourcePool(Amount(1000))

    with pytest.raises(SageError) as caught:
        async with pool.hold(Wants(gpu=1)):
            pass

    assert caught.value.code is TOO_MUCH


def test_the_budget_comes_from_the_environment() -> None:
    assert machine_budget({"SAGE_CPUS": "1.5", "SAGE_MEMORY_MB": "2048", "SAGE_GPUS": "2"}) == Amount(
        1500, 2048, 2
    )
    assert machine_budget({}).gpu == 0
    assert machine_budget({}).milli_cpu >= 1000


@pytest.mark.parametrize("value", ["many", "-1", "nan", "1e300"])
def test_a_bad_budget_is_refused(value: str) -> None:
    with pytest.raises(SageError, match="SAGE_GPUS"):
        machine_budget({"SAGE_GPUS": value})


async def test_a_stream_of_important_ones_does_not_starve_the_rest() -> None:
    pool = ResourcePool(Amount(1000))
    order: list[str] = []

    async def stream() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(1_000):
                group.create_task(_queue(pool, order, f"important {number}", Wants(cpu=1), 1e9))
                if number == 1:
                    group.create_task(_queue(pool, order, "humble", Wants(cpu=1), 0.0))
                await asyncio.sleep(0)

    await stream()

    assert order.index("humble") <= 260


async def test_ten_thousand_waiters_of_a_kind_are_served_in_linear_work() -> None:
    pool = ResourcePool(Amount(1000))
    order: list[str] = []
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for number in range(10_000):
            group.create_task(_queue(pool, order, str(number), Wants(cpu=1), 0.0))

    assert len(order) == 10_000
