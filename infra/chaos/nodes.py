"""Nodes whose effect survives any kill: a line in a file, written with one call.

The ledger lies where ``SAGE_CHAOS_LEDGER`` says. ``SAGE_CHAOS_HASTE`` makes nodes wait not at all: the
oracle has no time to lose.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Mapping
from typing import Any, ClassVar

from sage_studio.plugins.registry import builtin_registry
from sage_studio.sdk import Context, Effect, Field, Node, NodeError, NodeOutput, NodeSpec, Port, text

LEDGER_NAME = "SAGE_CHAOS_LEDGER"
HASTE_NAME = "SAGE_CHAOS_HASTE"


def _spec(node_id: str, effect: Effect) -> NodeSpec:
    words = text(node_id, node_id)
    return NodeSpec(
        id=node_id,
        name=words,
        description=words,
        category="utility",
        icon="dot",
        inputs=(Port(name="value", label=words),),
        outputs=(Port(name="value", label=words),),
        config=(
            Field(name="tag", label=words, default=""),
            Field(name="seconds", type="number", label=words, default=0),
            Field(name="give", type="any", label=words),
            Field(name="fails", type="integer", label=words, default=0),
        ),
        effect=effect,
    )


class Step(Node):
    """Gives ``give``; the first ``fails`` attempts fail."""

    spec: ClassVar = _spec("chaos_step", "pure")

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        await _pass_time(ctx)
        return _outcome(ctx)


class Keep(Node):
    """Has the host keep ``give`` and reads it back."""

    spec: ClassVar = _spec("chaos_keep", "idempotent")

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        _append(ctx, is_once=False)
        name = f"{ctx.config['tag']}/{ctx.node_id}"
        await ctx.state.set(name, ctx.config["give"])
        await _pass_time(ctx)
        return {"value": await ctx.state.get(name)}


class Effectful(Node):
    """Writes its line, then takes its time: a kill mostly finds the effect done and the node not."""

    spec: ClassVar = _spec("chaos_effect", "idempotent")

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        _append(ctx, is_once=self.spec.effect == "at_most_once")
        await _pass_time(ctx)
        return _outcome(ctx)


class Once(Effectful):
    """The same, for nobody to repeat."""

    spec: ClassVar = _spec("chaos_once", "at_most_once")


async def _pass_time(ctx: Context) -> None:
    if not os.environ.get(HASTE_NAME):
        await asyncio.sleep(float(ctx.config["seconds"]))


def _outcome(ctx: Context) -> NodeOutput:
    if ctx.attempt <= ctx.config["fails"]:
        raise NodeError.plain("not yet", retryable=True)
    return {"value": ctx.config["give"]}


def _append(ctx: Context, *, is_once: bool) -> None:
    line = {
        "tag": ctx.config["tag"],
        "run": ctx.run_id,
        "node": ctx.node_id,
        "path": ctx.iteration_path,
        "attempt": ctx.attempt,
        "key": ctx.idempotency_key,
        "once": is_once,
        "pid": os.getpid(),
        "at": time.time(),
    }
    descriptor = os.open(os.environ[LEDGER_NAME], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        os.write(descriptor, (json.dumps(line) + "\n").encode())
    finally:
        os.close(descriptor)


def register() -> None:
    """Make the nodes known in this process."""
    registry = builtin_registry()
    for node in (Step, Effectful, Once, Keep):
        if registry.get(node.spec.id) is None:
            registry.add(node)
