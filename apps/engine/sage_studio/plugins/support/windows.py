"""Windows over a stream: which an item belongs to, and when one is complete.

Time windows lie on a grid from the epoch on (Akidau et al., "The Dataflow Model", 2015). The
watermark is the latest event time seen minus the allowed lateness; a window is complete when the
watermark has passed its end, and what comes for it after that is late.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sage_studio.kernel import Json, define_error
from sage_studio.plugins.support.aggregates import MAX_VALUES, TOO_MANY
from sage_studio.plugins.support.groups import Groups
from sage_studio.sdk import NodeError

BAD_TIME = define_error(
    "stream_window.bad_time",
    3122,
    en="Item {index} has no time that can be read: {value}",
    zh="第 {index} 项没有可识别的时间：{value}",
    hint_en="Give milliseconds or seconds since 1970, or a text such as 2026-01-31T12:00:00Z.",
    hint_zh="请提供自 1970 年起的毫秒或秒数，或形如 2026-01-31T12:00:00Z 的文本。",
    status=422,
)
TOO_MUCH = define_error(
    "stream_window.too_much",
    3123,
    en="The open windows hold more than {limit} {what}, too many to be kept in memory.",
    zh="打开的窗口中的{what_zh}超过 {limit} 个，无法保存在内存中。",
    hint_en="Make windows smaller or overlap less, wait less for late items, or calculate over them.",
    hint_zh="请缩小窗口、减少重叠、缩短允许迟到的时间，或对窗口进行计算。",
    status=422,
)
# Of all open windows together. Items in several windows count in each.
MAX_HELD = MAX_VALUES
MAX_OPEN = 20_000
# Windows one item may belong to.
MAX_OVERLAP = 1_000
# Numbers below are seconds: 1e11 s lies in the year 5138, 1e11 ms in 1973.
_SECONDS_BELOW = 1e11


class Span(NamedTuple):
    """Milliseconds since the epoch, or numbers of items; the end is not part of it."""

    start: float
    end: float


def spans_of(at: float, size: float, slide: float) -> Iterator[Span]:
    """Every window an event at ``at`` belongs to, the latest first."""
    start = at - at % slide
    while start > at - size:
        yield Span(start, start + size)
        start -= slide


def event_ms(value: Any, index: int) -> float:
    """A time in milliseconds. Raises NodeError ``stream_window.bad_time``."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value * 1000 if abs(value) < _SECONDS_BELOW else float(value)
    if isinstance(value, str):
        try:
            read = datetime.fromisoformat(value.strip())
        except ValueError:
            pass
        else:
            return (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp() * 1000
    raise NodeError(BAD_TIME, {"index": index, "value": str(value)[:100]})


def as_time(at_ms: float) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def check_room(windows: Collection[Window]) -> None:
    """Raises NodeError ``stream_window.too_much`` when all of them together hold too much."""
    if len(windows) > MAX_OPEN:
        raise NodeError(TOO_MUCH, {"limit": MAX_OPEN, "what": "windows", "what_zh": "窗口"})
    if sum(window.held for window in windows) > MAX_HELD:
        raise NodeError(TOO_MUCH, {"limit": MAX_HELD, "what": "items", "what_zh": "数据项"})


def check_overlap(size: float, slide: float) -> None:
    """Raises NodeError ``stream_window.too_much`` when an item would belong to too many."""
    if size > slide * MAX_OVERLAP:
        what, what_zh = "windows for one item", "（单个数据项所属的）窗口"
        raise NodeError(TOO_MUCH, {"limit": MAX_OVERLAP, "what": what, "what_zh": what_zh})


class Window:
    """What one open window holds: its items, or only its groups."""

    def __init__(self, span: Span, groups: Groups | None) -> None:
        self.span = span
        self.groups = groups
        self.items: list[Any] = []
        self.count = 0

    def add(self, item: Any) -> None:
        """Raises NodeError ``data_group.too_many``."""
        self.count += 1
        if self.groups is not None:
            self.groups.add([item])
            return
        self.items.append(item)
        if len(self.items) > MAX_VALUES:
            raise NodeError(TOO_MANY, {"limit": MAX_VALUES, "what": "items", "what_zh": "数据项"})

    @property
    def held(self) -> int:
        """Items, or groups and the values they list."""
        return len(self.items) if self.groups is None else len(self.groups) + self.groups.held

    def state(self) -> Json:
        groups = None if self.groups is None else self.groups.state()
        return {"span": list[Json](self.span), "items": self.items, "count": self.count, "groups": groups}

    def load(self, state: Any) -> None:
        self.items, self.count = list(state["items"]), state["count"]
        if self.groups is not None:
            self.groups.load(state["groups"])
