"""Tiny nodes and helpers for engine tests."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar

from sage_studio.engine import (
    Allowance,
    Controls,
    Host,
    MemoryRunStore,
    RunResult,
    RunStore,
    compile_flow,
    run_flow,
)
from sage_studio.flow import parse_plain
from sage_studio.flow.document import Budget
from sage_studio.kernel import Clock, Json, define_error
from sage_studio.plugins.model_prices import listed_price
from sage_studio.plugins.registry import NodeRegistry
from sage_studio.sdk import Context, Field, Node, NodeError, NodeOutput, NodeSpec, Port, Price, text
from sage_studio.sdk.money import minor_to_micros

BUSY = define_error(
    "test.busy", 9901, en="busy", zh="忙", retryable=True,
)  # fmt: skip


def spec(node_id: str, **more: Any) -> NodeSpec:
    words = text(node_id, node_id)
    more.setdefault("inputs", (Port(name="value", label=words),))
    more.setdefault("outputs", (Port(name="value", label=words),))
    return NodeSpec(id=node_id, name=words, description=words, category="utility", icon="dot", **more)


def config(name: str, **more: Any) -> Field:
    return Field(name=name, label=text(name, name), **more)


class Start(Node):
    spec: ClassVar = spec("start", inputs=(), trigger=True)

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        return {"value": dict(inputs)}


class Add(Node):
    """Adds ``by`` to what reaches it (0 without an edge)."""

    spec: ClassVar = spec("add", config=(config("by", type="number", default=1, wireable=True),))

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        return {"value": inputs.get("value", 0) + ctx.config["by"]}


class Say(Node):
    """Gives its configuration back."""

    spec: ClassVar = spec("say", config=(config("text", type="any"),))

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        return {"value": ctx.config["text"]}


class Each(Node):
    """Evaluates its item expression for 1, 2 and 3."""

    spec: ClassVar = spec("each", config=(config("what", type="any", expression="item"),))

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        return {"value": [ctx.config["what"].evaluate(item, i) for i, item in enumerate((1, 2, 3))]}


class Branch(Node):
    spec: ClassVar = spec(
        "branch",
        config=(config("yes", type="boolean", default=True),),
        outputs=(Port(name="true", label=text("t", "t")), Port(name="false", label=text("f", "f"))),
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        return {"true" if ctx.config["yes"] else "false": inputs.get("value")}


class Join(Node):
    spec: ClassVar = spec("join", inputs=(Port(name="values", label=text("v", "v"), multiple=True),))

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        return {"value": [list(pair) for pair in inputs["values"]]}


class Pair(Node):
    """Needs ``left``; ``right`` is optional."""

    spec: ClassVar = spec(
        "pair",
        inputs=(
            Port(name="left", label=text("l", "l"), required=True),
            Port(name="right", label=text("r", "r")),
        ),
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        return {"value": [inputs["left"], inputs.get("right")]}


BEGUN: list[str] = []
"""Nodes that wait here have begun, in order; a test empties it."""


class Sleep(Node):
    """Waits ``seconds``; says when it began and ended."""

    spec: ClassVar = spec("sleep", config=(config("seconds", type="number", default=0.05),))

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        began = time.monotonic()
        BEGUN.append(ctx.node_id)
        await asyncio.sleep(ctx.config["seconds"])
        return {"value": [began, time.monotonic()]}


class Once(Sleep):
    spec: ClassVar = spec("once", effect="at_most_once", config=Sleep.spec.config)


class Deaf(Node):
    """Refuses to be cancelled until a test lets it go."""

    spec: ClassVar = spec("deaf")
    is_let_go: ClassVar[bool] = False

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        BEGUN.append(ctx.node_id)
        while not Deaf.is_let_go:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0.01)
        return {"value": None}


class Flaky(Node):
    """Fails ``failures`` times, then succeeds with the number of its attempt and its key."""

    spec: ClassVar = spec(
        "flaky",
        effect="idempotent",
        config=(
            config("failures", type="integer", default=1),
            config("retryable", type="boolean", default=True),
            config("after", type="number", default=0),
        ),
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        if ctx.attempt <= ctx.config["failures"]:
            raise NodeError(BUSY, {"retry_after_s": ctx.config["after"]}, retryable=ctx.config["retryable"])
        return {"value": [ctx.attempt, ctx.idempotency_key]}


class Crash(Node):
    spec: ClassVar = spec("crash")

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        raise ZeroDivisionError("by design")


class Effect(Node):
    """Notes its key in a ledger the test holds; waits as long as ``seconds``."""

    spec: ClassVar = spec(
        "effect", effect="idempotent", config=(config("seconds", type="number", default=0),)
    )
    ledger: ClassVar[list[str]] = []

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        self.ledger.append(ctx.idempotency_key)
        BEGUN.append(ctx.node_id)
        if ctx.config["seconds"]:
            await asyncio.sleep(ctx.config["seconds"])
        return {"value": ctx.node_id}


class Blocking(Node):
    """Runs in a pool thread, where it may block and still await its context."""

    spec: ClassVar = spec("blocking", blocking=True)

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        ctx.log("from a thread")
        time.sleep(0.02)  # noqa: ASYNC251 - blocking is what this node is for
        secret = await ctx.credential("key")
        await ctx.state.set("seen", secret["api_key"])
        return {"value": [threading.current_thread().name, await ctx.state.get("seen")]}


class Parts(Node):
    """Gives its output in parts."""

    spec: ClassVar = spec(
        "parts",
        outputs=(
            Port(name="rows", type="stream<integer>", label=text("r", "r")),
            Port(name="last", label=text("l", "l")),
        ),
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[NodeOutput]:  # type: ignore[override]
        for i in range(3):
            yield {"rows": i, "last": i}


class Opened(Node):
    """Has both hooks."""

    spec: ClassVar = spec("opened")
    log: ClassVar[list[str]] = []

    async def prepare(self, ctx: Context) -> None:
        self.log.append("prepare")

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        self.log.append("run")
        raise NodeError.plain("no")

    async def close(self) -> None:
        self.log.append("close")


class Wrong(Node):
    spec: ClassVar = spec("wrong")

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        return [1]  # type: ignore[return-value]


class Leak(Node):
    """Says its secret aloud."""

    spec: ClassVar = spec("leak")

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        secret = (await ctx.credential("key"))["api_key"]
        ctx.log(f"using {secret}", key=secret)
        return {"value": f"Bearer {secret}"}


NODES: dict[str, type[Node]] = {
    node.spec.id: node
    for node in (
        Start, Add, Say, Each, Branch, Join, Pair, Sleep, Once, Deaf, Flaky, Crash, Effect, Blocking, Parts,
        Opened, Wrong, Leak,
    )
}  # fmt: skip


@dataclass
class FakeState:
    values: dict[str, Any] = field(default_factory=dict)

    async def get(self, key: str, default: Any = None, *, scope: str = "flow") -> Any:
        return self.values.get(f"{scope} {key}", default)

    async def set(self, key: str, value: Any, *, scope: str = "flow") -> None:
        self.values[f"{scope} {key}"] = value


class FakeHost:
    """Only what these tests reach for."""

    secrets_seen: frozenset[str] = frozenset({"s3cret-value"})
    http: Any = None
    files: Any = None
    blobs: Any = None
    vectors: Any = None
    llm: Any = None
    notifier: Any = None
    cache: Any = None

    def __init__(self) -> None:
        self._state = FakeState()

    def state(self, flow_id: str) -> FakeState:
        return self._state

    async def credential(self, name: str, *, host: str = "", port: int | None = None) -> Mapping[str, str]:
        return {"api_key": "s3cret-value"}

    async def price(self, model: str) -> Price | None:
        return listed_price(model)

    async def allowances(self, budget: Budget | None) -> Sequence[Allowance]:
        if budget is None:
            return ()
        return [Allowance(minor_to_micros(budget.amount, budget.currency), budget.currency)]

    async def start_flow(
        self,
        ref: str,
        inputs: Mapping[str, Any],
        *,
        version: str,
        key: str,
        deliver: Callable[[Json], None],
    ) -> str:
        raise NodeError.plain(f"there is no flow {ref!r} here")

    async def cancel_flow(self, child_id: str, *, is_let_go: bool) -> None:
        raise AssertionError("no flow was started")


HOST: Host = FakeHost()


def flow(nodes: list[dict[str, Any]], edges: list[str] | None = None, **more: Any) -> dict[str, Any]:
    """A flow; an edge is written ``a:out>b:in``, and ``a>b`` means their ports called ``value``."""
    wires = []
    for edge in edges or []:
        source, target = edge.split(">")
        (source_id, _, source_port), (target_id, _, target_port) = (
            source.partition(":"),
            target.partition(":"),
        )
        wires.append(
            {
                "source": source_id,
                "source_port": source_port or "value",
                "target": target_id,
                "target_port": target_port or "value",
            }
        )
    return {"nodes": nodes, "edges": wires, **more}


def node(node_id: str, type_: str, **more: Any) -> dict[str, Any]:
    """A node; unknown keywords are configuration."""
    own = {"retry", "timeout_s", "on_error", "disabled", "pinned", "name"}
    settings = {key: more.pop(key) for key in list(more) if key in own}
    return {"id": node_id, "type": type_, "config": more, **settings}


async def run(
    body: dict[str, Any],
    *,
    run_id: str = "run-1",
    store: RunStore | None = None,
    controls: Controls | None = None,
    clock: Clock | None = None,
    **inputs: Any,
) -> RunResult:
    plan = compile_flow(parse_plain(body), NodeRegistry(NODES.values()))
    with ThreadPoolExecutor(2, thread_name_prefix="node") as threads:
        return await run_flow(
            plan,
            run_id=run_id,
            flow_id="flow-1",
            inputs=inputs,
            store=store or MemoryRunStore(),
            host=HOST,
            threads=threads,
            controls=controls,
            clock=clock,
        )


def states(result: RunResult) -> dict[str, str]:
    return {node_id: record.state for node_id, record in result.nodes.items()}


def events_of(store: MemoryRunStore, run_id: str = "run-1") -> list[str]:
    return [event.type for event in store.events[run_id]]
