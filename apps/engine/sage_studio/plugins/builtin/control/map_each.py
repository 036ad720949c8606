"""Runs what is inside for every item of a list, several at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Any

from sage_studio.kernel import JsonObject, json_object
from sage_studio.plugins.support.rounds import INDEX, ITEM, MONTH_S, RESULT, items_field, result_field, rounds
from sage_studio.sdk import (
    Body,
    BodyFailed,
    BodyResult,
    Choice,
    Context,
    Field,
    Node,
    NodeOutput,
    NodeSpec,
    Port,
    Settings,
    text,
)


class MapEach(Node):
    """Several items at once, results in the order of the items."""

    spec = NodeSpec(
        id="map_each",
        name=text("Map each", "并行映射"),
        description=text(
            "Runs what is inside for every item of a list, several at once, and keeps the order.",
            "对列表中的每一项并行执行内部节点，并保持顺序。",
        ),
        category="control",
        icon="map",
        outputs=(
            Port(name="results", type="array<any>", label=text("Results", "结果列表")),
            Port(name="errors", type="array<object>", label=text("Errors", "错误列表")),
            Port(name="count", type="integer", label=text("Items done", "完成项数")),
        ),
        config=(
            items_field(),
            Field(
                name="parallelism",
                type="integer",
                label=text("At once", "并行数"),
                default=4,
                minimum=1,
                maximum=1000,
                unit=text("items", "项"),
            ),
            Field(
                name="on_item_error",
                label=text("When an item fails", "某项失败时"),
                default="fail",
                control="select",
                expression="never",
                options=(
                    Choice(value="fail", label=text("Fail", "报错")),
                    Choice(value="collect", label=text("Go on, null in its place", "继续，该位置为 null")),
                    Choice(value="skip", label=text("Go on without it", "继续并略过该项")),
                ),
            ),
            Field(
                name="chunk_size",
                type="integer",
                label=text("Items per chunk", "每块项数"),
                help=text(
                    "On the fleet, so many items go to another worker together. 0: chosen by how many there "
                    "are, where the work inside is heavy.",
                    "在集群上执行时，每次将多少项一起交给其他工作进程。0：当内部工作繁重时按项数自动选择。",
                ),
                default=0,
                minimum=0,
                maximum=500,
                expression="never",
                expert=True,
                unit=text("items", "项"),
            ),
            result_field(),
        ),
        body=Body(gives=(ITEM, INDEX), takes=(RESULT,), is_loop=True),
        default_timeout_s=MONTH_S,
        summary=text("{parallelism} at once", "并行 {parallelism}"),
        example={
            "flow": {
                "nodes": [
                    {
                        "id": "each",
                        "type": "map_each",
                        "config": {"items": ["a", "b"], "result": "{{ index }}{{ item }}"},
                    },
                ],
                "edges": [],
                "outputs": [{"name": "results", "value": "{{ each.results }}"}],
            },
            "outputs": {"results": ["0a", "1b"]},
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        work = _MapWork(ctx, rounds(settings.raw("items")), settings.text("on_item_error"))
        await work.perform(settings.integer("parallelism"), settings.integer("chunk_size"))
        return work.outputs()


class _MapWork:
    """The items of one map: who takes which, and what became of each."""

    def __init__(self, ctx: Context, items: list[Any], on_error: str) -> None:
        self._ctx = ctx
        self._items = items
        self._on_error = on_error
        self._next = enumerate(items)
        self._done: dict[int, BodyResult] = {}
        self._errors: dict[int, JsonObject] = {}
        self._end = len(items)

    async def perform(self, parallelism: int, wished: int) -> None:
        count = len(self._items)
        size = await self._ctx.chunk_size(count, at_once=parallelism, wished=wished)
        take = partial(self._take_chunks, size) if size else self._take_items
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(parallelism, count)):
                    group.create_task(take())
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def _take_items(self) -> None:
        for index, item in self._next:
            if index >= self._end:
                return
            try:
                done: BodyResult | BodyFailed = await self._ctx.body(index, _given(index, item))
            except BodyFailed as failure:
                done = failure
            self._settle(index, done)

    async def _take_chunks(self, size: int) -> None:
        """Each item as ``_take_items`` does, by another worker, several together."""
        while chunk := list(islice(self._next, size)):
            if chunk[0][0] >= self._end:
                return
            rounds_ = [(index, _given(index, item)) for index, item in chunk]
            ended = await self._ctx.bodies(rounds_, stops_at_failure=self._on_error == "fail")
            for (index, _), done in zip(chunk, ended, strict=False):
                self._settle(index, done)

    def _settle(self, index: int, done: BodyResult | BodyFailed) -> None:
        if isinstance(done, BodyFailed):
            if self._on_error == "fail":
                raise done
            self._errors[index] = {"index": index, "error": json_object(done.problem)}
            return
        self._done[index] = done
        if done.is_break:
            # The first item that breaks, by order, decides, whichever was faster.
            self._end = min(self._end, index + 1)
        self._ctx.progress(len(self._done) + len(self._errors), len(self._items))

    def outputs(self) -> NodeOutput:
        errors = [self._errors[index] for index in sorted(self._errors) if index < self._end]
        return {"results": list(self._results()), "errors": errors, "count": self._end - len(errors)}

    def _results(self) -> Iterator[Any]:
        for index in range(self._end):
            if index in self._done:
                yield self._done[index].value
            elif self._on_error == "collect":
                yield None


def _given(index: int, item: Any) -> dict[str, Any]:
    return {"item": item, "index": index}
