"""Nodes that sort, join, reduce, take apart and ask lists, and those that shape single values."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from sage_studio.plugins.local_host import LocalHost
from sage_studio.plugins.support import flow_tables
from sage_studio.plugins.support.keys import Order
from sage_studio.plugins.support.sorting import SpillingSort
from sage_studio.sdk import NodeError
from tests.nodes.running import failure_of, run_flow_here, run_node
from tests.streams.test_spilling import BlobContext

PEOPLE: list[Any] = [
    {"name": "Ada", "team": "b", "points": 3},
    {"name": "bo", "team": "a", "points": 10},
    {"name": "Cy", "team": "a", "points": None},
    {"name": "Dora", "team": "b"},
]


async def test_sort_by_several_fields_up_and_down_with_what_is_missing_last(host: LocalHost) -> None:
    made = await run_node("data_sort", host, config={"by": ["team", "-points"]}, inputs={"items": PEOPLE})
    assert [person["name"] for person in made["items"]] == ["bo", "Cy", "Ada", "Dora"]
    made = await run_node("data_sort", host, config={"by": ["-name"]}, inputs={"items": PEOPLE})
    assert [person["name"] for person in made["items"]] == ["Dora", "Cy", "bo", "Ada"]


async def test_sort_knows_numbers_inside_of_text(host: LocalHost) -> None:
    items = ["file 10", "file 9", 3, True, "File 1", None]
    made = await run_node("data_sort", host, config={"natural": True}, inputs={"items": items})
    assert made["items"] == [3, "File 1", "file 9", "file 10", True, None]


VALUES = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.text("ab1", max_size=2), st.just([1]))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.fixed_dictionaries({"k": VALUES, "v": VALUES})), st.integers(1, 5), st.booleans())
def test_more_items_than_fit_come_in_the_order_of_all_at_once(
    items: list[Any], held: int, is_down: bool
) -> None:
    order = Order(["-k" if is_down else "k", "v"])
    assert spilled(items, order, held) == order.sorted(items) == sorted(items, key=order.key)


def spilled(items: list[Any], order: Order, held: int) -> list[Any]:
    """The items through a sort that may hold ``held``, restored from its checkpoint halfway."""
    context: Any = BlobContext()

    async def through() -> list[Any]:
        sort = SpillingSort(context, order, held_items=held)
        for at, item in enumerate(items):
            await sort.add([item])
            if at == len(items) // 2:
                state, sort = sort.state(), SpillingSort(context, order, held_items=held)
                sort.load(state)
        return [item async for some in sort.in_order() for item in some]

    try:
        return asyncio.run(through())
    finally:
        context.blobs.close()


async def test_dedupe_keeps_the_first_or_the_last_and_hands_on_the_rest(host: LocalHost) -> None:
    items = [{"k": 1, "n": 1}, {"k": 1.0, "n": 2}, {"k": True, "n": 3}, {"k": "1", "n": 4}]
    first = await run_node("data_dedupe", host, config={"by": ["k"]}, inputs={"items": items})
    assert [item["n"] for item in first["items"]] == [1, 3, 4]
    assert [item["n"] for item in first["duplicates"]] == [2]
    last = await run_node("data_dedupe", host, config={"by": ["k"], "keep": "last"}, inputs={"items": items})
    assert [item["n"] for item in last["items"]] == [2, 3, 4]


async def test_dedupe_compares_whole_items_also_with_numbers_beyond_javascript(host: LocalHost) -> None:
    items = [{"a": [2**70], "b": 1}, {"b": 1, "a": [2**70]}, {"a": [2**70 + 1], "b": 1}]
    made = await run_node("data_dedupe", host, inputs={"items": items})
    assert made["items"] == [items[0], items[2]]


async def test_flatten_makes_an_item_of_every_entry(host: LocalHost) -> None:
    items = [{"id": 1, "order": {"lines": ["a", "b"], "x": 0}}, {"id": 2, "order": {"lines": []}}, {"id": 3}]
    made = await run_node("data_flatten", host, config={"field": "order.lines"}, inputs={"items": items})
    assert made["items"] == [
        {"id": 1, "order": {"x": 0}, "lines": "a"},
        {"id": 1, "order": {"x": 0}, "lines": "b"},
        {"id": 3},
    ]
    config = {"field": "order.lines", "into": "line", "keep_others": False, "keep_empty": True}
    made = await run_node("data_flatten", host, config=config, inputs={"items": items[:2]})
    assert made["items"] == [{"line": "a"}, {"line": "b"}, {}]
    made = await run_node("data_flatten", host, config={"depth": 2}, inputs={"items": [[1, [2, [3]]], 4]})
    assert made["items"] == [1, 2, [3], 4]


async def test_join_as_databases_do(host: LocalHost) -> None:
    left = [{"id": 1, "c": "x"}, {"id": 2, "c": "y"}, {"id": 3, "c": None}, {"id": 4, "c": "x"}]
    right = [{"c": "x", "id": 7, "n": "Ada"}, {"c": "x", "n": "Bo"}, {"c": "z", "n": "Cy"}, {"c": None}]
    inputs = {"left": left, "right": right}
    inner = await run_node("data_join", host, config={"left_by": ["c"], "prefix": "r_"}, inputs=inputs)
    assert [(row["id"], row["n"]) for row in inner["items"]] == [(1, "Ada"), (1, "Bo"), (4, "Ada"), (4, "Bo")]
    assert inner["items"][0] == {"id": 1, "c": "x", "r_c": "x", "r_id": 7, "n": "Ada"}
    assert [row["id"] for row in inner["unmatched"]] == [2, 3]
    full = await run_node("data_join", host, config={"left_by": ["c"], "kind": "full"}, inputs=inputs)
    assert [row.get("n", row.get("id")) for row in full["items"]] == [
        "Ada", "Bo", 2, 3, "Ada", "Bo", "Cy", None,
    ]  # fmt: skip
    problem = await failure_of(
        "data_join", host, config={"left_by": ["c"], "right_by": ["a", "b"]}, inputs=inputs
    )
    assert problem["code"] == "data_join.no_keys"


async def test_reduce_goes_from_item_to_item(host: LocalHost) -> None:
    config: dict[str, Any] = {"initial": [], "expression": "{{ total.concat([item * index]) }}"}
    made = await run_node("data_reduce", host, config=config, inputs={"items": [5, 6, 7]})
    assert made == {"result": [0, 6, 14], "count": 3}
    config = {"initial": "", "expression": "{{ total + item.name.trim() }}"}
    problem = await failure_of(
        "data_reduce", host, config=config, inputs={"items": [{"name": "a"}, {"name": {}}]}
    )
    assert (problem["code"], problem["details"]["index"]) == ("node.item_failed", 1)


async def test_set_fields_changes_a_copy(host: LocalHost) -> None:
    value = {"a": {"b": 1, "c": 2}, "d": 3}
    config = {"fields": {"a.b": "{{ inputs.value.d * 2 }}", "e.f": True}, "remove": ["a.c", "nothing.here"]}
    made = await run_node("set_fields", host, config=config, inputs={"value": value})
    assert made["value"] == {"a": {"b": 6}, "d": 3, "e": {"f": True}}
    assert value == {"a": {"b": 1, "c": 2}, "d": 3}
    problem = await failure_of("set_fields", host, config={"fields": {"a": 1}}, inputs={"value": [1]})
    assert problem["code"] == "set_fields.not_an_object"


async def ask(host: LocalHost, query: str, *tables: list[Any], **config: Any) -> Any:
    given = {"query": query, **config}
    made = await run_node("table_sql", host, config=given, branches=list(tables), branches_to="tables")
    return made["items"]


async def test_sql_joins_groups_and_takes_parameters(host: LocalHost) -> None:
    orders = [{"who": 1, "sum": 5.5}, {"who": 1, "sum": 1}, {"who": 2, "tags": ["x"]}]
    people = [{"id": 1, 'na"me': "Ada"}, {"id": 2, 'na"me': "O'Neill"}]
    sql = """select p."na""me" as who, total(o.sum) as total, max(json_extract(o.tags, '$[0]')) as tag
             from t1 o join t2 p on p.id = o.who where p.id <= :most group by 1 order by 1"""
    rows = await ask(host, sql, orders, people, parameters={"most": 2})
    assert rows == [{"who": "Ada", "total": 6.5, "tag": None}, {"who": "O'Neill", "total": 0.0, "tag": "x"}]
    assert await ask(host, "select * from t1", [1, "a", None, 2**80]) == [
        {"value": 1}, {"value": "a"}, {"value": None}, {"value": float(2**80)},
    ]  # fmt: skip


@pytest.mark.parametrize(
    "query",
    [
        "attach database '/etc/passwd' as x",
        "attach ':memory:' as x",
        "pragma database_list",
        "select load_extension('x')",
        "drop table t1",
        "insert into t1 values (1)",
        "create table x (a)",
        "vacuum into '/tmp/x'",
        "select * from t1; select 1",
        "select randomblob(900000000)",
        "select * from sqlite_master where :missing",
        "selec",
        "select 1\x00",
    ],
)
async def test_sql_reads_these_tables_and_reaches_nothing_else(host: LocalHost, query: str) -> None:
    given = {"query": query}
    problem = await failure_of("table_sql", host, config=given, branches=[[{"a": 1}]], branches_to="tables")
    assert problem["code"] == "table_sql.bad_query"
    assert "t1" in problem["message"]


@pytest.mark.parametrize(
    "query",
    [
        "select instr(zeroblob(4000000), zeroblob(2000000) || x'01') as n",
        "select length(replace(hex(zeroblob(2000000)), hex(zeroblob(1000000)) || '1', '')) as n",
        "select length(trim(hex(zeroblob(2000000)), hex(zeroblob(2000000)))) as n",
    ],
)
async def test_functions_over_long_texts_take_time_with_their_length_only(
    host: LocalHost, query: str
) -> None:
    """Their own forms take minutes; the test's time limit is what would be met."""
    assert isinstance((await ask(host, query, [1]))[0]["n"], int)


