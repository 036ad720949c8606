"""Retries, time limits, what an error does, cancelling, draining."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from sage_studio.engine import Controls, FlowState, MemoryRunStore, RunResult
from tests.engine.nodes import BEGUN, Deaf, Effect, Opened, events_of, flow, node, run, states


class VirtualClock:
    """Sleeping passes no time and is remembered."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


RETRY = {"count": 3, "delay_s": 2, "backoff": 3, "jitter": 0}


async def test_a_retryable_failure_is_tried_again_with_growing_pauses_and_one_key() -> None:
    clock, store = VirtualClock(), MemoryRunStore()
    result = await run(flow([node("f", "flaky", failures=2, retry=RETRY)]), clock=clock, store=store)
    assert result.outputs["f"]["value"] == [3, "run-1:f:"]
    assert clock.slept == [2, 6]
    assert [record.state for record in store.nodes["run-1"].values()] == ["failed", "failed", "completed"]
    assert events_of(store).count("node_retrying") == 2


async def test_jitter_stays_within_its_share() -> None:
    clock = VirtualClock()
    retry = {"count": 1, "delay_s": 10, "jitter": 0.5}
    for _ in range(20):
        await run(flow([node("f", "flaky", retry=retry)]), clock=clock)
    assert all(5 <= slept <= 15 for slept in clock.slept)
    assert len(set(clock.slept)) > 1


async def test_a_retry_waits_as_long_as_the_other_side_asked() -> None:
    clock = VirtualClock()
    await run(flow([node("f", "flaky", after=30, retry=RETRY)]), clock=clock)
    assert clock.slept == [30]


async def test_a_failure_that_cannot_get_better_is_not_tried_again() -> None:
    clock = VirtualClock()
    result = await run(flow([node("f", "flaky", retryable=False, retry=RETRY)]), clock=clock)
    assert result.state is FlowState.FAILED
    assert clock.slept == []


async def test_a_failing_node_fails_the_run_and_is_named() -> None:
    store = MemoryRunStore()
    body = flow([node("c", "crash"), node("a", "add"), node("w", "sleep", seconds=3600)], ["c>a"])
    result = await run(body, store=store)  # nodes under way are cancelled
    assert result.state is FlowState.FAILED
    assert result.error is not None
    assert (result.error["code"], result.error["node_id"]) == ("node.crashed", "c")
    assert "Traceback" not in result.error["message"]
    assert states(result)["c"] == "failed"
    assert "a" not in result.nodes
    assert events_of(store)[-2:] == ["run_failed", "flow_failed"]


async def test_continue_goes_on_without_the_node_s_branch() -> None:
    body = flow([node("c", "crash", on_error="continue"), node("a", "add"), node("b", "add")], ["c>a"])
    result = await run(body)
    assert result.state is FlowState.COMPLETED
    assert states(result) == {"c": "failed", "a": "skipped", "b": "completed"}


async def test_route_sends_the_error_out_of_its_port() -> None:
    body = flow(
        [
            node("c", "crash", on_error="route"),
            node("a", "add"),
            node("e", "say", text="{{ inputs.value.code }}"),
        ],
        ["c>a", "c:error>e"],
    )
    result = await run(body)
    assert result.state is FlowState.COMPLETED
    assert states(result) == {"c": "failed", "a": "skipped", "e": "completed"}
    assert result.nodes["e"].outputs == {"value": "node.crashed"}


async def test_a_flow_told_to_continue_finishes_its_branches_and_is_failed_all_the_same() -> None:
    body = flow([node("c", "crash"), node("b", "sleep", seconds=0.05)], settings={"on_error": "continue"})
    result = await run(body)
    assert result.state is FlowState.FAILED
    assert states(result) == {"c": "failed", "b": "completed"}


async def test_a_node_over_its_time_limit_fails_with_the_limit_named() -> None:
    result = await run(flow([node("w", "sleep", seconds=5, timeout_s=0.05)]))
    assert result.error is not None
    assert result.error["code"] == "node.timeout"
    assert "0.05" in result.error["message"]
    assert result.error["retryable"] is True


async def test_a_pause_that_waits_for_a_node_does_not_suspend_the_flow_s_time_limit() -> None:
    store, controls = MemoryRunStore(), Controls()
    body = flow([node("w", "sleep", seconds=3600)], settings={"timeout_s": 0.05})
    task = asyncio.create_task(run(body, store=store, controls=controls))
    while "run-1" not in store.events:
        await asyncio.sleep(0.001)
    controls.pause()
    async with asyncio.timeout(30):
        result = await task
    assert result.error is not None
    assert (result.state, result.error["code"]) == ("failed", "run.timeout")


async def test_a_time_limit_is_an_error_like_others_for_what_is_tried_again() -> None:
    store = MemoryRunStore()
    retry = {"count": 3, "delay_s": 0, "errors": ["http.*"]}
    result = await run(flow([node("w", "sleep", seconds=5, timeout_s=0.01, retry=retry)]), store=store)
    assert result.error is not None
    assert (result.error["code"], result.error["retryable"]) == ("node.timeout", False)
    assert "node_retrying" not in events_of(store)


