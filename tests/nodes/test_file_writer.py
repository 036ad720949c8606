"""file_writer: formats, names, atomicity, spreadsheets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sage_studio.plugins.local_host import LocalHost
from tests.nodes.running import failure_of, run_node

ROWS = [{"a": 1, "b": "x,y"}, {"a": None, "c": True, "b": "李"}]


async def write(host: LocalHost, value: Any, **config: Any) -> bytes:
    made = await run_node("file_writer", host, config=config, inputs={"value": value})
    content = await host.files.read(made["file"])
    assert made["size_bytes"] == len(content) == made["file"]["size_bytes"]
    return content


async def test_csv_has_every_column_once(host: LocalHost) -> None:
    content = await write(host, ROWS, name="t", format="csv")
    assert content.decode() == 'a,b,c\r\n1,"x,y",\r\n,李,true\r\n'


async def test_json_lines_json_and_text(host: LocalHost) -> None:
    assert await write(host, [1, {"a": "ü"}], name="t", format="jsonl") == '1\n{"a": "ü"}\n'.encode()
    assert await write(host, {"a": 1}, name="t", format="json") == b'{\n  "a": 1\n}\n'
    assert await write(host, "plain", name="t", format="text") == b"plain"


async def test_the_name_gets_its_ending_and_keeps_its_own(host: LocalHost) -> None:
    for name, expected in (
        ("report", "report.csv"),
        ("report.txt", "report.txt"),
        ("v1.2 final", "v1.2 final.csv"),
    ):
        made = await run_node(
            "file_writer", host, config={"name": name, "format": "csv"}, inputs={"value": []}
        )
        assert made["file"]["name"] == expected


@pytest.mark.parametrize("name", ["../up.csv", "a/b", "a\\b", "c:d", "\x00", "...", " "])
async def test_names_that_lead_elsewhere_are_refused(host: LocalHost, name: str, tmp_path: Path) -> None:
    problem = await failure_of("file_writer", host, config={"name": name}, inputs={"value": 1})
    assert problem["code"] in {"file_writer.bad_name", "node.bad_setting"}
    assert not (tmp_path / "up.csv").exists()


async def test_spreadsheets_do_not_compute_what_people_typed(host: LocalHost) -> None:
    rows = [{"x": '=HYPERLINK("http://evil")'}, {"x": "+49 170 1234"}, {"x": -5}, {"x": "@cmd"}]
    content = await write(host, rows, name="t", format="csv")
    assert content.decode().split("\r\n")[1:5] == [
        '"\'=HYPERLINK(""http://evil"")"',
        "+49 170 1234",
        "-5",
        "'@cmd",
    ]
    plain = await write(host, rows[:1], name="t", format="csv", guard_formulas=False)
    assert b"'=" not in plain


async def test_writing_leaves_nothing_half_done_behind(host: LocalHost, tmp_path: Path) -> None:
    await write(host, "x" * 100_000, name="big", format="text")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["big.txt"]
