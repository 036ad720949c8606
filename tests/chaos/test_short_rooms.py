"""A few kills under live documents in the layout of this pass; ``make chaos-collab`` does five hundred."""

from __future__ import annotations

import asyncio
import os
from random import Random
from typing import Any, cast

import pycrdt
import pytest
from websockets.asyncio.client import ClientConnection

from infra.chaos.rooms.book import GONE, Book, Claim
from infra.chaos.rooms.editor import Editor
from infra.chaos.rooms.rig import Plan, run_kills

KILLS = 5
SEED = 11


@pytest.mark.kill
@pytest.mark.slow
@pytest.mark.timeout(420)
def test_no_acknowledged_edit_is_lost_when_parts_are_killed() -> None:
    mode = "postgres" if os.environ.get("DATABASE_URL") else "sqlite"
    report = run_kills(Plan(mode, KILLS, SEED, work=10))
    assert report.is_whole, report.as_text()
    assert sum(report.kills.values()) >= KILLS, report.as_text()
    assert report.promises >= KILLS * 10, report.as_text()
    assert report.convergences, report.as_text()


def test_the_judge_sees_what_is_missing() -> None:
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    notes: pycrdt.Map[Any] = doc.get("notes", type=pycrdt.Map)
    notes["a"] = 1
    book = Book()
    for key, value in (("a", 1), ("a", 2), ("b", 1), ("b", GONE)):
        book.write(key, value)
    book.promise(Claim(1, doc.client_id, 1, {"a": 0, "b": 1}))
    assert book.breaches(1, doc) == []
    book.promise(Claim(1, doc.client_id, 2, {"a": 1}))
    assert len(book.breaches(1, doc)) == 2
    assert len(book.breaches(2, doc)) == 1, "clocks of a former epoch say nothing"


def test_the_judge_sees_a_text_that_was_cut_and_what_was_shown_but_is_not_stored() -> None:
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    notes: pycrdt.Map[Any] = doc.get("notes", type=pycrdt.Map)
    notes["log:a"] = pycrdt.Text("1 2 ")
    book = Book()
    for number in (1, 2, 3):
        book.write("log:a", number)
    book.promise(Claim(1, doc.client_id, 1, {"log:a": 1}))
    assert book.breaches(2, doc) == []
    book.promise(Claim(1, doc.client_id, 1, {"log:a": 2}))
    assert len(book.breaches(2, doc)) == 1
    book.saw(2, {7: 1})
    assert len(book.breaches(2, doc)) == 2, "a change of client 7 was shown"


class Wire:
    """Keeps what an editor sends."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    async def send(self, frame: bytes) -> None:
        self.sent.append(frame)


def test_an_editor_in_a_new_epoch_writes_again_only_what_is_not_there() -> None:
    book = Book()
    editor = Editor("e", Random(SEED), list, {}, book, 0, forgets=False, may_write=asyncio.Event())
    for key in ("there", "gone"):
        editor._held[key] = book.write(key, 1)
    editor._change_epoch()
    editor.doc.get("notes", type=pycrdt.Map)["there"] = 1
    wire = Wire()
    asyncio.run(editor._write_again(cast(ClientConnection, wire)))
    assert len(wire.sent) == 1
    assert book.promised_keys == {"there": 0}
    assert list(editor._held) == ["gone"], "it waits for its acknowledgement"
