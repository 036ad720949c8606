"""Optimised and drawn order give equal results and states, over random flows; what has effects keeps
its place among everything it was drawn before and behind."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, note, settings

from sage_studio.engine import MemoryRunStore, NodeRecord, Plan, RunResult, compile_flow, run_flow
from sage_studio.engine.optimise.facts import is_repeatable
from sage_studio.flow import parse_plain
from sage_studio.kernel import Json
from tests.engine.nodes import HOST
from tests.optimise.nodes import EFFECTS, EXECUTIONS, LIBRARY, flows


class Ran(NamedTuple):
    result: RunResult
    records: dict[tuple[str, str], NodeRecord]
    events: list[Any]
    executions: list[tuple[str, str]]
    plan: Plan


def ran(body: dict[str, Any], *, optimised: bool) -> Ran:
    plan = compile_flow(parse_plain(body), LIBRARY, optimised=optimised)
    store = MemoryRunStore()

    async def whole() -> RunResult:
        with ThreadPoolExecutor(1) as threads:
            return await run_flow(
                plan, run_id="r", flow_id="f", inputs={}, store=store, host=HOST, threads=threads
            )

    executions: list[tuple[str, str]] = []
    token = EXECUTIONS.set(executions)
    try:
        result = asyncio.run(whole())
    finally:
        EXECUTIONS.reset(token)
    records = {(r.node_id, r.iteration_path): r for r in store.nodes["r"].values()}
    return Ran(result, records, store.events["r"], executions, plan)


def _seen(record: NodeRecord) -> tuple[Any, ...]:
    error = record.error and (record.error["code"], record.error.get("node_id"))
    return record.state, record.attempt, record.outputs, record.ports, error


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(flows())
def test_optimised_and_drawn_order_give_equal_results_and_states(body: dict[str, Any]) -> None:
    drawn, optimised = ran(body, optimised=False), ran(body, optimised=True)
    note(f"hints {optimised.plan.hints}")

    assert optimised.result.state == drawn.result.state
    if drawn.result.state == "completed":
        assert optimised.result.outputs == drawn.result.outputs
        assert {key: _seen(record) for key, record in optimised.records.items()} == {
            key: _seen(record) for key, record in drawn.records.items()
        }
        assert len(optimised.executions) <= len(drawn.executions)
    else:
        # Which of several failures comes first was open before; what completed, completed alike.
        for key in optimised.records.keys() & drawn.records.keys():
            one, other = optimised.records[key], drawn.records[key]
            if one.state == other.state == "completed" and key[0] not in _containers(body):
                assert one.outputs == other.outputs
    _check_log(optimised)
    _check_effects(body, drawn.plan, optimised)


def _containers(body: dict[str, Any]) -> set[str]:
    return {node["id"] for node in body["nodes"] if node["type"] in {"loop_for", "map_each"}}


def _check_log(run: Ran) -> None:
    assert [event.seq for event in run.events] == list(range(1, len(run.events) + 1))
    ended: set[tuple[str, str]] = set()
    for event in run.events:
        if event.type in {"node_completed", "node_failed", "node_skipped"}:
            key = (event.node_id, event.iteration_path)
            assert key not in ended
            ended.add(key)


def _check_effects(body: dict[str, Any], drawn: Plan, optimised: Ran) -> None:
    """On the top level: everything drawn before an effect has settled before it begins, and nothing drawn
    behind it begins before it has settled."""
    kinds = {node["id"]: node["type"] for node in body["nodes"]}
    began: dict[str, int] = {}
    settled: dict[str, int] = {}
    for event in optimised.events:
        if event.iteration_path == "" and event.node_id is not None:
            began.setdefault(event.node_id, event.seq)
            if event.type in {"node_completed", "node_failed", "node_skipped"}:
                settled[event.node_id] = event.seq
    behind = _behind(drawn)
    for first, others in behind.items():
        for then in others:
            if EFFECTS & {kinds[first], kinds[then]} and then in began:
                assert settled.get(first, 10**9) < began[then], f"{first} before {then}"


def _behind(plan: Plan) -> dict[str, set[str]]:
    """For every node all that was drawn behind it."""
    found: dict[int, set[int]] = defaultdict(set)
    for slot in reversed(plan.order):
        for successor in plan.nodes[slot].successors:
            found[slot] |= {successor} | found[successor]
    return {plan.nodes[slot].id: {plan.nodes[i].id for i in slots} for slot, slots in found.items()}


def test_what_javascript_may_make_different_every_time_is_not_done_once_for_several() -> None:
    def calc(reads: str) -> Plan:
        nodes: list[Json] = [
            {"id": name, "type": "t_calc", "config": {"reads": reads}} for name in ("a", "b")
        ]
        return compile_flow(parse_plain({"nodes": nodes, "edges": []}), LIBRARY)

    assert [is_repeatable(node) for node in calc("{{ 1 + 1 }}").nodes] == [True, True]
    assert [is_repeatable(node) for node in calc("{{ new Date().getTime() }}").nodes] == [False, False]
