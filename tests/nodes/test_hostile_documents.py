"""Documents made to do harm end in a clear error or a right result, within limits of memory and time."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from sage_studio.plugins.local_host import LocalHost
from sage_studio.sdk import FileRef
from tests.nodes.hostile import CASES, Check, workbook
from tests.nodes.running import NodeFailed, run_node


async def read(host: LocalHost, path: Path, **config: Any) -> Any:
    return await run_node("file_reader", host, config=config, inputs={"files": [str(path)]})


@pytest.mark.parametrize(
    ("name", "content", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
async def test_a_hostile_document_is_contained(
    host: LocalHost, tmp_path: Path, name: str, content: Callable[[], bytes], expected: str | Check
) -> None:
    path = tmp_path / name
    path.write_bytes(content())
    if isinstance(expected, str):
        with pytest.raises(NodeFailed, match=re.escape(name)) as caught:
            await read(host, path)
        assert caught.value.code == expected
        return
    made = await read(host, path)
    found = [document["text"] for document in made["documents"]] + [str(row) for row in made["rows"]]
    assert expected("\n".join(found))


class Endless:
    """Files whose content is made as it is read; counts how much was."""

    def __init__(self, block: bytes) -> None:
        self._block = block
        self.given_bytes = 0

    async def stream(self, file: FileRef, *, chunk_bytes: int = 1 << 20) -> AsyncIterator[bytes]:
        while self.given_bytes < 1 << 30:
            self.given_bytes += chunk_bytes
            yield (self._block * (chunk_bytes // len(self._block)))[:chunk_bytes]


@pytest.mark.parametrize(
    ("name", "block", "code"),
    [
        ("a.csv", b"words and words ", "file.bad_rows"),
        ("a.jsonl", b"[[[[[[[[", "file.bad_rows"),
        ("a.json", b'"aaaaaa\\n', "file.bad_json"),
        ("a.txt", b"words and words ", "reading.too_large"),
        ("a.html", b"words and words ", "reading.too_large"),
    ],
)
async def test_a_line_of_a_gigabyte_is_given_up_long_before_its_end(
    host: LocalHost, name: str, block: bytes, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = Endless(block)
    monkeypatch.setattr(host, "files", files)
    with pytest.raises(NodeFailed) as caught:
        await read(host, Path(name))
    assert caught.value.code == code
    assert files.given_bytes < 400 << 20


async def test_shared_texts_that_fill_the_memory_end_the_reader_alone(
    host: LocalHost, tmp_path: Path
) -> None:
    shared = f"<sst>{'<si><t>x</t></si>' * 20}</sst>"
    path = tmp_path / "a.xlsx"
    path.write_bytes(workbook('<row><c t="s"><v>99999</v></c><c t="s"><v>1</v></c></row>', shared=shared))
    rows = (await read(host, path, has_header=False))["rows"]
    assert rows == [{"column_1": None, "column_2": "x"}]
