"""Small stream nodes and a context for pipelines that run without a flow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, ClassVar, cast

from sage_studio.engine.streams import Checkpoint, Pipeline, StagePlan
from sage_studio.engine.streams.pipeline import Commit
from sage_studio.kernel import Json
from sage_studio.sdk import Chunk, Context, ItemStream, Node, NodeOutput, NodeSpec, StreamNode, text

WORDS = text("test", "测试")
SPEC = NodeSpec(id="test", name=WORDS, description=WORDS, category="utility", icon="dot")


class PlainContext:
    """As much of a context as stream nodes in these tests use."""

    def __init__(self, **config: Any) -> None:
        self.config = config
        self.seen: list[int] = []
        self.cancelled = False

    def progress(self, done: int, total: int | None = None, message: str = "") -> None:
        self.seen.append(done)

    def log(self, message: str, *, level: str = "info", **fields: Any) -> None:
        pass

    async def in_thread(self, function: Any, *args: Any) -> Any:
        return await asyncio.to_thread(function, *args)


Body = Callable[[Mapping[str, Any]], AsyncIterator[Mapping[str, Any]]]


def stage(
    stage_id: str,
    body: Body | Callable[[], Node],
    reads: Mapping[str, Sequence[tuple[str, str]]] | None = None,
    outputs: Sequence[str] = ("items",),
    **more: Any,
) -> StagePlan:
    """A stage out of a function of its inputs, or of a node class."""
    make = cast("Callable[[], Node]", body) if isinstance(body, type) else lambda: _node(cast(Body, body))
    return StagePlan(
        id=stage_id,
        make=make,
        context=cast(Context, PlainContext()),
        reads=reads or {},
        outputs=frozenset(outputs),
        **more,
    )


def _node(body: Body) -> Node:
    class Made(StreamNode):
        spec: ClassVar = SPEC

        def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[NodeOutput]:
            return body(inputs)

    return Made()


def pipeline(
    *plans: StagePlan,
    commit: Commit | None = None,
    resume_from: Checkpoint | None = None,
    interval_s: float = 3600,
) -> Pipeline:
    return Pipeline(plans, commit=commit, resume_from=resume_from, interval_s=interval_s)


class Numbers(StreamNode):
    """0, 1, 2, … ``count`` of them (endless when None), from where it was."""

    spec: ClassVar = SPEC
    count: ClassVar[int | None] = None
    step: ClassVar[int] = 1

    def __init__(self) -> None:
        self.position = 0
        self.acknowledged = 0
        self._marked = 0

    async def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[NodeOutput]:
        while self.count is None or self.position < self.count:
            first = self.position
            self.position += self.step if self.count is None else min(self.step, self.count - first)
            yield {"items": Chunk(range(first, self.position))}
            await asyncio.sleep(0)

    def snapshot(self) -> int:
        self._marked = self.position
        return self.position

    def restore(self, state: Any) -> None:
        self.position = state

    async def committed(self) -> None:
        self.acknowledged = self._marked


class Total(StreamNode):
    """Adds up what comes; says the sum at the end."""

    spec: ClassVar = SPEC

    def __init__(self) -> None:
        self.sum = 0
        self.count = 0

    async def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[NodeOutput]:
        stream: ItemStream = inputs["items"]
        async for chunk in stream.chunks():
            self.sum += sum(chunk)
            self.count += len(chunk)
        yield {"sum": self.sum, "count": self.count}

    def snapshot(self) -> Json:
        return [self.sum, self.count]

    def restore(self, state: Any) -> None:
        self.sum, self.count = state
