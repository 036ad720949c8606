"""file_reader on real files of every kind, and on files that are not what they say."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from sage_studio.plugins.local_host import LocalHost
from tests.nodes.documents import docx, outlined_pdf, protected_pdf
from tests.nodes.running import failure_of, run_node


async def read(host: LocalHost, path: Path | str, **config: Any) -> Any:
    return await run_node("file_reader", host, config=config, inputs={"files": [str(path)]})


def put(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


async def test_a_csv_becomes_rows_with_numbers_as_numbers(host: LocalHost, tmp_path: Path) -> None:
    path = put(tmp_path, "t.csv", 'name,age,zip,note\nAda,36,01234,"a, b"\n李雷,28,99999,\n')
    rows = (await read(host, path))["rows"]
    assert rows == [
        {"name": "Ada", "age": 36, "zip": "01234", "note": "a, b"},
        {"name": "李雷", "age": 28, "zip": "99999", "note": None},
    ]


@pytest.mark.parametrize("separator", [";", "|", "\t"])
async def test_the_separator_is_found_out(host: LocalHost, tmp_path: Path, separator: str) -> None:
    path = put(tmp_path, "t.csv", f"a{separator}b\n1{separator}2\n")
    assert (await read(host, path))["rows"] == [{"a": 1, "b": 2}]


async def test_rows_of_uneven_length_and_equal_names_lose_nothing(host: LocalHost, tmp_path: Path) -> None:
    path = put(tmp_path, "t.csv", "a,a,\n1,2,3,4\n5\n")
    rows = (await read(host, path))["rows"]
    assert rows[0] == {"a": 1, "a_2": 2, "column_3": 3, "column_4": 4}
    assert rows[1] == {"a": 5, "a_2": None, "column_3": None, "column_4": None}


async def test_100_000_rows_are_read_in_seconds(host: LocalHost) -> None:
    started = time.process_time()
    rows = (await read(host, "sample:orders.csv"))["rows"]
    assert len(rows) == 100_000
    assert isinstance(rows[0]["unit_price"], float)
    assert time.process_time() - started < 20


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "big5"])
async def test_chinese_text_is_read_in_any_usual_encoding(
    host: LocalHost, tmp_path: Path, encoding: str
) -> None:
    words = (
        "這是一份關於自行車保固的說明文件，請仔細閱讀全部內容。"
        if encoding == "big5"
        else ("这是一份关于自行车保修的说明文件，请仔细阅读全部内容。")
    )
    path = put(tmp_path, "t.txt", (words * 5).encode(encoding))
    assert (await read(host, path))["documents"][0]["text"] == words * 5


async def test_a_named_encoding_that_does_not_fit_is_an_error(host: LocalHost, tmp_path: Path) -> None:
    path = put(tmp_path, "t.txt", b"\xff\xfe\xfd"[1:] + b"\x81")
    problem = await failure_of(
        "file_reader", host, config={"encoding": "utf-8"}, inputs={"files": [str(path)]}
    )
    assert problem["code"] == "file.bad_encoding"


async def test_json_lines_tsv_and_json_become_rows(host: LocalHost, tmp_path: Path) -> None:
    assert (await read(host, put(tmp_path, "a.jsonl", '{"a": 1}\n\n{"a": 2}\n')))["rows"] == [
        {"a": 1},
        {"a": 2},
    ]
    assert (await read(host, put(tmp_path, "a.tsv", "x\ty\n1\t2\n")))["rows"] == [{"x": 1, "y": 2}]
    assert (await read(host, put(tmp_path, "a.json", "[1, {}]")))["rows"] == [1, {}]


async def test_html_gives_what_a_reader_sees(host: LocalHost, tmp_path: Path) -> None:
    page = (
        "<!doctype html><title>T</title><style>p{}</style><h1>Head</h1>"
        "<p>one <b>t</b>wo<script>alert(1)</script><div>three</div>"
    )
    made = (await read(host, put(tmp_path, "a.html", page)))["documents"][0]
    assert made["metadata"]["title"] == "T"
    assert made["text"].split() == ["Head", "one", "two", "three"]


async def test_a_word_document_gives_its_paragraphs(host: LocalHost, tmp_path: Path) -> None:
    made = await read(host, put(tmp_path, "a.docx", docx("First &amp; foremost", "第二段")))
    assert made["documents"][0]["text"] == "First & foremost\n\n第二段"


async def test_a_pdf_gives_a_document_per_page_with_text(host: LocalHost, tmp_path: Path) -> None:
    documents = (await read(host, put(tmp_path, "a.pdf", outlined_pdf())))["documents"]
    assert [(entry["text"], entry["metadata"]["page"]) for entry in documents] == [("First page", 1)]


async def test_tables_can_be_read_as_text(host: LocalHost) -> None:
    made = await read(host, "sample:people.csv", output="documents")
    assert made["rows"] == []
    assert "Ada Lovelace" in made["documents"][0]["text"]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.pdf", b"just words", "file.not_what_it_says"),
        ("a.csv", outlined_pdf(), "file.not_what_it_says"),
        ("a.txt", b"\x89PNG\r\n\x1a\n\0\0\0", "file.not_what_it_says"),
        ("a.docx", b"%PDF-1.4 x", "file.not_what_it_says"),
        ("a.json", b"\x1f\x8b\x08\0", "file.not_what_it_says"),
        ("picture", b"\xff\xd8\xff\xe0\0\0", "file.unsupported"),
        ("a.docx", b"PK\x03\x04 broken", "docx.damaged"),
        ("a.pdf", b"%PDF-1.7 and then nothing", "pdf.damaged"),
        ("a.json", b'{"a": ', "file.bad_json"),
        ("a.json", b"[" * 200_000, "file.bad_json"),
        ("a.json", b"[NaN]", "file.bad_json"),
        ("a.jsonl", b'{"a": 1}\nnot json\n', "file.bad_rows"),
        ("a.csv", b'a,b\n"' + b"x" * 2_000_000, "file.bad_rows"),
    ],
)
async def test_a_file_that_is_not_what_it_says_is_named(
    host: LocalHost, tmp_path: Path, name: str, content: bytes, code: str
) -> None:
    problem = await failure_of("file_reader", host, inputs={"files": [str(put(tmp_path, name, content))]})
    assert problem["code"] == code
    assert name in problem["message"]
    assert problem["hint"]


async def test_a_word_document_with_entities_or_a_bomb_is_refused(host: LocalHost, tmp_path: Path) -> None:
    entities = docx("x", prolog='<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa">]>')
    bomb = docx("a" * 30_000_000)
    for name, content in (("e.docx", entities), ("b.docx", bomb)):
        problem = await failure_of("file_reader", host, inputs={"files": [str(put(tmp_path, name, content))]})
        assert problem["code"] == "docx.damaged"


async def test_a_protected_pdf_needs_its_password(host: LocalHost, tmp_path: Path) -> None:
    path = put(tmp_path, "locked.pdf", protected_pdf("sesame"))
    problem = await failure_of("file_reader", host, inputs={"files": [str(path)]})
    assert problem["code"] == "pdf.password"
    with LocalHost(folder=tmp_path, environ={"SAGE_CREDENTIAL_DOOR": "sesame"}) as knowing:
        made = await read(knowing, path, password="door")
    assert made["documents"][0]["text"] == "Behind the door"


async def test_no_file_and_a_missing_file_are_said_so(host: LocalHost) -> None:
    assert (await failure_of("file_reader", host))["code"] == "file_reader.no_files"
    assert (await failure_of("file_reader", host, inputs={"files": ["/nowhere/x.txt"]}))[
        "code"
    ] == "local.no_file"
    assert (await failure_of("file_reader", host, inputs={"files": ["sample:none.txt"]}))[
        "code"
    ] == "file.no_sample"


async def test_the_row_limit_holds(host: LocalHost, tmp_path: Path) -> None:
    path = put(tmp_path, "a.json", json.dumps(list(range(50))))
    assert (await read(host, path, max_rows=7))["rows"] == list(range(7))
