"""Tables read block by block are the tables read at once, wherever blocks end and readers start anew."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from sage_studio.plugins.support.cells import CONVERT, cell_value
from sage_studio.plugins.support.table_stream import TableFormat, TableReader
from sage_studio.plugins.support.tables import csv_rows
from sage_studio.sdk import NodeError

CELL = st.one_of(
    st.text(alphabet="ab\",\n\r;' é数", max_size=8),
    st.integers(-(10**6), 10**6).map(str),
    st.sampled_from(["1.5", "007", "", " ", "1e3", "-0.25"]),
)


def blocks_of(raw: bytes, size: int) -> list[bytes]:
    return [raw[at : at + size] for at in range(0, len(raw), size)]


def read(raw: bytes, size: int, **how: Any) -> list[Any]:
    reader = TableReader("t", TableFormat(**how))
    chunks = [chunk for block in blocks_of(raw, size) for chunk in reader.feed(block)]
    return [item for chunk in (*chunks, *reader.end()) for item in chunk]


@settings(max_examples=300, deadline=None)
@given(
    rows=st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=30),
    size=st.integers(1, 60),
    ending=st.sampled_from(["\n", "\r\n"]),
)
def test_any_table_is_read_the_same_in_blocks_of_any_size(
    rows: list[list[str]], size: int, ending: str
) -> None:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=ending)
    writer.writerow(["a", "b", "c"])
    writer.writerows(rows)
    text = out.getvalue()
    expected = list(csv_rows("t", text, delimiter=",", max_rows=10**6, numbers=False))
    found = read(text.encode(), size, delimiter=",", numbers=False, encoding="utf-8")
    assert found == expected


PLAIN = st.text(alphabet="ab;' 10.-é", max_size=5)


@settings(max_examples=100, deadline=None)
@given(
    rows=st.lists(st.lists(PLAIN, max_size=3), max_size=25),
    size=st.integers(1, 90),
    ending=st.sampled_from(["\n", "\r\n", "\r"]),
    width=st.integers(1, 3),
)
def test_rows_without_quotes_are_read_like_any_others(
    rows: list[list[str]], size: int, ending: str, width: int
) -> None:
    """Blank lines and short rows among them, too."""
    header = ["x", "y", "z"][:width]
    text = "".join(",".join(row[:width]) + ending for row in [header, *rows])
    expected = list(csv_rows("t", text, delimiter=",", max_rows=10**6, numbers=False))
    assert read(text.encode(), size, delimiter=",", numbers=False, encoding="utf-8") == expected


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(st.text(alphabet="0123-+._ e\n", max_size=18), st.integers().map(str)), max_size=6))
def test_a_column_of_numbers_holds_what_its_cells_are_one_by_one(cells: list[str]) -> None:
    for kind in ("integer", "number"):
        assert CONVERT[kind](cells) == [cell_value(cell) for cell in cells]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "shift_jis"])
def test_encodings_survive_blocks_that_cut_characters(encoding: str) -> None:
    rows = [{"name": f"数据 {n}", "n": n} for n in range(300)]
    text = "name,n\n" + "".join(f"{row['name']},{row['n']}\n" for row in rows)
    assert read(text.encode(encoding), 61, encoding=encoding) == rows


def test_the_kind_of_a_column_is_decided_once_and_odd_cells_stay_text() -> None:
    text = "id,code\n" + "".join(f"{n},7\n" for n in range(2_000)) + "x,007\n,\n5.5,9\n"
    found = read(text.encode(), 4_096, delimiter=",")
    assert found[0] == {"id": 0, "code": 7}
    assert found[-2:] == [{"id": "x", "code": "007"}, {"id": 5.5, "code": 9}]


def test_a_row_with_more_cells_brings_columns_and_a_shorter_one_is_filled() -> None:
    assert read(b"a,b\n1,2\n3\n4,5,6\n", 1_000, delimiter=",") == [
        {"a": 1, "b": 2, "column_3": None},
        {"a": 3, "b": None, "column_3": None},
        {"a": 4, "b": 5, "column_3": 6},
    ]


@settings(max_examples=30, deadline=None)
@given(size=st.integers(20, 9_000), stop=st.integers(0, 40))
def test_a_new_reader_goes_on_at_any_position(size: int, stop: int) -> None:
    text = "n,said\n" + "".join(f'{n},"line {n}\nand more"\n' for n in range(3_000))
    raw = text.encode()
    expected = [{"n": n, "said": f"line {n}\nand more"} for n in range(3_000)]
    reader = TableReader("t", TableFormat(delimiter=","))
    given: list[Any] = []
    position: Any = reader.position
    taken = 0
    for block in blocks_of(raw, size):
        for chunk in reader.feed(block):
            if taken <= stop:
                given.extend(chunk)
                position = json.loads(json.dumps(reader.position))
                taken += 1
    again = TableReader("t", TableFormat(delimiter=","))
    again.restore(position)
    for block in blocks_of(raw, 7_000):
        for chunk in again.feed(block):
            given.extend(chunk)
    for chunk in again.end():
        given.extend(chunk)
    assert given == expected


def test_json_lines_and_text_lines_are_items() -> None:
    raw = b'{"a": 1}\n\n[2]\n"three"'
    assert read(raw, 5, kind="jsonl") == [{"a": 1}, [2], "three"]
    assert read(b"one\ntwo\r\nthree", 4, kind="text") == [
        {"line": 1, "text": "one"}, {"line": 2, "text": "two"}, {"line": 3, "text": "three"},
    ]  # fmt: skip


def test_a_broken_line_is_named() -> None:
    with pytest.raises(NodeError) as raised:
        read(b'{"a": 1}\n{"a": \n', 4, kind="jsonl")
    assert raised.value.facts["line"] == 2
