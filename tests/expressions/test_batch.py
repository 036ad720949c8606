"""Expressions over many items at once give what they give item by item."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from sage_studio.expressions import compile_template
from sage_studio.expressions.batch import Each, chosen_rows, over_columns
from sage_studio.expressions.errors import ExpressionError
from sage_studio.kernel import JsonObject
from sage_studio.sdk import Rows

BY_COLUMN = (
    "{{ item.a * item.b }}",
    "{{ item.a + item.b - 1 }}",
    "{{ item.a / 3 }}",
    "{{ -item.b }}",
    "{{ item.a > 2 && item.name === 'x' }}",
    "{{ !(item.a <= item.b) || item.name != 'y' }}",
    "{{ item.name.toUpperCase() + '!' }}",
    "{{ item.name.startsWith('x') }}",
    "{{ item.name.includes(item.name) }}",
    "{{ item.a > 1 ? item.name : 'small' }}",
    "{{ index * 2 }}",
    "{{ index + item.a }}",
    "{{ item.b }}",
    "{{ item['name'] }}",
)
GENERAL = (
    "{{ item.a / item.b }}",
    "{{ item.a % 3 }}",
    "{{ item.missing ?? 'none' }}",
    "{{ item.name + item.a }}",
    "{{ item.a && item.name }}",
    "{{ [item.a, item.b].map(x => x * 2) }}",
    "{{ vars.limit + item.a }}",
    "{{ item.name.length }}",
    "a text with {{ item.name }} and {{ index }}",
    "no expression",
)
NUMBERS = st.one_of(
    st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False), st.integers(-9, 9)
)
NAMES = st.sampled_from(["x", "xy", "y", "", "Ünïcode", "数据"])


def one_by_one(source: str, rows: list[dict[str, Any]], start: int) -> list[Any]:
    scope: dict[str, Any] = {"vars": {"limit": 5}}
    template = compile_template(source)
    return [template.evaluate({**scope, "item": row, "index": start + i}) for i, row in enumerate(rows)]


def one_by_one_or_error(source: str, rows: list[dict[str, Any]], start: int) -> list[Any] | ExpressionError:
    try:
        return one_by_one(source, rows, start)
    except ExpressionError as error:
        return error


def as_rows(rows: list[dict[str, Any]]) -> Rows:
    return Rows({name: [row[name] for row in rows] for name in ("a", "b", "name")}, len(rows))


@settings(max_examples=150, deadline=None)
@given(
    a=st.lists(NUMBERS, min_size=1, max_size=6),
    b=NUMBERS,
    name=NAMES,
    start=st.integers(0, 10_000),
    mixed=st.booleans(),
)
def test_columns_give_what_items_give(a: list[Any], b: Any, name: str, start: int, mixed: bool) -> None:
    rows: list[dict[str, Any]] = [{"a": value, "b": b, "name": name} for value in a]
    if mixed:
        rows[-1]["a"] = None
    for source in (*BY_COLUMN, *GENERAL):
        expected = one_by_one_or_error(source, rows, start)
        if isinstance(expected, ExpressionError):
            with pytest.raises(ExpressionError) as raised:
                Each(source).values({"vars": {"limit": 5}}, as_rows(rows), start)
            assert raised.value.code == expected.code
            continue
        found = Each(source).values({"vars": {"limit": 5}}, as_rows(rows), start)
        assert found == expected, source
        assert list(map(type, found)) == list(map(type, expected)), source


CONDITIONS = (
    "{{ item.a > 2 }}",
    "{{ item.a > 2 && item.name === 'x' }}",
    "{{ item.name !== 'x' && item.a > item.b && item.a < 100 }}",
    "{{ index > 3 && item.a > 2 }}",
    "{{ item.a > 2 && index > 3 }}",
    "{{ item.name.startsWith('x') && (item.a > 2 || item.b > 2) }}",
    "{{ item.a > 2 && true }}",
    "{{ true && item.a > 2 }}",
    "{{ true }}",
    "{{ item.a }}",
)


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(st.tuples(NUMBERS, st.integers(-9, 9), st.none() | NAMES), max_size=6),
    start=st.integers(0, 6),
)
def test_rows_are_chosen_part_by_part_as_the_whole_condition_chooses(
    rows: list[tuple[Any, int, str | None]], start: int
) -> None:
    items = [{"a": a, "b": b, "name": name} for a, b, name in rows]
    for source in CONDITIONS:
        found = chosen_rows(source, as_rows(items), start)
        if found is not None:
            expected = one_by_one(source, items, start)
            assert list(found[0]) == [item for item, meets in zip(items, expected, strict=True) if meets]


@pytest.mark.parametrize("source", CONDITIONS[:4])
def test_conditions_are_looked_at_part_by_part(source: str) -> None:
    items = [{"a": 3, "b": 1, "name": "x"}, {"a": 4, "b": 2, "name": "y"}]
    found = chosen_rows(source, as_rows(items), 0)
    assert found is not None
    assert len(found[1]) <= source.count("&&") + 1
    assert sum(found[1][-1]) == len(found[0])


def test_a_part_looks_only_at_the_rows_left_by_those_before() -> None:
    """What the others hold would be no number."""
    items = [{"a": 3, "b": 1, "name": "x"}, {"a": "none", "b": 1, "name": "y"}]
    found = chosen_rows("{{ item.name === 'x' && item.a > 2 }}", as_rows(items), 0)
    assert found is not None
    assert list(found[0]) == items[:1]


@pytest.mark.parametrize("source", BY_COLUMN)
def test_simple_expressions_are_computed_column_by_column(source: str) -> None:
    rows = as_rows([{"a": 1.5, "b": 2.0, "name": "x"}, {"a": 2.5, "b": 3.0, "name": "y"}])
    assert over_columns(source, rows, 0) is not None


@pytest.mark.parametrize("source", GENERAL)
def test_everything_else_goes_the_general_way(source: str) -> None:
    assert over_columns(source, as_rows([{"a": 1, "b": 2, "name": "x"}]), 0) is None


def test_an_error_names_its_item() -> None:
    items = [{"a": {"b": 1}}, {"a": None}]
    with pytest.raises(ExpressionError) as raised:
        Each("{{ item.a.b }}").values({}, items, 40)
    assert raised.value.facts["item"] == 41


def test_objects_and_lists_of_expressions_are_computed_part_by_part() -> None:
    rows = as_rows([{"a": 1.5, "b": 2, "name": "x"}, {"a": 2, "b": 3, "name": "y"}])
    value: JsonObject = {"total": "{{ item.a * item.b }}", "pair": ["{{ item.name }}", 7], "fixed": None}
    assert Each(value).values({}, rows) == [
        {"total": 3, "pair": ["x", 7], "fixed": None},
        {"total": 6, "pair": ["y", 7], "fixed": None},
    ]
    assert Each(value).columns({}, rows) == {
        "total": [3, 6], "pair": [["x", 7], ["y", 7]], "fixed": [None, None],
    }  # fmt: skip


def test_a_budget_holds_for_each_item_not_for_all() -> None:
    items = [{"list": list(range(1_000))} for _ in range(400)]
    found = Each("{{ item.list.map(x => x + 1).length }}").values({}, items)
    assert found == [1_000] * 400
