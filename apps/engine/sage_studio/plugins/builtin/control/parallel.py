"""Runs unconnected parts at once and waits for all of them, or for the fastest."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from sage_studio.plugins.support.rounds import MONTH_S, RESULT
from sage_studio.sdk import (
    Body,
    BodyFailed,
    Choice,
    Context,
    Field,
    Leave,
    Node,
    NodeOutput,
    NodeSpec,
    Port,
    Settings,
    text,
)


class Parallel(Node):
    """Every unconnected part inside is a lane, named after its first node."""

    spec = NodeSpec(
        id="parallel",
        name=text("Parallel", "并行"),
        description=text(
            "Runs the separate parts inside at the same time; waits for all, or for the first ones.",
            "同时执行内部互不相连的部分；等待全部完成，或只等最先完成的。",
        ),
        category="control",
        icon="split",
        inputs=(Port(name="value", type="any", label=text("Value", "值")),),
        outputs=(
            Port(name="results", type="object", label=text("Results by part", "各部分结果")),
            Port(name="first", type="any", label=text("First result", "最先的结果")),
        ),
        config=(
            Field(
                name="wait_for",
                label=text("Wait for", "等待"),
                default="all",
                control="select",
                expression="never",
                options=(
                    Choice(value="all", label=text("All parts", "全部")),
                    Choice(value="first", label=text("The first that succeeds", "最先成功的一个")),
                    Choice(value="some", label=text("As many as needed", "指定数量")),
                ),
            ),
            Field(
                name="needed",
                type="integer",
                label=text("Needed", "所需数量"),
                default=1,
                minimum=1,
                maximum=1000,
                show_when={"wait_for": ("some",)},
            ),
            Field(
                name="limit",
                type="integer",
                label=text("At once", "并行数"),
                default=100,
                minimum=1,
                maximum=1000,
                expert=True,
            ),
        ),
        body=Body(
            gives=(Port(name="value", type="any", label=text("Value", "值")),), takes=(RESULT,), lanes=True
        ),
        default_timeout_s=MONTH_S,
        summary=text("{wait_for}", "{wait_for}"),
        example={
            "flow": {
                "nodes": [
                    {"id": "both", "type": "parallel"},
                    {
                        "id": "left",
                        "type": "switch",
                        "parent": "both",
                        "config": {"by": 1, "case_1": 1},
                        "pinned": {"case_1": "L"},
                    },
                    {
                        "id": "right",
                        "type": "switch",
                        "parent": "both",
                        "config": {"by": 1, "case_1": 1},
                        "pinned": {"case_1": "R"},
                    },
                ],
                "edges": [],
                "outputs": [{"name": "results", "value": "{{ both.results }}"}],
            },
            "outputs": {"results": {"left": "L", "right": "R"}},
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        race = _Race(ctx, inputs.get("value"), settings.integer("limit"))
        mode = settings.text("wait_for")
        lanes = len(ctx.sections)
        needed = {"all": lanes, "first": 1, "some": min(settings.integer("needed"), lanes)}[mode]
        await race.perform(needed, fails_at_once=mode == "all")
        return race.outputs()


class _Race:
    def __init__(self, ctx: Context, value: Any, limit: int) -> None:
        self._ctx = ctx
        self._value = value
        self._limit = asyncio.Semaphore(limit)
        self._results: dict[str, Any] = {}

    async def perform(self, needed: int, *, fails_at_once: bool) -> None:
        """Run the lanes until ``needed`` have succeeded, then cancel the others. Raises BodyFailed when
        that cannot be reached any more, and Leave when a lane left the loop around this node."""
        names = list(self._ctx.sections)
        # Not a task group: one lane's failure must not end the others while enough may still succeed.
        tasks = {
            asyncio.create_task(self._lane(i, name))  # noqa: TID251 - all are awaited below
            for i, name in enumerate(names)
        }
        left, spare = tasks, 0 if fails_at_once else len(names) - needed
        try:
            while left and len(self._results) < needed:
                done, left = await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
                for failure in (error for task in done if (error := task.exception()) is not None):
                    if isinstance(failure, BodyFailed) and spare > 0:
                        spare -= 1
                    else:
                        raise failure
        finally:
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks)

    async def _lane(self, index: int, name: str) -> None:
        async with self._limit:
            done = await self._ctx.body(index, {"value": self._value}, section=name)
        if done.left is not None:
            raise Leave(done.left.what, done.left.value)
        self._results[name] = done.value

    def outputs(self) -> NodeOutput:
        first = next(iter(self._results.values()), None)
        ordered = {name: self._results[name] for name in self._ctx.sections if name in self._results}
        return {"results": ordered, "first": first}
