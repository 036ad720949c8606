"""Going on where another worker stopped; the in-memory store."""

from __future__ import annotations

import asyncio

import pytest

from sage_studio.engine import (
    Batch,
    Controls,
    ExecutionState,
    FenceLost,
    FlowState,
    MemoryRunStore,
    RunStore,
    StateStore,
)
from tests.engine.control import inside, run as run_controlled
from tests.engine.nodes import BEGUN, Effect, events_of, flow, node, run, states
from tests.engine.store_suite import Claims, RunStoreSuite, record


@pytest.fixture
def claims() -> Claims:
    store = MemoryRunStore()

    async def claim() -> tuple[str, RunStore]:
        return "run-1", store.claim("run-1")

    return claim


class TestMemoryRunStore(RunStoreSuite):
    pass


class DyingStore:
    """Behaves like its twin until ``batches`` are written; then the worker is gone."""

    def __init__(self, twin: MemoryRunStore, batches: int) -> None:
        self.twin = twin
        self.left = batches

    async def load(self, run_id: str) -> ExecutionState:
        return await self.twin.load(run_id)

    async def record(self, run_id: str, batch: Batch) -> None:
        if self.left <= 0:
            raise FenceLost(run_id)
        self.left -= 1
        await self.twin.record(run_id, batch)


CHAIN = flow([node(f"e{i}", "effect") for i in range(6)], [f"e{i}>e{i + 1}" for i in range(5)])


@pytest.mark.parametrize("batches", range(7))
async def test_a_run_taken_over_at_any_point_repeats_no_recorded_node(batches: int) -> None:
    twin = MemoryRunStore()
    Effect.ledger.clear()
    with pytest.raises(FenceLost):
        await run(CHAIN, store=DyingStore(twin, batches))
    finished = {key[0] for key, row in twin.nodes.get("run-1", {}).items() if row.state == "completed"}
    done_before = list(Effect.ledger)
    result = await run(CHAIN, store=twin)
    assert result.state is FlowState.COMPLETED
    repeated = [key for key in Effect.ledger[len(done_before) :] if key.split(":")[1] in finished]
    assert repeated == []
    assert set(Effect.ledger) == {f"run-1:e{i}:" for i in range(6)}
    seqs = [event.seq for event in twin.events["run-1"]]
    assert seqs == list(range(1, len(seqs) + 1))
    assert events_of(twin).count("run_started") == 1


async def _begun(store: MemoryRunStore) -> None:
    """Wait until a node is at work and its record says so."""
    BEGUN.clear()
    while not BEGUN or not any(record.state == "running" for record in store.nodes.get("run-1", {}).values()):
        await asyncio.sleep(0)


async def test_an_interrupted_attempt_is_closed_and_the_next_one_counts_on() -> None:
    twin = MemoryRunStore()
    slow = flow([node("e", "effect", seconds=3600)])
    task = asyncio.get_running_loop().create_task(run(slow, store=twin))
    await _begun(twin)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert twin.nodes["run-1"]["e", "", 1].state == "running"
    quick = flow([node("e", "effect")])
    result = await run(quick, store=twin)
    assert result.state is FlowState.COMPLETED
    first, second = (twin.nodes["run-1"]["e", "", attempt] for attempt in (1, 2))
    assert first.error is not None
    assert (first.state, first.error["code"]) == ("failed", "run.worker_lost")
    assert second.state == "completed"


async def test_a_node_that_must_not_repeat_pauses_the_run_with_outcome_unknown() -> None:
    twin = MemoryRunStore()
    body = flow([node("o", "once", seconds=3600), node("a", "add")], ["o>a"])
    task = asyncio.get_running_loop().create_task(run(body, store=twin))
    await _begun(twin)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    result = await run(body, store=twin)
    assert result.state is FlowState.PAUSED
    assert result.error is not None
    assert (result.error["code"], result.error["node_id"]) == ("run.outcome_unknown", "o")
    assert states(result) == {"o": "paused"}
    assert events_of(twin)[-1] == "run_paused"


@pytest.mark.parametrize("container", ["try_catch", "loop_for", "map_each", "parallel"])
async def test_inside_a_container_nobody_repeats_it_unasked_either(container: str) -> None:
    """The body is taken up before anybody waits for its container: the pause has to reach it all the same."""
    twin = MemoryRunStore()
    settings = {"items": 1} if container in {"loop_for", "map_each"} else {}
    body = flow([node("c", container, **settings), *inside("c", node("o", "once", seconds=0))])
    known = {
        ("c", ""): record(1, "running", "c")._replace(outputs=None, ports=None),
        ("o", "c.0@1"): record(1, "running", "o")._replace(outputs=None, ports=None, iteration_path="c.0@1"),
    }
    await StateStore(twin).save_execution_state("run-1", ExecutionState(nodes=known))
    BEGUN.clear()
    result = await run_controlled(body, store=twin)
    assert result.state is FlowState.PAUSED
    assert result.reason == "outcome_unknown"
    assert BEGUN == []


async def test_a_person_s_decision_to_repeat_lets_the_run_go_on() -> None:
    twin = MemoryRunStore()
    decided = record(1, "pending", "o")._replace(outputs=None, ports=None)
    await StateStore(twin).save_execution_state("run-1", ExecutionState(nodes={("o", ""): decided}))
    result = await run(flow([node("o", "once", seconds=0)]), store=twin)
    assert result.state is FlowState.COMPLETED
    assert result.nodes["o"].attempt == 2


async def test_skipped_routed_and_continued_nodes_stay_settled_after_a_restart() -> None:
    body = flow(
        [
            node("b", "branch"),
            node("no", "effect"),
            node("c", "crash", on_error="route"),
            node("e", "say", text="{{ inputs.value.code }}"),
            node("last", "effect"),
        ],
        ["b:false>no", "c:error>e", "e>last"],
    )
    twin = MemoryRunStore()
    whole = await run(body, store=twin)
    for key in [("last", "", 1)]:
        del twin.nodes["run-1"][key]
    Effect.ledger.clear()
    again = await run(body, store=twin)
    assert states(again) == states(whole)
    assert Effect.ledger == ["run-1:last:"]


async def test_a_drained_run_is_finished_by_the_next_worker() -> None:
    twin = MemoryRunStore()
    controls = Controls(grace_s=1)
    body = flow([node("w", "sleep", seconds=0.1), node("e", "effect")], ["w>e"])
    Effect.ledger.clear()
    task = asyncio.get_running_loop().create_task(run(body, store=twin, controls=controls))
    await _begun(twin)
    controls.drain()
    assert (await task).state is FlowState.READY
    assert Effect.ledger == []
    assert (await run(body, store=twin)).state is FlowState.COMPLETED
    assert Effect.ledger == ["run-1:e:"]


async def test_state_can_be_saved_and_restored_by_name() -> None:
    store = StateStore()
    saved = ExecutionState(nodes={("a", ""): record()})
    await store.save_execution_state("run-9", saved)
    assert (await store.restore_execution_state("run-9")).nodes == saved.nodes
