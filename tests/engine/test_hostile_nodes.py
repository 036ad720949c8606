"""Nodes that leave their code in ways nobody expects: no run looks done that is not, no worker ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, ClassVar

import pytest

from sage_studio.engine import (
    Batch,
    Controls,
    FlowState,
    MemoryRunStore,
    RunResult,
    compile_flow,
    run_flow,
    stepping,
)
from sage_studio.flow import parse_plain
from sage_studio.plugins.registry import NodeRegistry, builtin_registry
from sage_studio.sdk import Context, Node, NodeError, NodeOutput
from tests.engine.nodes import BUSY, HOST, NODES, config, flow, node, spec, states


class Quits(Node):
    """Raises what its setting says, at once or after waiting."""

    spec: ClassVar = spec("quits", config=(config("how", type="string"), config("waits", type="boolean")))
    raises: ClassVar[dict[str, type[BaseException]]] = {
        "cancelled": asyncio.CancelledError,
        "exit": SystemExit,
    }

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        if ctx.config.get("waits"):
            await asyncio.sleep(0)
        raise self.raises[ctx.config["how"]]("by design")


class QuitsBeside(Quits):
    """The same, in a thread."""

    spec: ClassVar = spec("quits_beside", blocking=True, config=(config("how", type="string"),))


class Cleans(Node):
    """Fails before it has opened what its ``close`` closes."""

    spec: ClassVar = spec("cleans")
    client: Any

    async def prepare(self, ctx: Context) -> None:
        raise NodeError(BUSY, {}, retryable=False)

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        raise AssertionError("never prepared")

    async def close(self) -> None:
        self.client.close()


class Lingers(Node):
    """Works too long, and never ends closing."""

    spec: ClassVar = spec("lingers")

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        await asyncio.sleep(3600)
        return {}

    async def close(self) -> None:
        await asyncio.sleep(3600)


class Half(Node):
    """Gives something that is no mapping in the middle."""

    spec: ClassVar = spec("half")
    log: ClassVar[list[str]] = []

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[Any]:  # type: ignore[override]
        try:
            yield {"value": 1}
            yield 2
        finally:
            self.log.append("left")

    async def close(self) -> None:
        self.log.append("closed")


class Babbles(Node):
    """Does not listen when it is cancelled, and goes on talking."""

    spec: ClassVar = spec("babbles")
    is_let_go: ClassVar[asyncio.Event]

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        while not self.is_let_go.is_set():
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0.001)
            ctx.log("still here")
        return {}


HOSTILE = NodeRegistry([*NODES.values(), Quits, QuitsBeside, Cleans, Lingers, Half, Babbles])
BUILTIN = builtin_registry()


class Types:
    def get(self, type_id: str, version: str | None = None) -> type[Node] | None:
        return HOSTILE.get(type_id) or BUILTIN.get(type_id)


async def run(
    body: dict[str, Any], store: MemoryRunStore | None = None, controls: Controls | None = None
) -> RunResult:
    plan = compile_flow(parse_plain(body), Types())
    with ThreadPoolExecutor(2) as threads:
        async with asyncio.timeout(30):
            return await run_flow(
                plan,
                run_id="run-1",
                inputs={},
                store=store or MemoryRunStore(),
                host=HOST,
                threads=threads,
                controls=controls,
            )


@pytest.mark.parametrize("how", ["cancelled", "exit"])
@pytest.mark.parametrize(
    "more", [{"type_": "quits"}, {"type_": "quits", "waits": True}, {"type_": "quits_beside"}]
)
@pytest.mark.parametrize("optimise", ["on", "off"])
async def test_a_node_that_cancels_itself_or_leaves_the_program_has_failed(
    how: str, more: dict[str, Any], optimise: str
) -> None:
    body = flow(
        [node("a", "add"), node("q", how=how, **more), node("b", "add")],
        ["a>q", "q>b"],
        settings={"optimise": optimise},
    )
    result = await run(body)
    assert result.state is FlowState.FAILED
    assert states(result) == {"a": "completed", "q": "failed"}
    assert result.error is not None
    assert result.error["code"] == "node.crashed"


async def test_inside_a_container_it_fails_the_iteration() -> None:
    body = flow([node("m", "map_each", items=[1, 2], on_item_error="collect"),
                 {**node("q", "quits", how="cancelled", waits=True), "parent": "m"}])  # fmt: skip
    result = await run(body)
    assert result.state is FlowState.COMPLETED
    assert [error["error"]["code"] for error in result.outputs["m"]["errors"]] == ["node.crashed"] * 2


async def test_what_went_wrong_first_is_told_when_closing_fails_too() -> None:
    result = await run(flow([node("c", "cleans")]))
    assert result.error is not None
    assert result.error["code"] == "test.busy"


async def test_a_node_over_its_time_limit_cannot_hold_the_run_up_by_closing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    defaults = stepping.run_whole.__kwdefaults__
    assert defaults is not None
    assert defaults["close_s"] == stepping.CLOSE_S
    monkeypatch.setitem(defaults, "close_s", 0.01)
    result = await run(flow([node("c", "lingers", timeout_s=0.01)]))
    assert result.error is not None
    assert result.error["code"] == "node.timeout"


async def test_a_generator_let_go_in_the_middle_cleans_up_before_its_node_is_closed() -> None:
    Half.log.clear()
    result = await run(flow([node("h", "half")]))
    assert result.error is not None
    assert result.error["code"] == "node.bad_output"
    assert Half.log == ["left", "closed"]


class SlowEnd(MemoryRunStore):
    """Takes its time to write how a run ended, in which others have their turns."""

    async def record(self, run_id: str, batch: Batch) -> None:
        if batch.outcome is not None:
            for _ in range(50):
                await asyncio.sleep(0.001)
        await super().record(run_id, batch)


async def test_a_run_that_has_ended_says_no_more_whoever_does_not_listen() -> None:
    Babbles.is_let_go = asyncio.Event()
    store, controls = SlowEnd(), Controls(grace_s=0.01)
    task = asyncio.create_task(run(flow([node("b", "babbles")]), store, controls))
    try:
        while "run-1" not in store.events:
            await asyncio.sleep(0.001)
        controls.cancel()
        result = await task
    finally:
        Babbles.is_let_go.set()
    assert result.state is FlowState.CANCELLED
    assert store.events["run-1"][-1].type == "run_cancelled"
