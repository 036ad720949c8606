"""Channels and pipelines alone: back-pressure, several readers, early stop, errors, order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from sage_studio.engine.streams import StageFailed
from sage_studio.engine.streams.channel import CAPACITY
from sage_studio.sdk import Chunk, NodeError
from tests.streams.stages import pipeline, stage

Parts = AsyncIterator[Mapping[str, Any]]


def numbers(count: int, given: list[int] | None = None) -> Any:
    async def body(inputs: Mapping[str, Any]) -> Parts:
        for number in range(count):
            if given is not None:
                given.append(number)
            yield {"items": number}

    return body


async def doubled(inputs: Mapping[str, Any]) -> Parts:
    async for item in inputs["items"]:
        yield {"items": item * 2}


async def gathered(inputs: Mapping[str, Any]) -> Parts:
    yield {"all": await inputs["items"].collect()}


async def test_items_pass_in_order_and_are_counted_with_samples() -> None:
    run = pipeline(
        stage("a", numbers(1_000)),
        stage("b", doubled, {"items": [("a", "items")]}),
        stage("c", gathered, {"items": [("b", "items")]}, outputs=()),
    )
    await run.run()
    results = run.results()
    assert results["c"]["all"] == [n * 2 for n in range(1_000)]
    reference = results["b"]["items"]
    assert reference["items"] == 1_000
    assert reference["samples"] == [n * 2 for n in range(20)]


async def test_a_slow_reader_holds_its_producer_back() -> None:
    given: list[int] = []
    ahead: list[int] = []

    async def slow(inputs: Mapping[str, Any]) -> Parts:
        read = 0
        async for chunk in inputs["items"].chunks():
            read += len(chunk)
            for _ in range(20):
                await asyncio.sleep(0)
            ahead.append(len(given) - read)
        yield {"read": read}

    run = pipeline(
        stage("a", numbers(50_000, given)), stage("b", slow, {"items": [("a", "items")]}, outputs=())
    )
    await run.run()
    assert run.results()["b"]["read"] == 50_000
    assert max(ahead) <= CAPACITY + 2 * 1_024


async def test_every_reader_of_a_port_gets_every_item() -> None:
    run = pipeline(
        stage("a", numbers(10_000)),
        stage("b", gathered, {"items": [("a", "items")]}, outputs=()),
        stage("c", gathered, {"items": [("a", "items")]}, outputs=()),
    )
    await run.run()
    assert run.results()["b"]["all"] == run.results()["c"]["all"] == list(range(10_000))


async def test_a_reader_that_has_enough_stops_its_producer() -> None:
    given: list[int] = []
    ended: list[str] = []

    async def endless(inputs: Mapping[str, Any]) -> Parts:
        try:
            while True:
                given.append(1)
                yield {"items": len(given)}
        finally:
            ended.append("producer")

    async def ten(inputs: Mapping[str, Any]) -> Parts:
        found = []
        async for item in inputs["items"]:
            found.append(item)
            if len(found) == 10:
                break
        yield {"found": found}

    run = pipeline(stage("a", endless), stage("b", ten, {"items": [("a", "items")]}, outputs=()))
    async with asyncio.timeout(60):
        await run.run()
    assert run.results()["b"]["found"] == list(range(1, 11))
    assert ended == ["producer"]
    assert len(given) <= CAPACITY + 1_024


async def test_one_reader_leaving_does_not_stop_the_other() -> None:
    async def first(inputs: Mapping[str, Any]) -> Parts:
        async for item in inputs["items"]:
            yield {"first": item}
            return

    run = pipeline(
        stage("a", numbers(20_000)),
        stage("b", first, {"items": [("a", "items")]}, outputs=()),
        stage("c", gathered, {"items": [("a", "items")]}, outputs=()),
    )
    await run.run()
    assert run.results()["b"]["first"] == 0
    assert len(run.results()["c"]["all"]) == 20_000


@pytest.mark.parametrize("broken", ["a", "b", "c"])
async def test_an_error_anywhere_ends_the_pipeline_and_nothing_hangs(broken: str) -> None:
    closed: list[str] = []

    def body(name: str) -> Any:
        async def work(inputs: Mapping[str, Any]) -> Parts:
            try:
                count = 0
                async for item in inputs.get("items") or _forever():
                    count += 1
                    if name == broken and count == 100:
                        raise NodeError.plain(f"{name} broke")
                    yield {"items": item}
            finally:
                closed.append(name)

        return work

    run = pipeline(
        stage("a", body("a")),
        stage("b", body("b"), {"items": [("a", "items")]}),
        stage("c", body("c"), {"items": [("b", "items")]}),
    )
    async with asyncio.timeout(60):
        with pytest.raises(StageFailed) as failed:
            await run.run()
    assert failed.value.stage == broken
    assert "broke" in str(failed.value.error)
    assert sorted(closed) == ["a", "b", "c"]


async def _forever() -> AsyncIterator[int]:
    number = 0
    while True:
        number += 1
        yield number


async def test_parallel_map_keeps_order_and_its_bound() -> None:
    at_once, most = 0, 0
    finished: list[int] = []

    async def work(item: int) -> int:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        for _ in range(20 - item % 20):
            await asyncio.sleep(0)
        finished.append(item)
        at_once -= 1
        return item * 10

    async def mapped(inputs: Mapping[str, Any]) -> Parts:
        async for result in inputs["items"].parallel_map(work, limit=7):
            yield {"items": result}

    run = pipeline(
        stage("a", numbers(500)),
        stage("b", mapped, {"items": [("a", "items")]}),
        stage("c", gathered, {"items": [("b", "items")]}, outputs=()),
    )
    await run.run()
    assert run.results()["c"]["all"] == [n * 10 for n in range(500)]
    assert most == 7
    assert finished != sorted(finished)


async def test_a_failure_in_parallel_work_cancels_the_rest() -> None:
    cancelled: list[int] = []

    async def work(item: int) -> int:
        if item == 3:
            raise NodeError.plain("three")
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cancelled.append(item)
            raise
        return item

    async def mapped(inputs: Mapping[str, Any]) -> Parts:
        async for result in inputs["items"].parallel_map(work, limit=4, ordered=False):
            yield {"items": result}

    run = pipeline(stage("a", numbers(100)), stage("b", mapped, {"items": [("a", "items")]}))
    async with asyncio.timeout(60):
        with pytest.raises(StageFailed, match="b"):
            await run.run()
    assert sorted(cancelled) == [0, 1, 2]


async def test_streams_that_split_and_meet_again_in_an_awkward_order_do_not_hang() -> None:
    async def one_after_the_other(inputs: Mapping[str, Any]) -> Parts:
        left = await inputs["left"].collect()
        right = await inputs["right"].collect()
        yield {"both": (left, right)}

    async def same(inputs: Mapping[str, Any]) -> Parts:
        async for chunk in inputs["items"].chunks():
            yield {"items": Chunk(chunk)}

    run = pipeline(
        stage("a", numbers(60_000)),
        stage("b", same, {"items": [("a", "items")]}),
        stage("c", same, {"items": [("a", "items")]}),
        stage("d", one_after_the_other, {"left": [("b", "items")], "right": [("c", "items")]}, outputs=()),
    )
    async with asyncio.timeout(60):
        await run.run()
    left, right = run.results()["d"]["both"]
    assert left == right == list(range(60_000))


async def test_streams_that_can_only_wait_for_each_other_end_with_an_error() -> None:
    async def left_first(inputs: Mapping[str, Any]) -> Parts:
        yield {"left": len([item async for item in inputs["left"]])}

    async def split(inputs: Mapping[str, Any]) -> Parts:
        number = 0
        while True:
            yield {"right": Chunk(range(number, number + 1_000))}
            number += 1_000
            if number < 0:
                yield {"left": 0}

    run = pipeline(
        stage("a", split, outputs=("left", "right")),
        stage("b", left_first, {"left": [("a", "left")], "right": [("a", "right")]}, outputs=()),
    )
    async with asyncio.timeout(60):
        with pytest.raises(StageFailed) as failed:
            await run.run()
    assert failed.value.error.code.code == "stream.deadlock"  # type: ignore[attr-defined]


async def test_merged_streams_are_read_as_they_come() -> None:
    async def both(inputs: Mapping[str, Any]) -> Parts:
        sums = [0, 0]
        async for number, chunk in inputs["left"].merge(inputs["right"]):
            sums[number] += sum(chunk)
        yield {"sums": sums}

    run = pipeline(
        stage("a", numbers(3_000)),
        stage("b", numbers(10)),
        stage("c", both, {"left": [("a", "items")], "right": [("b", "items")]}, outputs=()),
    )
    async with asyncio.timeout(60):
        await run.run()
    assert run.results()["c"]["sums"] == [sum(range(3_000)), 45]


async def test_single_items_are_sent_off_before_their_producer_waits() -> None:
    go_on = asyncio.Event()
    seen: list[int] = []

    async def trickle(inputs: Mapping[str, Any]) -> Parts:
        yield {"items": 1}
        yield {"items": 2}
        await go_on.wait()
        yield {"items": 3}

    async def watch(inputs: Mapping[str, Any]) -> Parts:
        async for item in inputs["items"]:
            seen.append(item)
            if item == 2:
                go_on.set()
        yield {}

    run = pipeline(stage("a", trickle), stage("b", watch, {"items": [("a", "items")]}, outputs=()))
    async with asyncio.timeout(60):
        await run.run()
    assert seen == [1, 2, 3]


async def test_a_clock_reader_gets_its_turn_while_nothing_comes() -> None:
    done = asyncio.Event()

    async def silent(inputs: Mapping[str, Any]) -> Parts:
        await done.wait()
        yield {"items": 1}

    async def ticking(inputs: Mapping[str, Any]) -> Parts:
        turns = 0
        async for chunk in inputs["items"].chunks(every_s=0.001):
            turns += not chunk
            if turns == 3:
                done.set()
        yield {"turns": turns}

    run = pipeline(stage("a", silent), stage("b", ticking, {"items": [("a", "items")]}, outputs=()))
    async with asyncio.timeout(60):
        await run.run()
    assert run.results()["b"]["turns"] >= 3


async def test_cancelling_a_pipeline_closes_every_node() -> None:
    closed: list[str] = []
    reading = asyncio.Event()

    async def idle(inputs: Mapping[str, Any]) -> Parts:
        try:
            reading.set()
            await asyncio.sleep(3600)
            yield {}
        finally:
            closed.append("a")

    async def reader(inputs: Mapping[str, Any]) -> Parts:
        try:
            async for item in inputs["items"]:
                yield {"items": item}
        finally:
            closed.append("b")

    run = pipeline(stage("a", idle), stage("b", reader, {"items": [("a", "items")]}))
    task = asyncio.create_task(run.run())
    await reading.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sorted(closed) == ["a", "b"]
