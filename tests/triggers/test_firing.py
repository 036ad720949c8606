"""Several triggers in one flow: the run starts at the one that fired."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sage_studio.engine import MemoryRunStore, compile_flow, run_flow
from sage_studio.engine.inputs import typed_inputs
from sage_studio.flow import parse_plain
from sage_studio.flow.firing import EVENT, fired_node, only_fired
from sage_studio.plugins.registry import builtin_registry
from sage_studio.testing import BenchHost

FLOW: dict[str, Any] = {
    "schema": "sage-studio/flow@1",
    "nodes": [
        {"id": "hand", "type": "manual_trigger", "config": {"text": "by hand"}},
        {"id": "hook", "type": "webhook_trigger"},
        {"id": "clock", "type": "schedule_trigger", "config": {"sample": {"scheduled_at": "noon"}}},
        {"id": "a", "type": "logger"},
        {"id": "b", "type": "logger"},
        {"id": "c", "type": "logger"},
    ],
    "edges": [
        {"source": "hand", "source_port": "text", "target": "a", "target_port": "value"},
        {"source": "hook", "source_port": "body", "target": "b", "target_port": "value"},
        {"source": "clock", "source_port": "scheduled_at", "target": "c", "target_port": "value"},
    ],
}


async def ran(flow: dict[str, Any], inputs: dict[str, Any], tmp_path: Any) -> dict[str, Any]:
    """What the nodes that ran gave."""
    types, document = builtin_registry(), parse_plain(flow)
    given = typed_inputs(document, inputs)
    plan = compile_flow(only_fired(document, types, fired_node(given)), types)
    with BenchHost(tmp_path) as host, ThreadPoolExecutor(1) as threads:
        result = await run_flow(
            plan, run_id="run", inputs=given, store=MemoryRunStore(), host=host, threads=threads
        )
    assert result.state.value == "completed", result.error
    return {name: dict(given) for name, given in result.outputs.items()}


async def test_the_run_starts_at_the_trigger_that_fired(tmp_path: Any) -> None:
    event = {"node": "hook", "data": {"body": {"order": 7}}}
    gave = await ran(FLOW, {EVENT: event}, tmp_path)
    assert gave["b"]["value"] == {"order": 7}
    assert [name for name, given in gave.items() if given] == ["b"]


async def test_a_run_by_hand_starts_at_what_is_started_by_hand(tmp_path: Any) -> None:
    gave = await ran(FLOW, {}, tmp_path)
    assert gave["a"]["value"] == "by hand"
    assert [name for name, given in gave.items() if given] == ["a"]


async def test_a_run_by_hand_of_other_triggers_begins_with_the_sample_of_the_first(tmp_path: Any) -> None:
    others = {**FLOW, "nodes": [node for node in FLOW["nodes"][::-1] if node["id"] != "hand"]}
    others["edges"] = FLOW["edges"][1:]
    gave = await ran(others, {}, tmp_path)
    assert gave["c"]["value"] == "noon"
    assert not gave.get("b")


async def test_what_fired_a_run_is_kept_beside_the_declared_inputs(tmp_path: Any) -> None:
    flow = {**FLOW, "inputs": [{"name": "city", "type": "string", "required": True}]}
    inputs = {"city": "Bern", "more": 1, EVENT: {"node": "hook", "data": {}}}
    assert typed_inputs(parse_plain(flow), inputs).keys() == {"city", EVENT}
    assert "b" in await ran(flow, inputs, tmp_path)
