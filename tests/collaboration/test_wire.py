"""The frame reader and the scan: what stock clients send passes, hostile bytes do not."""

from __future__ import annotations

import gc
import random
import time
import weakref
from typing import Any

import pycrdt
import pytest
from hypothesis import given, settings, strategies as st

from apps.collaboration.documents.library import ROOTS, LiveDoc
from apps.collaboration.wire import frames
from apps.collaboration.wire.scan import Scan, scan_update
from apps.collaboration.wire.varints import WireError, read_uint, write_uint
from tests.collaboration import hostile


def scan(update: bytes) -> Scan:
    return scan_update(update, roots=ROOTS, max_structs=50_000)


@given(st.integers(min_value=0, max_value=2**53 - 1))
def test_integers_survive_a_round_trip(value: int) -> None:
    encoded = write_uint(value)
    assert read_uint(encoded, 0) == (value, len(encoded))


@pytest.mark.parametrize(
    "data", [b"\x80\x00", b"\xff" * 9, b"\xff" * 100_000, b"", b"\x80", b"\xff" * 7 + b"\x7f"]
)
def test_odd_integers_are_refused_in_constant_time(data: bytes) -> None:
    begun = time.thread_time()
    with pytest.raises(WireError):
        read_uint(data, 0)
    assert time.thread_time() - begun < 0.01


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"\x80\x00\x82\x00",  # lib0 would read this as an update
        b"\x00\x02\x05ab",
        b"\x00\x02\x01ab",
        b"\x00\x03\x00",
        b"\x02\x00\x00",
        b"\x64\x01\x01",
        b"\x00\x00\x05" + write_uint(2**28),
        b"\x00\x00\x02\x01\x05",
        b"\x01\x03\x01\x05\x01",
        b"\x03\x00",
    ],
)
def test_frames_that_no_client_sends_are_refused(data: bytes) -> None:
    with pytest.raises(WireError):
        frames.read_frame(data)


def test_frames_of_stock_clients_are_read() -> None:
    assert frames.read_frame(frames.sync_request(b"\x00")) == frames.SyncRequest({}, b"\x00")
    assert frames.read_frame(frames.sync_update(b"\x00\x00")) == frames.SyncUpdate(
        b"\x00\x00", is_answer=False
    )
    assert frames.read_frame(frames.presence_query()) == frames.PresenceQuery()
    sent = frames.presence([frames.presence_entry(5, 1, "{}"), frames.presence_entry(2**40, 9, "null")])
    assert frames.read_frame(sent) == frames.Presence(
        [frames.PresenceEntry(5, 1, "{}"), frames.PresenceEntry(2**40, 9, "null")]
    )


@pytest.mark.parametrize("depth", [65, 5_000, 30_000])
def test_deeply_nested_values_are_refused(depth: int) -> None:
    for value in (hostile.nested_arrays(depth), hostile.nested_objects(depth)):
        with pytest.raises(WireError, match="nested"):
            scan(hostile.update([hostile.in_root(hostile.ITEM_ANY, hostile.any_value(value))]))


def test_values_nested_up_to_the_limit_pass() -> None:
    assert scan(hostile.deep_value(64)).brings == {hostile.CLIENT: [(0, 1)]}


def test_shared_types_nested_too_deep_are_refused() -> None:
    with pytest.raises(WireError, match="nested"):
        scan(hostile.deep_maps(65))
    assert scan(hostile.deep_maps(10)).rooted_depth == 10


@pytest.mark.parametrize("name", hostile.false_counts())
def test_false_counts_are_refused_before_they_cost_anything(name: str) -> None:
    begun = time.thread_time()
    with pytest.raises(WireError):
        scan(hostile.false_counts()[name])
    assert time.thread_time() - begun < 0.01


@pytest.mark.parametrize("name", hostile.foreign_contents())
def test_contents_that_flows_never_have_are_refused(name: str) -> None:
    with pytest.raises(WireError):
        scan(hostile.foreign_contents()[name])


def _edited(seed: int) -> list[bytes]:
    """Updates of a few random edits by three replicas that exchange them."""
    chance = random.Random(seed)
    docs = [pycrdt.Doc[Any](client_id=index + 1) for index in range(3)]
    updates: list[bytes] = []
    roots = []
    for doc in docs:
        roots.append({name: doc.get(name, type=pycrdt.Map) for name in ROOTS})
        doc.observe(lambda event: updates.append(event.update))
    for step in range(40):
        index = chance.randrange(3)
        nodes = roots[index]["nodes"]
        with docs[index].transaction():
            match chance.randrange(4):
                case 0:
                    text = pycrdt.Text("héllo 😀")
                    fields = {
                        "type": "llm",
                        "pos": [1.5, step],
                        "config": pycrdt.Map({"k": None}),
                        "texts": pycrdt.Map({"prompt": text}),
                    }
                    nodes[f"n{step}"] = pycrdt.Map(fields)
                case 1 if list(nodes.keys()):
                    nodes[chance.choice(list(nodes.keys()))]["name"] = "x" * step
                case 2 if list(nodes.keys()):
                    del nodes[chance.choice(list(nodes.keys()))]
                case _:
                    roots[index]["edges"][f"e{step}"] = {
                        "source": "a",
                        "at": step,
                        "list": [True, None, "é", 2**40],
                    }
        for doc in docs:
            doc.apply_update(docs[index].get_update(doc.get_state()))
    return [*updates, docs[0].get_update()]


@pytest.mark.parametrize("seed", range(10))
def test_every_update_a_library_makes_passes_and_is_told_truly(seed: int) -> None:
    doc = LiveDoc()
    for update in _edited(seed)[:-1]:
        found = scan(update)
        doc.apply(update)
        clocks = doc.clocks()
        for client, ranges in found.brings.items():
            assert max(end for _, end in ranges) <= clocks[client]
    whole = scan(doc.encode())
    assert {client: ranges[-1][1] for client, ranges in whole.brings.items()} == doc.clocks()


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_mutated_updates_never_crash_the_scan(data: st.DataObject) -> None:
    """What passes the scan may still be refused by the library, but only by an exception."""
    updates = _SEEDS
    update = bytearray(data.draw(st.sampled_from(updates)))
    for _ in range(data.draw(st.integers(1, 4))):
        update[data.draw(st.integers(0, len(update) - 1))] = data.draw(st.integers(0, 255))
    try:
        scan(bytes(update))
    except WireError:
        return


_SEEDS = _edited(99)


def test_a_document_that_nobody_needs_any_more_is_freed() -> None:
    """The library's subscriptions hold their document in a ring that no collector sees."""
    document = LiveDoc()
    with document.change():
        document.root("notes")["k"] = 1
    assert document.take_change()
    inner = weakref.ref(document._doc)
    del document
    gc.collect()
    assert inner() is None
