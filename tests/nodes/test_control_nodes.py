"""manual_trigger, if_else, merge and notify."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from sage_studio.plugins.local_host import LocalHost
from tests.nodes.running import failure_of, run_flow_here, run_node

TRIGGER = {
    "schema": "sage-studio/flow@1",
    "nodes": [
        {
            "id": "manual_trigger_1",
            "type": "manual_trigger",
            "config": {"text": "default", "data": {"a": 1, "b": 2}},
        }
    ],
}


async def test_the_trigger_hands_on_its_fields(host: LocalHost) -> None:
    result = await run_flow_here(TRIGGER, host)
    assert result.outputs["manual_trigger_1"] == {"text": "default", "files": [], "data": {"a": 1, "b": 2}}


async def test_what_a_run_is_given_wins_over_the_fields(host: LocalHost) -> None:
    result = await run_flow_here(TRIGGER, host, text="asked", files="sample:faq.md", data={"b": 3}, more="x")
    made = result.outputs["manual_trigger_1"]
    assert made["text"] == "asked"
    assert made["files"][0]["ref"] == "sample:faq.md"
    assert made["data"] == {"a": 1, "b": 3, "more": "x"}


@pytest.mark.parametrize(
    ("condition", "port"),
    [
        ("{{ inputs.value > 3 }}", "true"),
        ("{{ inputs.value > 9 }}", "false"),
        ("{{ '' }}", "false"),
        ("false", "false"),
        ("{{ 0 }}", "false"),
        ("{{ [] }}", "true"),
        ("{{ null }}", "false"),
    ],
)
async def test_if_else_takes_exactly_one_port(host: LocalHost, condition: str, port: str) -> None:
    made = await run_node("if_else", host, config={"condition": condition}, inputs={"value": 5})
    assert made == {port: 5}


@pytest.mark.parametrize(
    ("mode", "branches", "value"),
    [
        ("first", [None, 1], None),
        ("any", [None, [], 1], 1),
        ("all", [1, [2]], [1, [2]]),
        ("append", [[1], 2, [3, 4]], [1, 2, 3, 4]),
        ("zip", [[1, 2, 3], ["a", "b"]], [[1, "a"], [2, "b"]]),
        ("combine", [{"a": 1, "b": 1}, {"b": 2}], {"a": 1, "b": 2}),
        ("by_node", [7], {"given_1": 7}),
    ],
)
async def test_merge_by_every_mode(host: LocalHost, mode: str, branches: list[Any], value: Any) -> None:
    made = await run_node("merge", host, config={"mode": mode}, branches=branches)
    assert made == {"value": value, "count": len(branches)}


async def test_merge_refuses_to_combine_what_is_no_object(host: LocalHost) -> None:
    problem = await failure_of("merge", host, config={"mode": "combine"}, branches=[{"a": 1}, "x"])
    assert problem["code"] == "merge.not_objects"


async def test_notify_tells_and_passes_its_value_on(tmp_path: Path) -> None:
    out = io.StringIO()
    with LocalHost(folder=tmp_path, environ={}, out=out) as host:
        config = {"title": "Got {{ inputs.value }}", "body": "b", "level": "warning"}
        made = await run_node("notify", host, config=config, inputs={"value": 5})
    assert made == {"value": 5}
    assert out.getvalue() == "[warning] Got 5\nb\n"


async def test_notify_without_a_title_names_the_field(host: LocalHost) -> None:
    problem = await failure_of("notify", host, inputs={"value": 1})
    assert problem["code"] == "node.bad_setting"
    assert problem["details"]["name"] == "title"


async def test_notices_with_one_key_are_told_once(tmp_path: Path) -> None:
    out = io.StringIO()
    with LocalHost(folder=tmp_path, environ={}, out=out) as host:
        for _ in range(2):
            await run_node("notify", host, config={"title": "Once"}, inputs={"value": 1})
    assert out.getvalue() == "[info] Once\n"


@pytest.mark.parametrize(
    "until", ["soon", 1e20, "{{ 0 / 0 }}", True, "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"]
)
async def test_wait_until_refuses_what_is_no_time_in_words_of_its_own(host: LocalHost, until: Any) -> None:
    problem = await failure_of("wait", host, config={"mode": "until", "until": until})
    assert problem["code"] == "wait.not_a_time"
