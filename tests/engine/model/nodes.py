"""The nodes that random flows are made of, and the ledger in which they note every execution.

They compute small numbers from all they are given, so that a value that came from a wrong place shows.
Everything that controls a flow (branches, merges, containers, stops) is the product's own node.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, ClassVar

from sage_studio.kernel import define_error
from sage_studio.plugins.registry import builtin_registry
from sage_studio.sdk import Context, Effect, Field, Node, NodeError, NodeOutput, NodeSpec, Port, text

PLANNED = define_error("model.planned", 9911, en="planned", zh="计划之中", retryable=True)
ALWAYS = 99
STUCK_S = 2_000_000
"""The time limit of a node that hangs for longer than any limit around it."""


RUN = "the run"


@dataclass
class Ledger:
    """What really happened in one test, over all workers: ``(node, path, attempt)`` per execution."""

    executions: list[tuple[str, str, int]] = field(default_factory=list)
    at_work: Counter[str] = field(default_factory=Counter)
    most_at_work: Counter[str] = field(default_factory=Counter)
    """By node id, and under ``RUN`` all of them."""
    on_execution: Callable[[str, str], None] = lambda node_id, path: None


LEDGER: ContextVar[Ledger] = ContextVar("ledger")


def digest(value: Any) -> int:
    """A number that depends on every part of a JSON value; a problem counts by where it arose."""
    if value is None:
        return 7
    if isinstance(value, bool):
        return 5 if value else 3
    if isinstance(value, (int, float)):
        return int(value)
    if isinstance(value, str):
        return sum(value.encode()) % 97
    if isinstance(value, Mapping):
        known = problem_key(value) if "code" in value else value
        return _fold(part for key in sorted(known) for part in (key, known[key]))
    return _fold(value)


def _fold(parts: Any) -> int:
    total = 11
    for part in parts:
        total = (total * 31 + digest(part)) % 9973
    return total


def problem_key(problem: Mapping[str, Any]) -> dict[str, Any]:
    """What two reports of the same failure have in common."""
    return {
        "code": problem["code"],
        "node_id": problem.get("node_id"),
        "iteration_path": problem.get("iteration_path") or "",
    }


def answer(base: Any, reads: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What a calculating node gives: a number, a short list, and a port only for odd numbers."""
    value = (digest(base) + 3 * digest(reads) + 5 * digest(dict(inputs))) % 100
    outputs: dict[str, Any] = {"value": value, "list": [(value + i) % 10 for i in range(value % 4)]}
    if value % 2:
        outputs["odd"] = value
    return outputs


def attempt_of_container(path: str) -> int:
    """The attempt of the nearest container around a node run; 0 at the top level."""
    return int(path.rpartition("@")[2]) if path else 0


def fails(config: Mapping[str, Any], attempt: int, path: str) -> bool:
    """Whether the script says that this attempt fails."""
    return attempt <= config["fails"] or attempt_of_container(path) in range(1, config["fails_within"] + 1)


def _port(name: str, **more: Any) -> Port:
    return Port(name=name, label=text(name, name), **more)


def _field(name: str, **more: Any) -> Field:
    return Field(name=name, label=text(name, name), **more)


def _spec(type_id: str, effect: Effect) -> NodeSpec:
    words = text(type_id, type_id)
    return NodeSpec(
        id=type_id,
        name=words,
        description=words,
        category="utility",
        icon="dot",
        effect=effect,
        inputs=(_port("a"), _port("b"), _port("needed", required=True), _port("many", multiple=True)),
        outputs=(_port("value"), _port("list"), _port("odd")),
        config=(
            _field("base", type="any", default=0, wireable=True),
            _field("reads", type="any"),
            _field("turns", type="integer", default=0, expression="never"),
            _field("fails", type="integer", default=0, expression="never"),
            _field("fails_within", type="integer", default=0, expression="never"),
            _field("can_retry", type="boolean", default=True, expression="never"),
            _field("hangs", type="integer", default=0, expression="never"),
            _field("asks_s", type="number", default=0, expression="never"),
        ),
    )


class Calc(Node):
    """Waits a few turns of the loop, then hangs, fails or answers as its script says; ``asks_s`` is how long
    to wait before it is tried again."""

    spec: ClassVar = _spec("calc", "pure")

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        ledger = LEDGER.get()
        ledger.executions.append((ctx.node_id, ctx.iteration_path, ctx.attempt))
        for what in (RUN, ctx.node_id):
            ledger.at_work[what] += 1
            ledger.most_at_work[what] = max(ledger.most_at_work[what], ledger.at_work[what])
        try:
            ledger.on_execution(ctx.node_id, ctx.iteration_path)
            for _ in range(ctx.config["turns"]):
                await asyncio.sleep(0)
            if ctx.attempt <= ctx.config["hangs"]:
                await asyncio.Event().wait()
        finally:
            ledger.at_work.subtract((RUN, ctx.node_id))
        if fails(ctx.config, ctx.attempt, ctx.iteration_path):
            facts = {"retry_after_s": ctx.config["asks_s"]}
            raise NodeError(PLANNED, facts, retryable=ctx.config["can_retry"])
        return answer(ctx.config["base"], ctx.config["reads"], inputs)


class Act(Calc):
    """The same with an effect that may be repeated under its key."""

    spec: ClassVar = _spec("act", "idempotent")


class Once(Calc):
    """The same with an effect that nobody may repeat unasked."""

    spec: ClassVar = _spec("once", "at_most_once")


class Library:
    """The test nodes and the product's own."""

    def __init__(self) -> None:
        self._builtin = builtin_registry()
        self._own: dict[str, type[Node]] = {node.spec.id: node for node in (Calc, Act, Once)}

    def get(self, type_id: str, version: str | None = None) -> type[Node] | None:
        return self._own.get(type_id) or self._builtin.get(type_id)

    def spec(self, type_id: str, version: str | None = None) -> NodeSpec | None:
        found = self.get(type_id)
        return found.spec if found else None

    def specs(self) -> list[NodeSpec]:
        return [*(node.spec for node in self._own.values()), *self._builtin.specs()]