async def test_a_time_limit_on_a_node_that_must_not_repeat_is_not_retried() -> None:
    retry = {"count": 3, "delay_s": 0}
    result = await run(flow([node("w", "once", seconds=5, timeout_s=0.05, retry=retry)]))
    assert result.error is not None
    assert result.error["retryable"] is False
    assert result.nodes["w"].attempt == 1


async def test_a_run_over_its_time_limit_fails() -> None:
    result = await run(flow([node("w", "sleep", seconds=5)], settings={"timeout_s": 0.05}))
    assert result.error is not None
    assert result.error["code"] == "run.timeout"
    assert states(result) == {"w": "cancelled"}


async def test_an_expression_that_fails_fails_its_node() -> None:
    result = await run(flow([node("a", "say", text="{{ null.x }}")]))
    assert result.error is not None
    assert result.error["code"].startswith("expression.")
    assert result.error["node_id"] == "a"


async def test_an_output_that_is_no_mapping_is_the_node_s_fault() -> None:
    result = await run(flow([node("w", "wrong")]))
    assert result.error is not None
    assert result.error["code"] == "node.bad_output"
    assert "list" in result.error["message"]


async def test_close_is_called_after_a_failure() -> None:
    Opened.log.clear()
    result = await run(flow([node("o", "opened")]))
    assert Opened.log == ["prepare", "run", "close"]
    assert result.error is not None
    assert result.error["message"] == "no"


async def _controlled(body: dict[str, Any], wish: str, *, grace_s: float = 3600) -> RunResult:
    """The run's end when somebody wishes something as soon as its first node has begun."""
    controls = Controls(grace_s=grace_s)
    BEGUN.clear()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(run(body, controls=controls))
        while not BEGUN:
            await asyncio.sleep(0)
        getattr(controls, wish)()
        return await task


async def test_cancelling_ends_waiting_nodes_at_once() -> None:
    result = await _controlled(flow([node("w", "sleep", seconds=3600), node("a", "add")], ["w>a"]), "cancel")
    assert result.state is FlowState.CANCELLED
    assert states(result) == {"w": "cancelled"}


async def test_cancelling_lets_a_node_with_an_unrepeatable_effect_finish_within_the_grace() -> None:
    result = await _controlled(flow([node("w", "once", seconds=0.2), node("a", "add")], ["w>a"]), "cancel")
    assert result.state is FlowState.CANCELLED
    assert states(result) == {"w": "completed"}


async def test_a_node_that_refuses_to_be_cancelled_is_abandoned() -> None:
    Deaf.is_let_go = False
    result = await _controlled(flow([node("d", "deaf")]), "cancel", grace_s=0.05)
    assert result.state is FlowState.CANCELLED
    Deaf.is_let_go = True
    await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})


async def test_a_run_cancelled_before_it_begins_runs_nothing() -> None:
    controls = Controls()
    controls.cancel()
    Effect.ledger.clear()
    result = await run(flow([node("e", "effect")]), controls=controls)
    assert result.state is FlowState.CANCELLED
    assert Effect.ledger == []


async def test_draining_gives_the_run_back_between_nodes() -> None:
    result = await _controlled(flow([node("w", "sleep", seconds=0.15), node("a", "add")], ["w>a"]), "drain")
    assert result.state is FlowState.READY
    assert states(result) == {"w": "completed"}


async def test_a_blocking_node_runs_in_a_pool_thread_and_still_awaits_its_context() -> None:
    store = MemoryRunStore()
    result = await run(flow([node("b", "blocking")]), store=store)
    assert result.state is FlowState.COMPLETED, result.error
    thread, seen = result.outputs["b"]["value"]
    assert thread.startswith("node")
    assert seen == "s3cret-value"
    assert "log" in events_of(store)


async def test_secrets_are_blotted_in_records_logs_and_outputs() -> None:
    store = MemoryRunStore()
    await run(flow([node("l", "leak")]), store=store)
    assert "s3cret" not in repr(store.events)
    assert "s3cret" not in repr(store.nodes)
    assert "s3cret" not in repr(store.outcomes)


@pytest.mark.parametrize("count", [1, 300])
async def test_many_failing_nodes_end_one_run(count: int) -> None:
    result = await run(flow([node(f"c{i}", "crash") for i in range(count)]))
    assert result.state is FlowState.FAILED


async def test_a_node_is_tried_again_for_the_errors_it_names_only() -> None:
    retry = {"count": 3, "delay_s": 0, "errors": ["test.*"]}
    named = await run(flow([node("a", "flaky", failures=2, retryable=False, retry=retry)]))
    assert (named.state, named.nodes["a"].attempt) == ("completed", 3)
    other = await run(flow([node("a", "flaky", failures=2, retry={**retry, "errors": ["http.*"]})]))
    assert (other.state, other.nodes["a"].attempt) == ("failed", 1)
