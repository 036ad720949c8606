"""A first look at files of every kind, and at those that cannot be looked at."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.files.test_files_api import upload
from tests.nodes.documents import docx, outlined_pdf, protected_pdf
from tests.nodes.hostile import vast_pdf, workbook
from tests.world import World

ROWS = '<row><c t="str"><v>name</v></c></row><row><c t="str"><v>Ada</v></c><c><v>36</v></c></row>'


def preview(world: World, name: str, content: bytes) -> Any:
    made = upload(world.editor.client, world.url, name, content).json()
    return world.viewer.client.get(f"{world.url}/files/{made['id']}/preview")


@pytest.mark.parametrize(
    ("name", "content", "kind", "check"),
    [
        ("a.csv", b"n,v\nx,1\n", "table", lambda p: (p["columns"], p["rows"]) == (["n", "v"], [["x", 1]])),
        ("a.csv", b"a\n" + b"1\n" * 500, "table", lambda p: len(p["rows"]) == 100 and p["is_cut"]),
        ("a.xlsx", workbook(ROWS), "table", lambda p: p["rows"] == [["Ada", 36]]),
        ("a.json", b'{"a": [1]}', "json", lambda p: json.loads(p["text"]) == {"a": [1]}),
        ("a.md", "# 标题".encode("gb18030") * 20, "text", lambda p: "标题" in p["text"]),
        ("a.html", b"<script>1</script>", "text", lambda p: p["text"] == "<script>1</script>"),
        ("a.svg", b"<svg onload=alert(1)>", "text", lambda p: p["text"].startswith("<svg")),
        ("a.txt", b"words " * 100_000, "text", lambda p: p["is_cut"] and len(p["text"]) == 100_000),
        ("a.docx", docx("One", "Two"), "text", lambda p: p["text"] == "One\n\nTwo"),
        ("a.png", b"\x89PNG\r\n\x1a\n", "image", lambda p: not p["text"]),
        ("a.pdf", outlined_pdf(), "pdf", lambda p: p["page_count"] == 2),
        ("a.bin", b"\x00\x01\x02", "none", lambda p: not p["is_cut"]),
    ],
)
def test_a_file_is_shown_as_what_it_is(
    world: World, name: str, content: bytes, kind: str, check: Callable[[Any], bool]
) -> None:
    shown = preview(world, name, content).json()
    assert shown["kind"] == kind
    assert check(shown), shown


def test_what_cannot_be_read_says_why(world: World) -> None:
    answer = preview(world, "a.pdf", protected_pdf("sesame"))
    assert (answer.status_code, answer.json()["code"]) == (422, "pdf.password")


def test_a_page_is_a_picture_of_bounded_size(world: World) -> None:
    for content in (outlined_pdf(), vast_pdf()):
        made = upload(world.editor.client, world.url, "a.pdf", content).json()
        pages = f"{world.url}/files/{made['id']}/pages"
        answer = world.viewer.client.get(f"{pages}/1")
        assert answer.content.startswith(b"\x89PNG")
        assert int.from_bytes(answer.content[16:20]) <= 1001
        assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
        missing = world.viewer.client.get(f"{pages}/9")
        assert (missing.status_code, missing.json()["code"]) == (422, "pdf.damaged")


def test_strangers_see_nothing(world: World) -> None:
    made = upload(world.editor.client, world.url).json()
    for path in ("preview", "pages/1"):
        assert world.stranger.client.get(f"{world.url}/files/{made['id']}/{path}").status_code == 404
