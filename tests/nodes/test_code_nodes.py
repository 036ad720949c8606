"""The Python and JavaScript nodes, in the real sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from sage_studio.engine import MemoryRunStore
from sage_studio.plugins.builtin.utility.javascript_function import JavascriptFunction
from sage_studio.plugins.builtin.utility.python_function import PythonFunction
from sage_studio.plugins.local_host import LocalHost
from sage_studio.sandbox.runner import close_code_runner
from tests.nodes.running import NodeFailed, run_flow_here, run_node


@pytest.fixture(autouse=True)
async def _sandbox_ends() -> AsyncIterator[None]:
    yield
    close_code_runner()


BOTH = pytest.mark.parametrize(
    ("node", "source"),
    [
        ("python_function", "return {'n': len(items), 'rate': rate}"),
        ("javascript_function", "return {n: items.length, rate}"),
    ],
)


@BOTH
async def test_all_at_once_the_code_sees_the_list_and_the_named_inputs(
    host: LocalHost, node: str, source: str
) -> None:
    config = {"code": source, "inputs": {"rate: number": "{{ 1 + 1 }}"}}
    given = await run_node(node, host, config=config, inputs={"items": [1, 2, 3]})
    assert given["result"] == {"n": 3, "rate": 2}


@pytest.mark.parametrize(
    ("node", "source"),
    [
        ("python_function", "if item % 2 == 0: return {'v': item * value, 'i': index}"),
        ("javascript_function", "if (item % 2 == 0) return {v: item * value, i: index}"),
    ],
)
async def test_per_item_the_order_is_kept_and_nothing_returned_is_left_out(
    host: LocalHost, node: str, source: str
) -> None:
    config = {"code": source, "mode": "each"}
    inputs = {"items": list(range(2500)), "value": 10}
    given = await run_node(node, host, config=config, inputs=inputs)
    assert given == {"items": [{"v": n * 10, "i": n} for n in range(0, 2500, 2)]}


@pytest.mark.parametrize(
    ("node", "source", "line", "column"),
    [
        ("python_function", "x = 1\nreturn items[0].nothing", 2, 8),
        ("javascript_function", "let x = 1;\nreturn items[0].nothing.more;", 2, 8),
    ],
)
async def test_an_error_points_at_the_persons_line(
    host: LocalHost, node: str, source: str, line: int, column: int
) -> None:
    with pytest.raises(NodeFailed) as failed:
        await run_node(node, host, config={"code": source}, inputs={"items": [1]})
    problem = failed.value.problem
    assert failed.value.code == "sandbox.code_failed"
    assert (problem["details"]["line"], problem["details"]["column"]) == (line, column)
    assert source.split("\n")[1] in problem["message"]


async def test_an_item_that_fails_is_named(host: LocalHost) -> None:
    config = {"code": "return 1 / item", "mode": "each"}
    with pytest.raises(NodeFailed, match="Item 1500, line 1"):
        await run_node("python_function", host, config=config, inputs={"items": [1] * 1500 + [0]})


async def test_a_missing_module_says_what_there_is(host: LocalHost) -> None:
    with pytest.raises(NodeFailed) as failed:
        await run_node("python_function", host, config={"code": "import pandas"})
    assert "json, re, math" in failed.value.problem["hint"]


async def test_a_result_of_another_type_than_declared_is_refused(host: LocalHost) -> None:
    with pytest.raises(NodeFailed, match="must be list of objects, but it is whole number"):
        await run_node("javascript_function", host, config={"code": "return 1", "returns": "array<object>"})


async def test_an_input_of_another_type_than_declared_is_refused(host: LocalHost) -> None:
    config = {"code": "return n", "inputs": {"n: integer": "many"}}
    with pytest.raises(NodeFailed, match="“n” must be whole number, but it is text"):
        await run_node("python_function", host, config=config)


@pytest.mark.parametrize("name", ["class", "two words", "item", "1st"])
async def test_a_name_the_language_cannot_use_is_refused(host: LocalHost, name: str) -> None:
    for node in ("python_function", "javascript_function"):
        with pytest.raises(NodeFailed, match="cannot be the name of an input"):
            await run_node(node, host, config={"code": "return 1", "inputs": {name: 1}})


async def test_code_written_for_n8n_runs_as_it_stands(host: LocalHost) -> None:
    source = "return $input.all().map(i => ({json: {total: i.json.price * 2}}));"
    given = await run_node(
        "javascript_function", host, config={"code": source}, inputs={"items": [{"price": 2}]}
    )
    assert given == {"result": [{"total": 4}], "items": [{"total": 4}]}


async def test_code_written_for_dify_runs_as_it_stands(host: LocalHost) -> None:
    source = "def main(arg1: str) -> dict:\n    return {'result': arg1.upper()}"
    config = {"code": source, "inputs": {"arg1": "x"}}
    given = await run_node("python_function", host, config=config)
    assert given["result"] == {"result": "X"}


async def test_what_the_code_prints_is_in_the_log_with_its_line(host: LocalHost) -> None:
    body: dict[str, Any] = {
        "schema": "sage-studio/flow@1",
        "nodes": [
            {"id": "py", "type": "python_function", "config": {"code": "x = 1\nprint('seen', x)"}},
            {"id": "js", "type": "javascript_function", "config": {"code": "console.warn('careful')"}},
        ],
        "edges": [],
    }
    store = MemoryRunStore()
    await run_flow_here(body, host, store=store)
    data: list[Any] = [event.data for event in store.events["run"] if event.type == "log"]
    lines = {(line["message"], line["level"], line["fields"]["line"]) for line in data}
    assert lines == {("seen 1", "info", 2), ("careful", "warning", 1)}


async def test_full_python_says_who_can_switch_it_on(host: LocalHost) -> None:
    with pytest.raises(NodeFailed, match="not switched on"):
        await run_node("python_function", host, config={"code": "return 1", "engine": "full"})


@pytest.mark.parametrize(
    ("node", "source", "is_deterministic"),
    [
        (PythonFunction, "return len(items)", True),
        (PythonFunction, "import random\nreturn random.random()", False),
        (PythonFunction, "from datetime import datetime\nreturn datetime.now()", False),
        (JavascriptFunction, "return items.length", True),
        (JavascriptFunction, "return Math.random()", False),
        (JavascriptFunction, "return new Date()", False),
        (JavascriptFunction, "return globalThis['Da' + 'te'].now()", False),
    ],
)
def test_code_that_may_ask_the_clock_or_chance_is_not_deterministic(
    node: type[PythonFunction | JavascriptFunction], source: str, is_deterministic: bool
) -> None:
    assert node.is_deterministic({"code": source}) is is_deterministic


async def test_a_setting_may_hold_javascript_the_evaluator_does_not_do(host: LocalHost) -> None:
    config = {"code": "return n", "inputs": {"n": "{{ inputs.items[0].replace(/[aeiou]/g, '') }}"}}
    given = await run_node("python_function", host, config=config, inputs={"items": ["hello world"]})
    assert given["result"] == "hll wrld"
    config = {"code": "return {item, n}", "mode": "each", "inputs": {"n": "{{ new Date(0).getTime() }}"}}
    given = await run_node("javascript_function", host, config=config, inputs={"items": [1]})
    assert given["items"] == [{"item": 1, "n": 0}]
