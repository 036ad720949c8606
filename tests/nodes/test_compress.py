"""Packing and unpacking, and archives made to do harm."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sage_studio.plugins.local_host import LocalHost
from tests.nodes.hostile import archive, overlapping_archive
from tests.nodes.running import failure_of, run_node


def content_of(file: Any) -> bytes:
    return Path(file["ref"].removeprefix("path:")).read_bytes()


async def test_what_is_packed_comes_out_again(host: LocalHost, tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    for path, content in (("a.txt", b"one"), ("x/a.txt", b"two" * 1000), ("空.csv", b"a\n")):
        (tmp_path / path).write_bytes(content)
    paths = [str(tmp_path / name) for name in ("a.txt", "x/a.txt", "空.csv")]
    packed = (await run_node("compress", host, inputs={"files": paths}, config={"name": "all"}))["file"]
    assert (packed["name"], packed["mime"]) == ("all.zip", "application/zip")
    with zipfile.ZipFile(io.BytesIO(content_of(packed))) as made:
        assert made.namelist() == ["a.txt", "a_2.txt", "空.csv"]
    out = (await run_node("compress", host, inputs={"files": [packed]}, config={"mode": "unzip"}))["files"]
    assert {file["name"]: content_of(file) for file in out} == {
        "a.txt": b"one",
        "a_2.txt": b"two" * 1000,
        "空.csv": b"a\n",
    }


def with_link() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        entry = zipfile.ZipInfo("a.txt")
        entry.external_attr = 0o120777 << 16
        made.writestr(entry, "/etc/passwd")
    return out.getvalue()


def with_password() -> bytes:
    """The flag that says so, in both places where it stands."""
    content = bytearray(archive([("a.txt", "words")]))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(mark) + offset
        content[at : at + 2] = struct.pack("<H", 1)
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (lambda: archive([("a.txt", " " * (30 << 20))]), "far more"),
        (lambda: archive([(str(number), "") for number in range(20)]), "entries"),
        (lambda: archive([(str(number), "\n" * 600_000) for number in range(4)]), "more than is allowed"),
        (overlapping_archive, "over one another"),
        (with_link, "a link"),
        (with_password, "password"),
        (lambda: archive([("../../a.txt", "words")]), "leads elsewhere"),
        (lambda: archive([("/etc/a.txt", "words")]), "leads elsewhere"),
        (lambda: archive([("c:\\a.txt", "words")]), "leads elsewhere"),
        (lambda: archive([("a.txt", "words" * 99)])[:60], "damaged"),
        (lambda: b"words", "damaged"),
        (lambda: b"", "damaged"),
    ],
)
async def test_a_hostile_archive_is_refused_and_nothing_is_written(
    host: LocalHost, tmp_path: Path, content: Callable[[], bytes], reason: str
) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(content())
    config = {"mode": "unzip", "max_entries": 10, "max_mb": 2 if reason.startswith("more") else 100}
    problem = await failure_of("compress", host, inputs={"files": [str(path)]}, config=config)
    assert problem["code"] == "compress.bad_zip"
    assert reason in problem["message"]
    assert not (tmp_path / "out").exists()


async def test_an_archive_in_an_archive_stays_packed(host: LocalHost, tmp_path: Path) -> None:
    inner = archive([("b.txt", "x" * 10_000)])
    (tmp_path / "a.zip").write_bytes(archive([("folder/inner.zip", inner), ("note.md", "words")]))
    files = [str(tmp_path / "a.zip")]
    out = (await run_node("compress", host, inputs={"files": files}, config={"mode": "unzip"}))["files"]
    assert [(file["name"], file["mime"]) for file in out] == [
        ("folder_inner.zip", "application/zip"),
        ("note.md", "text/markdown"),
    ]
    assert content_of(out[0]) == inner
