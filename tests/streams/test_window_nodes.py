"""Windows by count and time, overlapping, late items, batches and first items."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from sage_studio.plugins.builtin.processing import stream_window
from sage_studio.plugins.local_host import LocalHost
from sage_studio.plugins.support import windows as limits
from sage_studio.plugins.support.windows import event_ms, spans_of
from tests.nodes.running import NodeFailed, run_node


@pytest.fixture
def host(tmp_path: Path) -> Iterator[LocalHost]:
    with LocalHost(folder=tmp_path, environ={}) as made:
        yield made


async def windows(host: LocalHost, items: list[Any], **config: Any) -> dict[str, Any]:
    return dict(await run_node("stream_window", host, config=config, inputs={"items": items}))


async def test_windows_by_count_tumble(host: LocalHost) -> None:
    made = await windows(host, list(range(7)), by_what="count", size=3)
    assert [window["items"] for window in made["windows"]] == [[0, 1, 2], [3, 4, 5], [6]]
    assert [(window["start"], window["end"]) for window in made["windows"]] == [(0, 3), (3, 6), (6, 9)]


async def test_windows_by_count_slide(host: LocalHost) -> None:
    made = await windows(host, list(range(6)), by_what="count", size=4, slide=2)
    assert [window["items"] for window in made["windows"]] == [[0, 1, 2, 3], [2, 3, 4, 5], [4, 5]]


def event(second: float, value: int) -> dict[str, Any]:
    return {"at": 1_700_000_000_000 + second * 1000, "value": value}


async def test_windows_by_event_time_sort_items_that_come_late_but_in_time(host: LocalHost) -> None:
    items = [event(0, 1), event(12, 2), event(9, 3), event(21, 4), event(3, 5), event(40, 6)]
    made = await windows(
        host,
        items,
        by_what="time",
        size=10,
        time="{{ item.at }}",
        lateness_s=5,
        aggregates={"sum": "sum(value)"},
    )
    assert [window["groups"][0]["sum"] for window in made["windows"]] == [4, 2, 4, 6]
    assert [item["value"] for item in made["late"]] == [5]
    assert made["windows"][0]["start"] == "2023-11-14T22:13:20.000Z"


async def test_overlapping_time_windows_hold_an_item_several_times(host: LocalHost) -> None:
    made = await windows(
        host, [event(1, 1), event(11, 2)], by_what="time", size=20, slide=10, time="{{ item.at }}"
    )
    assert [[item["value"] for item in window["items"]] for window in made["windows"]] == [[1], [1, 2], [2]]


async def test_an_item_without_a_time_is_named(host: LocalHost) -> None:
    with pytest.raises(NodeFailed, match=r"stream_window\.bad_time"):
        await windows(host, [{"at": "never"}], by_what="time", time="{{ item.at }}")


@given(at=st.integers(0, 10**6), size=st.integers(1, 1_000), slide=st.integers(1, 1_000))
@settings(max_examples=200, deadline=None)
def test_an_item_lies_in_every_window_it_is_given(at: int, size: int, slide: int) -> None:
    spans = list(spans_of(at, size, slide))
    assert all(span.start <= at < span.end and span.start % slide == 0 for span in spans)
    expected = list(range(-(-(at - size + 1) // slide) * slide, at + 1, slide))
    assert sorted(span.start for span in spans) == expected


def test_times_are_read_in_every_usual_form() -> None:
    assert event_ms(1_700_000_000, 0) == event_ms(1_700_000_000_000, 0) == 1_700_000_000_000
    assert event_ms("2023-11-14T22:13:20Z", 0) == event_ms("2023-11-14T22:13:20", 0) == 1_700_000_000_000


async def test_batches_have_their_size_and_the_last_one_what_is_left(host: LocalHost) -> None:
    made = await run_node("stream_batch", host, config={"size": 4}, inputs={"items": list(range(10))})
    assert made["batches"] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


async def test_take_gives_no_more_than_asked(host: LocalHost) -> None:
    made = await run_node("stream_take", host, config={"count": 3}, inputs={"items": list(range(10))})
    assert made["items"] == [0, 1, 2]
    made = await run_node("stream_take", host, config={"count": 30}, inputs={"items": list(range(10))})
    assert made["items"] == list(range(10))


async def test_what_all_open_windows_hold_is_bounded(
    host: LocalHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_HELD", 40)
    tumbling = await windows(host, list(range(200)), by_what="count", size=20)
    assert len(tumbling["windows"]) == 10  # complete ones do not count
    with pytest.raises(NodeFailed) as caught:
        await windows(host, list(range(30)), by_what="count", size=40, slide=10)
    assert caught.value.problem["code"] == "stream_window.too_much"
    assert "40" in caught.value.problem["message"]


async def test_an_item_belongs_to_so_many_windows_and_no_more(host: LocalHost) -> None:
    with pytest.raises(NodeFailed) as caught:
        await windows(host, [event(1, 1)], by_what="time", size=86_400, slide=1, time="{{ item.at }}")
    assert caught.value.problem["code"] == "stream_window.too_much"


async def test_far_too_many_windows_are_noticed_within_a_chunk(
    host: LocalHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_OPEN", 50)
    monkeypatch.setattr(stream_window, "MAX_OPEN", 50)
    items = [event(second * 100, second) for second in range(60)]
    more = {"by_what": "time", "size": 10, "time": "{{ item.at }}"}
    with pytest.raises(NodeFailed) as caught:
        await windows(host, items, lateness_s=86_400, **more)
    assert caught.value.problem["code"] == "stream_window.too_much"
    assert len((await windows(host, items, **more))["windows"]) == 60
