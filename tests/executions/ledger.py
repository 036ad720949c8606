"""Test nodes with an effect outside the database: a line in a file, which survives any kill."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from sage_studio.plugins.registry import builtin_registry
from sage_studio.sdk import Context, Field, Node, NodeError, NodeOutput, NodeSpec, Port, text


def _spec(node_id: str, effect: Any) -> NodeSpec:
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
            Field(name="path", label=words),
            Field(name="seconds", type="number", label=words, default=0),
            Field(name="give", type="any", label=words),
            Field(name="fail", type="boolean", label=words, default=False),
            Field(name="needs", label=words),
            Field(name="deadly", type="integer", label=words, default=0),
        ),
        effect=effect,
    )


def _append(path: Path, line: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(line)


class Ledger(Node):
    """Appends its node id, attempt, key and process to the file ``path``, then waits ``seconds``; takes
    its process down with it for the first ``deadly`` attempts, and fails until the file ``needs`` exists."""

    spec: ClassVar = _spec("test_ledger", "idempotent")

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        _append(
            Path(ctx.config["path"]), f"{ctx.node_id} {ctx.attempt} {ctx.idempotency_key} {os.getpid()}\n"
        )
        await asyncio.sleep(ctx.config["seconds"])
        if ctx.attempt <= ctx.config["deadly"]:
            os.kill(os.getpid(), signal.SIGKILL)
        needed = ctx.config["needs"]
        if ctx.config["fail"] or (needed and not os.access(needed, os.F_OK)):
            raise NodeError.plain("the ledger is closed")
        return {"value": ctx.config["give"]}


class LedgerOnce(Ledger):
    spec: ClassVar = _spec("test_ledger_once", "at_most_once")


class LedgerPure(Ledger):
    """Writes its line all the same, so that a test can count how often it ran."""

    spec: ClassVar = _spec("test_ledger_pure", "pure")


def register() -> None:
    """Make the test nodes known in this process."""
    registry = builtin_registry()
    for node in (Ledger, LedgerOnce, LedgerPure):
        if registry.get(node.spec.id) is None:
            registry.add(node)


def lines(path: Path) -> list[list[str]]:
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []
