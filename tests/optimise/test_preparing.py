"""The likely branch is prepared while the nodes before it work; nothing runs because of a prediction."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any, ClassVar

from sage_studio.engine import MemoryRunStore, RunOptions, RunResult, compile_flow, run_flow
from sage_studio.engine.prediction import BranchHistory, Scorecard
from sage_studio.engine.preparing import BranchLearning
from sage_studio.flow import parse_plain
from sage_studio.plugins.registry import NodeRegistry
from sage_studio.sdk import Context, Node, NodeError, NodeOutput
from tests.engine.nodes import HOST, NODES, config, flow, node, spec

LOG: ContextVar[list[str]] = ContextVar("log")


class Costly(Node):
    """Opens something before it runs."""

    spec: ClassVar = spec("costly", config=(config("breaks", type="boolean", default=False),))

    def __init__(self) -> None:
        self.opened = 0

    async def prepare(self, ctx: Context) -> None:
        LOG.get().append(f"open {ctx.node_id}")
        await asyncio.sleep(0.01)
        if ctx.config["breaks"] and len(LOG.get()) == 1:
            raise NodeError.plain("not yet")
        self.opened += 1

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        LOG.get().append(f"run {ctx.node_id}")
        return {"value": self.opened}

    async def close(self) -> None:
        LOG.get().append("close")


class Slow(Node):
    spec: ClassVar = spec("slow")

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        await asyncio.sleep(0.05)
        LOG.get().append("slow is done")
        return {"value": 1}


TYPES = NodeRegistry((*NODES.values(), Costly, Slow))


def asks(*, yes: str = "{{ flow.inputs.yes }}", **more: Any) -> dict[str, Any]:
    """Something slow, then a branch, with a costly node on either side."""
    return flow(
        [
            node("slow", "slow"),
            node("if", "branch", yes=yes),
            node("zh", "costly", **more),
            node("en", "costly"),
        ],
        ["slow>if", "if:true>zh", "if:false>en"],
    )


def ran(body: dict[str, Any], learning: BranchLearning, *, yes: bool) -> tuple[RunResult, list[str]]:
    plan = compile_flow(parse_plain(body), TYPES)
    log: list[str] = []
    token = LOG.set(log)

    async def whole() -> RunResult:
        with ThreadPoolExecutor(1) as threads:
            return await run_flow(
                plan, run_id="r", flow_id="f", inputs={"yes": yes}, store=MemoryRunStore(), host=HOST,
                threads=threads, options=RunOptions(branches=learning),
            )  # fmt: skip

    try:
        return asyncio.run(whole()), log
    finally:
        LOG.reset(token)


def learned(*branches: str) -> BranchLearning:
    history = BranchHistory()
    for branch in branches:
        history.observe("if", branch, {})
    return BranchLearning(history, Scorecard())


def test_the_likely_branch_is_open_before_it_is_chosen_and_opened_only_once() -> None:
    learning = learned(*["true"] * 20)

    result, log = ran(asks(), learning, yes=True)

    assert result.state == "completed"
    assert log == ["open zh", "slow is done", "run zh", "close"]
    assert result.nodes["zh"].outputs == {"value": 1}
    card = learning.card
    assert (card.predictions, card.hits, card.prepared, card.used) == (1, 1, 1, 1)
    assert card.saved_ms > 0
    assert card.wasted_ms == 0


def test_a_wrong_prediction_costs_the_preparation_and_runs_nothing() -> None:
    learning = learned(*["true"] * 20)

    result, log = ran(asks(), learning, yes=False)

    assert result.node_state("zh") == "skipped"
    assert log == ["open zh", "slow is done", "open en", "run en", "close", "close"]
    card = learning.card
    assert (card.predictions, card.hits, card.used) == (1, 0, 0)
    assert card.wasted_ms > 0
    assert card.saved_ms == 0


def test_without_experience_nothing_is_prepared_but_the_branch_is_learned() -> None:
    learning = learned()

    logs = [ran(asks(), learning, yes=True)[1] for _ in range(6)]

    assert learning.card.predictions > 0
    prediction = learning.history.predict("if", {"yes": "True"})
    assert prediction is not None
    assert prediction.branch == "true"
    assert logs[0][0] == "slow is done"
    assert logs[-1][0] == "open zh"


def test_a_preparation_that_fails_is_forgotten_and_done_again_by_the_node_itself() -> None:
    learning = learned(*["true"] * 20)

    result, log = ran(asks(breaks=True), learning, yes=True)

    assert result.state == "completed"
    assert log.count("open zh") == 2
    assert (learning.card.failed, learning.card.used) == (1, 0)


def test_a_configuration_that_is_not_known_yet_is_not_prepared() -> None:
    learning = learned(*["true"] * 20)

    result, log = ran(asks(breaks="{{ slow.value == 2 }}"), learning, yes=True)

    assert result.state == "completed"
    assert log[0] == "slow is done"
