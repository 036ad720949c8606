"""Excel workbooks written here are read by openpyxl as they are meant, and those it writes are read here."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from sage_studio.plugins.local_host import LocalHost
from tests.nodes.running import failure_of, run_flow_here, run_node
from tests.nodes.test_compress import content_of

ROWS: list[Any] = [
    {"name": "=1+1", "n": 3, "f": 1.5, "ok": True, "none": None, "list": [1, "a"]},
    {"name": 'a<b>&\x01"c" ', "n": -(10**20), "f": 1e-7, "late": "李雷"},
]


def opened(file: Any) -> Any:
    return openpyxl.load_workbook(io.BytesIO(content_of(file)))


async def written(host: LocalHost, rows: list[Any], **config: Any) -> Any:
    config = {"format": "xlsx", "name": "out", **config}
    return (await run_node("file_writer", host, config=config, inputs={"value": rows}))["file"]


async def test_openpyxl_reads_what_was_written(host: LocalHost) -> None:
    file = await written(host, ROWS, sheet="a/b:c")
    assert (file["name"], file["mime"].rsplit(".", 1)[-1]) == ("out.xlsx", "sheet")
    book = opened(file)
    assert book.sheetnames == ["a b c"]
    assert [[cell.value for cell in row] for row in book.active.rows] == [
        ["name", "n", "f", "ok", "none", "list", "late"],
        ["=1+1", 3, 1.5, True, None, '[1, "a"]', None],
        ['a<b>&"c" ', str(-(10**20)), 1e-7, None, None, None, "李雷"],
    ]
    assert book.active["A2"].data_type == "s"  # a text, no formula


async def test_a_stream_is_written_row_by_row_and_equal_rows_give_equal_files(host: LocalHost) -> None:
    nodes = [
        {"id": "read_1", "type": "file_reader", "config": {"files": ["sample:people.csv"]}},
        {"id": "write_1", "type": "file_writer", "config": {"format": "xlsx", "name": "people"}},
    ]
    edge = {"source": "read_1", "source_port": "rows", "target": "write_1", "target_port": "value"}
    body = {"schema": "sage-studio/flow@1", "nodes": nodes, "edges": [edge]}
    rows = (await run_node("file_reader", host, config={"files": ["sample:people.csv"]}))["rows"]
    whole = content_of(await written(host, rows, name="whole"))
    result = await run_flow_here({**body, "settings": {"mode": "streaming"}}, host)
    assert result.state == "completed", result.error
    assert content_of(result.outputs["write_1"]["file"]) == whole


def foreign() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["day", "at", "when", "share", "done", None, "text"])
    moment = dt.datetime(2024, 2, 29, 13, 30, tzinfo=dt.UTC).replace(tzinfo=None)
    sheet.append([moment.date(), moment.time(), moment, 0.25, False, None, "a"])
    sheet["D2"].number_format = "0%"
    sheet.append([])
    sheet["G5"] = "far"
    other = book.create_sheet("其他")
    other.append(["x"])
    other.append([1])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


async def read(host: LocalHost, path: Path, **config: Any) -> Any:
    return await run_node("file_reader", host, config=config, inputs={"files": [str(path)]})


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "a.xlsx"
    path.write_bytes(foreign())
    return path


async def test_what_openpyxl_writes_is_read(host: LocalHost, book: Path) -> None:
    rows = (await read(host, book))["rows"]
    assert rows[0] == {
        "day": "2024-02-29",
        "at": "13:30:00",
        "when": "2024-02-29T13:30:00",
        "share": 0.25,
        "done": False,
        "column_6": None,
        "text": "a",
    }
    assert [row["text"] for row in rows] == ["a", "far"]


async def test_sheets_are_chosen_by_name_number_or_all(host: LocalHost, book: Path) -> None:
    for sheet in ("其他", "2"):
        assert (await read(host, book, sheet=sheet))["rows"] == [{"x": 1}]
    assert [row["sheet"] for row in (await read(host, book, sheet="*"))["rows"]] == ["Sheet", "Sheet", "其他"]
    texts = (await read(host, book, output="documents"))["documents"]
    assert [text["metadata"]["sheet"] for text in texts] == ["Sheet", "其他"]
    config = {"sheet": "none"}
    problem = await failure_of("file_reader", host, config=config, inputs={"files": [str(book)]})
    assert problem["code"] == "xlsx.damaged"


async def test_bytes_are_written_as_they_are(host: LocalHost) -> None:
    config = {"format": "bytes", "name": "a.png"}
    for value in (b"\x89PNG", "iVBORw=="):
        file = (await run_node("file_writer", host, config=config, inputs={"value": value}))["file"]
        assert file["mime"] == "image/png"
        assert content_of(file)[:4] == b"\x89PNG"
    problem = await failure_of("file_writer", host, config=config, inputs={"value": {"a": 1}})
    assert problem["code"] == "file_writer.not_bytes"
