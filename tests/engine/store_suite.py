"""What every ``RunStore`` promises; the in-memory twin and the database adapter run the same tests.

A module that runs it gives the fixture ``claims``: called with nothing, it takes the run over and
returns the run's id and a store that holds it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from sage_studio.engine import Batch, Event, FenceLost, FlowState, NodeRecord, RunOutcome, RunStore

Claims = Callable[[], Awaitable[tuple[str, RunStore]]]


def event(seq: int, type_: str = "log") -> Event:
    return Event(type_, seq, 1_800_000_000.0 + seq, "a", "", 1, {"level": "info"})


def record(attempt: int = 1, state: str = "completed", node_id: str = "a") -> NodeRecord:
    outputs = {"value": [1, "zwei", None, {"$own": True, "ü": 1.5}]} if state == "completed" else None
    ports = {"value": 4} if outputs else None
    return NodeRecord(node_id, "", attempt, state, 1.0, 2.0, outputs, None, ports)  # type: ignore[arg-type]


def batch(*parts: Event | NodeRecord, outcome: RunOutcome | None = None) -> Batch:
    whole = Batch(outcome=outcome)
    for part in parts:
        if isinstance(part, Event):
            whole.events.append(part)
        else:
            whole.nodes[part.key] = part
    return whole


class RunStoreSuite:
    async def test_what_is_recorded_is_loaded_again(self, claims: Claims) -> None:
        run_id, store = await claims()
        first = (await store.load(run_id)).last_seq + 1
        await store.record(run_id, batch(event(first, "run_started"), event(first + 1), record()))
        progress = await store.load(run_id)
        assert progress.last_seq == first + 1
        assert progress.started_at is not None
        assert progress.nodes == {("a", ""): record()}

    async def test_the_newest_attempt_counts(self, claims: Claims) -> None:
        run_id, store = await claims()
        await store.record(run_id, batch(event(10), record(2, "running"), record(1, "failed")))
        assert (await store.load(run_id)).nodes["a", ""].attempt == 2

    async def test_a_later_record_of_an_attempt_replaces_the_earlier(self, claims: Claims) -> None:
        run_id, store = await claims()
        await store.record(run_id, batch(event(10), record(1, "running")))
        await store.record(run_id, batch(record(1, "completed")))
        assert (await store.load(run_id)).nodes["a", ""] == record()

    async def test_a_holder_that_was_replaced_is_refused_and_writes_nothing(self, claims: Claims) -> None:
        run_id, late = await claims()
        _, current = await claims()
        with pytest.raises(FenceLost):
            await late.record(run_id, batch(event(10), record()))
        assert (await current.load(run_id)).nodes == {}
        await current.record(run_id, batch(event(10), record()))
        assert set((await current.load(run_id)).nodes) == {("a", "")}

    async def test_an_ending_is_kept_with_its_last_batch(self, claims: Claims) -> None:
        run_id, store = await claims()
        outcome = RunOutcome(FlowState.COMPLETED, outputs={"a": {"value": 1}})
        await store.record(run_id, batch(event(10), record(), outcome=outcome))
        assert set((await store.load(run_id)).nodes) == {("a", "")}