async def test_functions_of_our_own_answer_as_those_of_sqlite(host: LocalHost) -> None:
    calls = (
        "instr('abc','c')", "instr('a','b')", "instr(null,'a')", "instr(12345,34)",
        "instr('äx','x')",
        "replace('aXbX','X','--')", "replace('a','','b')", "replace(1.5, '.', ',')", "replace('a',null,'b')",
        "trim('xxaxx','x')", "ltrim('xyax','yx')", "rtrim('abcb','cb')", "trim('', 'x')", "trim(null, 'x')",
    )  # fmt: skip
    query = "select " + ", ".join(f"{call} as c{n}" for n, call in enumerate(calls))
    with closing(sqlite3.connect(":memory:")) as plain:
        expected = plain.execute(query).fetchone()
    assert tuple((await ask(host, query, [1]))[0].values()) == expected


def test_sql_that_never_ends_is_broken_off() -> None:
    endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"
    stop_at = time.monotonic() + 0.2
    with pytest.raises(Exception, match="interrupted"):
        flow_tables.query({}, endless, {}, max_rows=1, seconds=60, stopped=lambda: time.monotonic() > stop_at)
    with pytest.raises(Exception, match="longer than"):
        flow_tables.query({}, endless, {}, max_rows=1, seconds=0, stopped=lambda: False)


