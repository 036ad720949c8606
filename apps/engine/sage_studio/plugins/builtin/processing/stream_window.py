"""Cuts a stream into windows, by number of items or by time, and calculates over each."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from sage_studio.kernel import Json, SageError
from sage_studio.plugins.builtin.processing.data_group import parse_aggregate
from sage_studio.plugins.support.aggregates import CALCULATIONS
from sage_studio.plugins.support.groups import Groups
from sage_studio.plugins.support.items import each_error
from sage_studio.plugins.support.windows import (
    MAX_OPEN,
    Span,
    Window,
    as_time,
    check_overlap,
    check_room,
    event_ms,
    spans_of,
)
from sage_studio.sdk import (
    Choice,
    Chunk,
    Context,
    Field,
    NodeOutput,
    NodeSpec,
    Port,
    Settings,
    StreamNode,
    text,
)

_TICK_S = 0.25


class StreamWindow(StreamNode):
    """A window is given when it is complete; at the end of the stream the open ones are given as they are.

    With a time of their own items are sorted into windows by it, whatever order they come in within
    the allowed lateness. Without one the time of arrival counts, and windows end by the clock.
    """

    spec = NodeSpec(
        id="stream_window",
        name=text("Window", "窗口"),
        description=text(
            "Cuts a stream into windows of so many items or of so much time, also overlapping ones, and "
            "calculates over each.",
            "按条数或时间将数据流切分为窗口（可重叠），并对每个窗口进行计算。",
        ),
        category="processing",
        icon="clock",
        inputs=(
            Port(name="items", type="array<any>", label=text("Items", "数据项"), required=True, streams=True),
        ),
        outputs=(
            Port(name="windows", type="array<object>", label=text("Windows", "窗口"), streams=True),
            Port(name="late", type="array<any>", label=text("Too late", "迟到的数据"), streams=True),
        ),
        config=(
            Field(
                name="by_what",
                label=text("Window by", "窗口类型"),
                default="count",
                control="select",
                expression="never",
                options=(
                    Choice(value="count", label=text("Number of items", "条数")),
                    Choice(value="time", label=text("Time", "时间")),
                ),
            ),
            Field(
                name="size",
                type="number",
                label=text("Size", "窗口大小"),
                help=text("Items, or seconds.", "条数，或秒数。"),
                default=100,
                minimum=0.001,
                maximum=31_536_000,
            ),
            Field(
                name="slide",
                type="number",
                label=text("A new window every", "滑动间隔"),
                help=text(
                    "Items, or seconds; 0: one window begins where the last one ends.",
                    "条数或秒数；0 表示窗口首尾相接、互不重叠。",
                ),
                default=0,
                minimum=0,
                maximum=31_536_000,
                expert=True,
            ),
            Field(
                name="time",
                type="any",
                label=text("Time of an item", "数据项的时间"),
                help=text("Empty: the time at which it arrives.", "留空则使用到达时间。"),
                default=None,
                control="code",
                placeholder=text("{{ item.at_ms }}", "{{ item.at_ms }}"),
                expression="item",
                hands_over=True,
                show_when={"by_what": ("time",)},
            ),
            Field(
                name="lateness_s",
                type="number",
                label=text("Wait for late ones", "允许迟到"),
                default=0,
                minimum=0,
                maximum=31_536_000,
                unit=text("seconds", "秒"),
                show_when={"by_what": ("time",)},
            ),
            Field(
                name="idle_close_s",
                type="number",
                label=text("Close when nothing came for", "空闲多久后关闭窗口"),
                help=text("0: only a later item closes a window.", "0 表示只有更晚的数据才会关闭窗口。"),
                default=0,
                minimum=0,
                maximum=86_400,
                unit=text("seconds", "秒"),
                expert=True,
                show_when={"by_what": ("time",)},
            ),
            Field(
                name="by",
                type="array",
                label=text("Group by", "分组字段"),
                default=[],
                control="list",
                expression="never",
            ),
            Field(
                name="aggregates",
                type="object",
                label=text("Calculate", "计算"),
                help=text(
                    "As in the group node: count() sum(x) mean(x) … Empty: the window holds its items.",
                    "与分组节点相同：count() sum(x) mean(x) 等。留空则窗口包含数据项本身。",
                ),
                default={},
                control="key_value",
                expression="never",
            ),
        ),
        summary=text("{size}", "{size}"),
        example={
            "config": {"by_what": "count", "size": 2, "aggregates": {"total": "sum(n)"}},
            "inputs": {"items": [{"n": 1}, {"n": 2}, {"n": 3}]},
            "outputs": {
                "windows": [
                    {"start": 0, "end": 2, "count": 2, "groups": [{"total": 3}]},
                    {"start": 2, "end": 4, "count": 1, "groups": [{"total": 3}]},
                ],
                "late": [],
            },
        },
    )

    def __init__(self) -> None:
        self._open: dict[Span, Window] = {}
        self._seen = 0
        self._watermark = float("-inf")
        self._held: Any = None
        # At so many open windows it is looked how much they hold.
        self._look_at = MAX_OPEN

    async def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[NodeOutput]:
        settings = Settings(self.spec, ctx, inputs)
        by_time = settings.text("by_what") == "time"
        unit = 1000.0 if by_time else 1.0
        size, slide = settings.number("size") * unit, settings.number("slide") * unit
        if not by_time:
            size, slide = max(round(size), 1), round(slide)
        self._size, self._slide = size, slide or size
        check_overlap(self._size, self._slide)
        self._by_time = by_time
        self._lateness_ms = settings.number("lateness_s") * 1000
        self._calculations = settings.mapping("aggregates")
        self._by = settings.texts("by")
        has_time = settings.raw("time") is not None
        times = settings.over("time")
        idle_s, quiet_s = settings.number("idle_close_s"), 0.0
        if self._held is not None:
            self._load(self._held)
        by_clock = by_time and (not has_time or bool(idle_s))
        async for chunk in inputs["items"].chunks(every_s=_TICK_S if by_clock else None):
            start, self._seen = self._seen, self._seen + len(chunk)
            quiet_s = 0.0 if chunk else quiet_s + _TICK_S
            late = Chunk(
                self._take(chunk, start, await self._times(times if has_time else None, chunk, start))
            )
            if by_time and not has_time:
                self._watermark = max(self._watermark, time.time() * 1000 - self._lateness_ms)
            elif idle_s and quiet_s >= idle_s:
                self._watermark = float("inf")
            part: dict[str, Any] = {"windows": Chunk(self._complete())} if self._open else {}
            check_room(self._open.values())
            self._look_at = len(self._open) + MAX_OPEN
            if late:
                part["late"] = late
            if self._watermark == float("inf"):
                self._watermark = float("-inf")
            yield part
        yield {"windows": Chunk(self._given(window) for window in self._in_order(self._open))}
        self._open = {}

    async def _times(self, times: Any, chunk: Sequence[Any], start: int) -> list[float]:
        if not self._by_time:
            return [float(start + i) for i in range(len(chunk))]
        if times is None:
            return [time.time() * 1000] * len(chunk)
        try:
            values = await times(chunk, start)
        except SageError as error:
            raise each_error(error, start) from error
        return [event_ms(value, start + i) for i, value in enumerate(values)]

    def _take(self, chunk: Sequence[Any], start: int, times: list[float]) -> list[Any]:
        """Sort items into windows; answers those that are too late for all of theirs."""
        late: list[Any] = []
        for item, at in zip(chunk, times, strict=True):
            is_late = True
            for span in spans_of(at, self._size, self._slide):
                if self._by_time and span.end <= self._watermark:
                    continue
                if span.start < 0 and not self._by_time:
                    continue  # windows by count begin with the first item
                is_late = False
                window = self._open.get(span)
                if window is None:
                    window = self._opened(span)
                window.add(item)
            if is_late:
                late.append(item)
            self._watermark = max(self._watermark, at - self._lateness_ms if self._by_time else at + 1)
        return late

    def _opened(self, span: Span) -> Window:
        window = self._open[span] = Window(span, self._new_groups())
        if len(self._open) >= self._look_at:
            # What is complete is only waiting for the end of its chunk.
            check_room([one for one in self._open.values() if one.span.end > self._watermark])
            self._look_at = len(self._open) + MAX_OPEN
        return window

    def _new_groups(self) -> Groups | None:
        if not self._calculations:
            return None
        aggregates = [parse_aggregate(name, source) for name, source in self._calculations.items()]
        return Groups(self._by, [(one.name, one.path, CALCULATIONS[one.kind]) for one in aggregates])

    def _complete(self) -> list[dict[str, Any]]:
        done = [span for span in self._open if span.end <= self._watermark]
        return [self._given(window) for window in self._in_order({s: self._open.pop(s) for s in done})]

    def _in_order(self, windows: Mapping[Span, Window]) -> list[Window]:
        return [windows[span] for span in sorted(windows)]

    def _given(self, window: Window) -> dict[str, Any]:
        start, end = window.span
        given: dict[str, Any] = {
            "start": as_time(start) if self._by_time else int(start),
            "end": as_time(end) if self._by_time else int(end),
            "count": window.count,
        }
        if window.groups is not None:
            given["groups"] = window.groups.rows()
        else:
            given["items"] = window.items
        return given

    def snapshot(self) -> Json:
        watermark = None if self._watermark == float("-inf") else self._watermark
        windows: list[Json] = [window.state() for window in self._open.values()]
        return {"seen": self._seen, "watermark": watermark, "windows": windows}

    def restore(self, state: Any) -> None:
        self._held = state

    def _load(self, state: Any) -> None:
        self._seen = state["seen"]
        if state["watermark"] is not None:
            self._watermark = state["watermark"]
        for held in state["windows"]:
            span = Span(*held["span"])
            window = self._open[span] = Window(span, self._new_groups())
            window.load(held)
