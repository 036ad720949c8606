"""Barriers: a pipeline taken up from any checkpoint gives what an undisturbed one gives."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, ClassVar

import pytest

from sage_studio.engine.streams import Checkpoint, Pipeline, StagePlan
from sage_studio.kernel import Json
from sage_studio.sdk import Chunk, ChunkNode, Context, NodeOutput, StreamNode
from tests.streams.stages import SPEC, Numbers, Total, pipeline, stage

Parts = AsyncIterator[Mapping[str, Any]]


class Journal:
    """Keeps checkpoints as JSON, as a database would."""

    def __init__(self) -> None:
        self.kept: list[str] = []

    async def __call__(self, checkpoint: Checkpoint) -> None:
        await asyncio.sleep(0)
        self.kept.append(json.dumps([checkpoint.number, checkpoint.states]))

    def last(self, at: int = -1) -> Checkpoint:
        number, states = json.loads(self.kept[at])
        return Checkpoint(number, states)


class Limited(Numbers):
    count: ClassVar[int | None] = 20_000
    step: ClassVar[int] = 37


async def _doubled(inputs: Mapping[str, Any]) -> Parts:
    async for chunk in inputs["items"].chunks():
        yield {"items": Chunk(item * 2 for item in chunk)}


async def _slowly_doubled(inputs: Mapping[str, Any]) -> Parts:
    async def work(item: int) -> int:
        await asyncio.sleep(0)
        return item * 2

    async for item in inputs["items"].parallel_map(work, limit=5):
        yield {"items": item}


class Zipped(StreamNode):
    """Reads one input to its end before the other: the worst order for a checkpoint."""

    spec: ClassVar = SPEC

    def __init__(self) -> None:
        self.sums = [0, 0]

    async def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[NodeOutput]:
        for number, port in enumerate(("left", "right")):
            async for chunk in inputs[port].chunks():
                self.sums[number] += sum(chunk)
        yield {"sums": list(self.sums)}

    def snapshot(self) -> Json:
        return list[Json](self.sums)

    def restore(self, state: Any) -> None:
        self.sums = list(state)


def chain(**more: Any) -> list[StagePlan]:
    return [
        stage("source", Limited),
        stage("double", _doubled, {"items": [("source", "items")]}),
        stage("slow", _slowly_doubled, {"items": [("double", "items")]}),
        stage("total", Total, {"items": [("slow", "items")]}, outputs=()),
    ]


def diamond() -> list[StagePlan]:
    return [
        stage("source", Limited),
        stage("left", _doubled, {"items": [("source", "items")]}),
        stage("right", _slowly_doubled, {"items": [("source", "items")]}),
        stage("zip", Zipped, {"left": [("left", "items")], "right": [("right", "items")]}, outputs=()),
    ]


class Running(ChunkNode):
    """Gives the running sum of what it takes; ``most`` items at most."""

    spec: ClassVar = SPEC
    most: ClassVar[int] = 10**9

    def __init__(self) -> None:
        self.sum = self.taken = 0

    async def open(self, ctx: Context, inputs: Mapping[str, Any]) -> None:
        await asyncio.sleep(0)

    async def take(self, chunk: Sequence[Any]) -> NodeOutput:
        some = chunk[: self.most - self.taken]
        self.taken += len(some)
        self.has_enough = self.taken >= self.most
        given = Chunk()
        for item in some:
            self.sum += item
            given.append(self.sum)
        return {"items": given}

    async def finish(self) -> AsyncIterator[NodeOutput]:
        await asyncio.sleep(0)
        yield {"items": -1, "taken": self.taken}

    def snapshot(self) -> Json:
        return [self.sum, self.taken]

    def restore(self, state: Any) -> None:
        self.sum, self.taken = state


class Few(Running):
    most: ClassVar[int] = 9_000


def direct() -> list[StagePlan]:
    """Nodes called where their input is given, split and put together again, one of them done early."""
    return [
        stage("source", Limited),
        stage("first", Running, {"items": [("source", "items")]}),
        stage("left", Running, {"items": [("first", "items")]}),
        stage("right", _slowly_doubled, {"items": [("first", "items")]}),
        stage("few", Few, {"items": [("first", "items")]}),
        stage("zip", Zipped, {"left": [("left", "items")], "right": [("right", "items")]}, outputs=()),
        stage("total", Total, {"items": [("few", "items")]}, outputs=()),
    ]


async def _undisturbed(make: Any) -> dict[str, dict[str, Any]]:
    run = pipeline(*make())
    await run.run()
    return run.results()


async def _with_checkpoints(run: Pipeline, count: int) -> None:
    """Take ``count`` checkpoints while it runs, then go on to its end."""
    task = asyncio.create_task(run.run())
    for _ in range(count):
        for _turn in range(3):
            await asyncio.sleep(0)
        taking = asyncio.create_task(run.checkpoint())
        await asyncio.wait({taking, task}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            taking.cancel()
            break
    await task


@pytest.mark.parametrize("make", [chain, diamond, direct])
async def test_going_on_from_any_checkpoint_gives_the_undisturbed_result(make: Any) -> None:
    expected = await _undisturbed(make)
    journal = Journal()
    first = pipeline(*make(), commit=journal)
    async with asyncio.timeout(150):
        await _with_checkpoints(first, 12)
        assert first.results() == expected
        assert len(journal.kept) >= 3
        for at in range(0, len(journal.kept), 2):
            again = pipeline(*make(), commit=journal, resume_from=journal.last(at))
            await again.run()
            assert again.results() == expected


async def test_a_drained_pipeline_stops_at_a_barrier_and_goes_on_from_it() -> None:
    expected = await _undisturbed(chain)
    journal = Journal()
    results: dict[str, dict[str, Any]] = {}
    stops = 0
    async with asyncio.timeout(150):
        while not results:
            resume = journal.last() if journal.kept else None
            run = pipeline(*chain(), commit=journal, resume_from=resume)
            task = asyncio.create_task(run.run())
            for _ in range(40):
                await asyncio.sleep(0)
            if stops < 5:
                run.drain()
            await task
            if run.is_drained:
                stops += 1
            else:
                results = run.results()
    assert stops == 5
    assert results == expected


async def test_a_source_is_told_of_what_was_committed_and_of_no_more() -> None:
    told: list[tuple[int, int]] = []

    class Counting(Limited):
        async def committed(self) -> None:
            await super().committed()
            told.append((self.acknowledged, int(json.loads(journal.kept[-1])[1]["source"]["node"])))

    journal = Journal()
    run = pipeline(
        stage("source", Counting),
        stage("total", Total, {"items": [("source", "items")]}, outputs=()),
        commit=journal,
    )
    async with asyncio.timeout(150):
        await _with_checkpoints(run, 4)
    assert told
    assert all(acknowledged == kept for acknowledged, kept in told)
    await run.conclude()
    assert run.stages["source"].node.acknowledged == 20_000  # type: ignore[attr-defined]


async def test_a_finished_source_does_not_run_again() -> None:
    journal = Journal()

    class Short(Numbers):
        count: ClassVar[int | None] = 10

    def make() -> list[StagePlan]:
        return [
            stage("short", Short),
            stage("long", Limited),
            stage("zip", Zipped, {"left": [("short", "items")], "right": [("long", "items")]}, outputs=()),
        ]

    async with asyncio.timeout(150):
        await _with_checkpoints(pipeline(*make(), commit=journal), 3)
        held = journal.last(1)
        assert held.states["short"]["done"] is True
        again = pipeline(*make(), commit=journal, resume_from=held)
        await again.run()
    assert again.results()["zip"]["sums"] == [45, sum(range(20_000))]


async def test_a_failing_commit_ends_the_pipeline() -> None:
    async def refuse(checkpoint: Checkpoint) -> None:
        raise OSError("disk full")

    run = pipeline(
        stage("source", Numbers),
        stage("total", Total, {"items": [("source", "items")]}, outputs=()),
        commit=refuse,
        interval_s=0,
    )
    async with asyncio.timeout(150):
        with pytest.raises(OSError, match="disk full"):
            await run.run()