def test_a_query_cannot_make_more_than_fits_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow_tables, "MAX_RESULT_BYTES", 100_000)
    many = "with recursive n(i) as (select 1 union all select i + 1 from n) select zeroblob(10000) from n"
    with pytest.raises(NodeError) as failed:
        flow_tables.query({}, many, {}, max_rows=1_000, seconds=60, stopped=lambda: False)
    assert failed.value.code.code == "table_sql.too_big"
    few = flow_tables.query({}, many, {}, max_rows=9, seconds=60, stopped=lambda: False)
    assert len(few) == 9


async def test_streams_pass_the_same_nodes(host: LocalHost) -> None:
    """The flow streams: items come in chunks and nothing is a whole list but at the ends."""
    rows = [{"k": n % 7, "n": n, "parts": [n, n]} for n in range(3_000)]
    nodes = [
        {
            "id": "given_1",
            "type": "given",
            "config": {"values": {"p0": rows, "p1": [{"k": 3, "who": "Ada"}]}},
        },
        {"id": "check", "type": "validator", "config": {"schema": {"required": ["k"]}}},
        {"id": "flat", "type": "data_flatten", "config": {"field": "parts"}},
        {"id": "join", "type": "data_join", "config": {"left_by": ["k"]}},
        {"id": "once", "type": "data_dedupe", "config": {"by": ["n"]}},
        {"id": "sort", "type": "data_sort", "config": {"by": ["-n"]}},
        {"id": "words", "type": "template_text", "config": {"template": "{{ item.who }}{{ item.n }}"}},
        {"id": "sum", "type": "data_reduce", "config": {"expression": "{{ total + item.length }}"}},
    ]
    ends = [
        ("given_1.p0", "check.items"), ("check.items", "flat.items"), ("flat.items", "join.left"),
        ("given_1.p1", "join.right"), ("join.items", "once.items"), ("once.items", "sort.items"),
        ("sort.items", "words.items"), ("words.texts", "sum.items"),
    ]  # fmt: skip
    edges = [
        {"source": a.split(".")[0], "source_port": a.split(".")[1], "target": b.split(".")[0],
         "target_port": b.split(".")[1]}
        for a, b in ends
    ]  # fmt: skip
    for mode in ("batch", "streaming"):
        body = {"schema": "sage-studio/flow@1", "settings": {"mode": mode}, "nodes": nodes, "edges": edges}
        result = await run_flow_here(body, host)
        assert result.error is None
        expected = [f"Ada{n}" for n in range(2_999, -1, -1) if n % 7 == 3]
        assert result.outputs["sum"] == {"result": sum(map(len, expected)), "count": len(expected)}
