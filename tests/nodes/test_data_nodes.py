"""data_filter, data_map and data_group, small and large."""

from __future__ import annotations

import time
from typing import Any

import pytest

from sage_studio.plugins.local_host import LocalHost
from tests.nodes.running import failure_of, run_node

PEOPLE = [
    {"name": "Ada", "team": "a", "points": 3, "address": {"city": "London"}},
    {"name": "Bo", "team": "b", "points": 0.1, "address": {"city": "Oslo"}},
    {"name": "Cy", "team": "a", "points": 0.2, "address": {"city": "London"}},
]


async def test_filter_keeps_order_and_hands_the_rest_on(host: LocalHost) -> None:
    made = await run_node(
        "data_filter",
        host,
        config={"condition": "{{ item.points > 0.15 && index < 3 }}"},
        inputs={"items": PEOPLE},
    )
    assert [item["name"] for item in made["items"]] == ["Ada", "Cy"]
    assert [item["name"] for item in made["rejected"]] == ["Bo"]


async def test_filter_names_the_item_its_condition_fails_on(host: LocalHost) -> None:
    problem = await failure_of(
        "data_filter",
        host,
        config={"condition": "{{ item.address.city.trim() == 'x' }}"},
        inputs={"items": [PEOPLE[0], {"address": {"city": {}}}]},
    )
    assert problem["code"] == "node.item_failed"
    assert problem["details"]["index"] == 1


async def test_a_text_is_not_a_list(host: LocalHost) -> None:
    problem = await failure_of("data_filter", host, inputs={"items": "abc"})
    assert problem["code"] == "node.not_a_list"


async def test_map_computes_fields_and_keeps_the_others(host: LocalHost) -> None:
    fields = {"points": "{{ item.points * 2 }}", "where": "{{ item.address.city }}!", "n": "{{ index }}"}
    made = await run_node("data_map", host, config={"fields": fields}, inputs={"items": PEOPLE[:1]})
    assert made["items"] == [{**PEOPLE[0], "points": 6, "where": "London!", "n": 0}]


async def test_map_can_make_items_of_named_fields_only(host: LocalHost) -> None:
    config = {"fields": {"who": "{{ item.name }}", "kind": "person"}, "keep_others": False}
    made = await run_node("data_map", host, config=config, inputs={"items": PEOPLE[:2]})
    assert made["items"] == [{"who": "Ada", "kind": "person"}, {"who": "Bo", "kind": "person"}]


async def test_group_calculates_over_each_group(host: LocalHost) -> None:
    config = {
        "by": ["address.city"],
        "aggregates": {
            "count": "count()",
            "sum": "sum(points)",
            "mean": "mean(points)",
            "min": "min(points)",
            "max": "max(name)",
            "first": "first(name)",
            "list": "list(name)",
            "teams": "distinct(team)",
        },
        "sort_by": "-sum",
    }
    made = await run_node("data_group", host, config=config, inputs={"items": PEOPLE})
    assert made["items"][0] == {
        "address.city": "London",
        "count": 2,
        "sum": 3.2,
        "mean": 1.6,
        "min": 0.2,
        "max": "Cy",
        "first": "Ada",
        "list": ["Ada", "Cy"],
        "teams": 1,
    }
    assert made["count"] == 2


async def test_group_keeps_1_true_and_the_text_1_apart(host: LocalHost) -> None:
    items: list[Any] = [{"k": 1}, {"k": True}, {"k": "1"}, {"k": 1.0}, {"k": None}, {}]
    made = await run_node("data_group", host, config={"by": ["k"]}, inputs={"items": items})
    assert [group["count"] for group in made["items"]] == [2, 1, 1, 2]


async def test_group_sums_numbers_only_and_says_null_for_no_mean(host: LocalHost) -> None:
    config = {"aggregates": {"sum": "sum(x)", "mean": "mean(y)"}}
    items = [{"x": 0.1}, {"x": "0.2"}, {"x": "none"}, {"x": None}]
    made = await run_node("data_group", host, config=config, inputs={"items": items})
    assert made["items"] == [{"sum": 0.3, "mean": None}]


@pytest.mark.parametrize("source", ["median(x)", "sum()", "sum(x", "", 7])
async def test_an_unknown_calculation_is_named(host: LocalHost, source: Any) -> None:
    problem = await failure_of(
        "data_group", host, config={"aggregates": {"r": source}}, inputs={"items": PEOPLE}
    )
    assert problem["code"] == "data_group.bad_aggregate"
    assert "sum(amount)" in problem["hint"]


async def test_100_000_rows_pass_filter_map_and_group_in_seconds(host: LocalHost) -> None:
    rows = [{"country": f"c{n % 8}", "quantity": n % 7, "price": 1.5} for n in range(100_000)]
    started = time.process_time()
    kept = await run_node(
        "data_filter", host, config={"condition": "{{ item.quantity > 0 }}"}, inputs={"items": rows}
    )
    mapped = await run_node(
        "data_map",
        host,
        config={"fields": {"total": "{{ item.quantity * item.price }}"}},
        inputs={"items": kept["items"]},
    )
    grouped = await run_node(
        "data_group",
        host,
        config={"by": ["country"], "aggregates": {"total": "sum(total)"}},
        inputs={"items": mapped["items"]},
    )
    assert sum(group["total"] for group in grouped["items"]) == sum(n % 7 * 1.5 for n in range(100_000))
    assert time.process_time() - started < 30
